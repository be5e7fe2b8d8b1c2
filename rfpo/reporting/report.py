"""report.html: what a person wants to know of one run, in one file."""

from collections import Counter
from collections.abc import Sequence
from math import exp, prod
from pathlib import Path

from rfpo.reporting import page
from rfpo.reporting.plots import Line, Panel
from rfpo.reporting.store import RunStore
from rfpo.reporting.wording import duration, percent, tokens

X_LABEL = "generated tokens"
CURVES = (  # title, metric, whether it is a share
    ("Reward", "reward", False),
    ("Solved share", "solved_share", True),
    ("Share of stuck groups", "stuck_share", True),
    ("Fix rate of stuck groups", "fix_rate", True),
)
SMOOTHED_FROM = 40  # steps; fewer are drawn as they are


def report(run_dir: Path) -> Path:
    """Writes `run_dir`/report.html and returns its path. It can be written while the run goes on.

    The metrics that it reads are listed in rfpo.reporting; what a run did not record is left out. Raises UserError when
    `run_dir` is no run.
    """
    store = RunStore.open(run_dir)
    metrics = store.metrics()
    corrections = [row for row in store.rollouts(origin="corrected") if row["outcome"] == "solved" and row["parent_text"]]
    name = store.directory.resolve().name
    path = store.directory / "report.html"
    page.write_page(path, name, [
        f"<h1>{page.escape(name)}</h1>",
        page.tiles(_headline(metrics, store.timings())) if metrics else page.paragraph("No step is finished yet."),
        *_curves(metrics),
        *_off_policy(corrections),
        *_operators(metrics),
        *_corrections([row for row in corrections if row["text"] != row["parent_text"]]),
        *_leaks(corrections),
        *_tokens(metrics),
        page.heading("Settings"), page.folded("run.toml", page.code(store.run_toml)),
    ])
    return path


def _headline(metrics: Sequence[dict], timings: Sequence[dict]) -> list[tuple[str, str]]:
    """The last value of each; tries and time are of the whole run."""
    shown = [("steps", f"{metrics[-1]['step']:,}")]
    for label, key, written in (("generated tokens", "generated_tokens", tokens), ("reward", "reward", "{:.3f}".format),
                                ("solved share", "solved_share", percent), ("stuck groups", "stuck_share", percent)):
        if (value := _last(metrics, key)) is not None:
            shown.append((label, written(value)))
    if any("tries" in record for record in metrics):
        tries = sum(record.get("tries") or 0 for record in metrics)
        successes = sum(round((record.get("tries") or 0) * (record.get("try_success") or 0)) for record in metrics)
        shown.append(("tries succeeded", f"{successes:,} of {tries:,}"))
    if spent := sum(record.get("seconds") or 0 for record in timings):
        shown.append(("time", duration(spent)))
    return shown


def _curves(metrics: Sequence[dict]) -> list[str]:
    panels = [Panel(title, X_LABEL, tuple(_lines(metrics, [key])), share=share) for title, key, share in CURVES]
    evaluations = sorted({key for record in metrics for key in record if "pass@" in key})
    panels.append(Panel("Evaluation", X_LABEL, tuple(_lines(metrics, evaluations, "evaluation/")), share=True))
    drawn = [panel for panel in panels if panel.lines]
    return [page.heading("Course of the run"), page.figures(drawn)] if drawn else []


def _lines(metrics: Sequence[dict], keys: Sequence[str], prefix: str | None = None) -> list[Line]:
    """A line for each metric that has values; long ones get a running mean over a twentieth of the run."""
    lines = []
    for colour, key in enumerate(keys):
        points = [(record["generated_tokens"], record[key]) for record in metrics
                  if record.get(key) is not None and record.get("generated_tokens") is not None]
        if not points:
            continue
        x, y = zip(*points, strict=True)
        label = None if prefix is None else key.removeprefix(prefix)
        if len(y) >= SMOOTHED_FROM:
            lines.append(Line(x, y, None, colour, faint=True))
            y = _running_mean(y, len(y) // 20)
        lines.append(Line(x, y, label, colour))
    return lines


def _running_mean(values: Sequence[float], reach: int) -> list[float]:
    """Mean of each value and of at most `reach` values on either side."""
    windows = (values[max(0, i - reach):i + reach + 1] for i in range(len(values)))
    return [sum(window) / len(window) for window in windows]


def _off_policy(corrections: Sequence[dict]) -> list[str]:
    logs = [row["log_r_off"] for row in corrections if row["log_r_off"] is not None]
    if not logs:
        return []
    ratios = tuple(exp(max(-50.0, min(50.0, log))) for log in logs)  # a histogram cannot show what overflows
    return [page.heading("Off-policy ratio"), page.paragraph(
        f"R_off of {len(ratios):,} corrections; {percent(sum(r > 1 for r in ratios) / len(ratios))} of them are above 1, where "
        "the correction weighs more than a sampled answer."),
        page.figures([Panel("Number of corrections", "off-policy ratio R_off", values=ratios)])]


def _operators(metrics: Sequence[dict]) -> list[str]:
    """Tries, successes, tokens and leaks of each operator over the whole run; [] for a run without any."""
    names = sorted({key.split("/")[1] for record in metrics for key in record if key.startswith("operator/")})
    if not names:
        return []

    def summed(name: str, *keys: str) -> float:
        """Over the steps, of the product of these numbers of the operator's."""
        return sum(prod(record.get(f"operator/{name}/{key}") or 0 for key in keys) for record in metrics)

    rows = []
    for name in names:
        tries, right = summed(name, "tries"), summed(name, "tries", "try_success")
        leaks = summed(name, "tries", "try_success", "leak_rate")
        rows.append((name, f"{tries:,.0f}", percent(right / tries) if tries else "-", f"{summed(name, 'tokens'):,.0f}",
                     percent(leaks / right) if right else "-"))
    return [page.heading("Operators"), page.table(("operator", "tries", "right", "tokens", "leak rate"), rows)]


def _corrections(corrections: Sequence[dict], most: int = 4) -> list[str]:
    """The latest ones, of different prompts."""
    latest = list({row["prompt_id"]: row for row in corrections}.values())[-most:]
    if not latest:
        return []
    return [page.heading("Corrections"), page.paragraph(
        "The model's own wrong answer, and what it made of it. Marked is the first error where the verifier gave its place, "
        "else where the two part."), *(_example(row) for row in reversed(latest))]


def _example(row: dict) -> str:
    error = page.span(row["error_start"], row["error_end"]) or _parting(row["parent_text"], row["text"])
    caption = f"step {row['step']}, {row['prompt_id']}, {row['operator']}, {_counted(row['tries'] or 0, 'try', 'tries')}"
    return page.before_and_after(row["prompt"] or "", row["parent_text"], row["text"] or "", error, caption)


def _parting(before: str, after: str) -> tuple[int, int]:
    """The first character of `before` that differs from `after`; no width where `before` ends first."""
    pairs = enumerate(zip(before, after, strict=False))
    start = next((index for index, (left, right) in pairs if left != right), min(len(before), len(after)))
    return start, min(start + 1, len(before))


def _leaks(corrections: Sequence[dict]) -> list[str]:
    if not corrections:
        return []
    counts = Counter(kind for row in corrections for kind in row["leaks"] or ())
    clean = sum(not row["leaks"] for row in corrections)
    rows = [(kind, f"{count:,}", percent(count / len(corrections))) for kind, count in counts.most_common()]
    return [page.heading("Leaks"), page.paragraph(
        f"{clean:,} of {_counted(len(corrections), 'correction')} have no leak that the run's tests find."),
        page.table(("leak", "corrections", "share"), rows) if rows else ""]


def _tokens(metrics: Sequence[dict]) -> list[str]:
    generated = _last(metrics, "generated_tokens")
    if not generated:
        return []
    rows = [(label, f"{value:,}", percent(value / generated) if counted else "not counted")
            for label, key, counted in (("rollouts", "rollout_tokens", True), ("corrections", "correction_tokens", True),
                                        ("generated for training", "generated_tokens", True),
                                        ("evaluation", "evaluation_tokens", False), ("trained", "trained_tokens", False))
            if (value := _last(metrics, key)) is not None]
    return [page.heading("Tokens"), page.table(("", "tokens", "share of the budget spent"), rows)]


def _last(metrics: Sequence[dict], key: str):
    return next((record[key] for record in reversed(metrics) if record.get(key) is not None), None)


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
