"""Arms compared at equal generated tokens: summary.json, report.html, curves.png and one sentence."""

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from statistics import fmean

import numpy as np
from rich.table import Table

from rfpo.reporting import page
from rfpo.reporting.arms import Arm, CurvePoint, Example, by_arm, sentence
from rfpo.reporting.plots import Line, Panel, png
from rfpo.reporting.wording import duration, percent, tokens

PLANTED = (
    "The student's misconception is planted: it was trained to make one mistake with certainty, and to follow a correction "
    "when it is told where its mistake is.",
    "What can be seen here is the mechanism: whether corrections give a gradient where every answer of a group is wrong, and "
    "all group-relative advantages are zero, and whether what is learned from them carries over to prompts that were not "
    "trained on.",
    "What cannot be seen here is how often a model trained in the usual way is stuck like this, how well such a model corrects "
    "itself, and whether RFPO is the better method there; that takes experiments on such models.",
)
X_LABEL = "generated tokens, corrections counted"


def write_comparison(out: Path, arms: Sequence[Arm], *, title: str, notes: Sequence[str] = (), command: str,
                     planted: bool = True) -> None:
    """Writes summary.json, report.html and curves.png into `out`. `notes` are sentences for the reader; `command` repeats
    the comparison; `planted` says that the student's misconception is, and what that does and does not show."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    kept = [field.name for field in fields(Arm) if field.name not in ("curve", "examples")]
    summary = {"arms": [{name: getattr(arm, name) for name in kept} for arm in arms], "sentence": sentence(arms)}
    (out / "summary.json").write_text(json.dumps(summary, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    png(_panels(arms), out / "curves.png")
    page.write_page(out / "report.html", title, [
        f"<h1>{page.escape(title)}</h1>",
        page.paragraph(sentence(arms), "lead"),
        page.paragraph("Stuck prompts are those that the student never solved before training; the other prompts are the rest. "
                       "Both are evaluation prompts, which are not trained on. "
                       "Solved share is pass@1: the mean over all sampled answers." + _faint_line_note(arms), "quiet"),
        page.figures(_panels(arms)),
        page.heading("Figures"), _figures_table(arms),
        *_corrections(arms),
        page.heading("What this shows, and what it does not"), page.bullets([*(PLANTED if planted else ()), *notes]),
        page.heading("Repeat it"), page.code(command),
        page.folded("The numbers behind the curves", _curve_table(arms)),
    ])


def _panels(arms: Sequence[Arm]) -> list[Panel]:
    return [Panel("Stuck prompts: solved share", X_LABEL, tuple(_lines(arms, "stuck_pass1")), share=True),
            Panel("Other prompts: solved share", X_LABEL, tuple(_lines(arms, "other_pass1")), share=True)]


def _lines(arms: Sequence[Arm], measure: str) -> list[Line]:
    """One line for each arm and seed; with several seeds those are faint, and their mean is drawn over them."""
    lines = []
    for colour, (name, seeds) in enumerate(by_arm(arms).items()):
        curves = [([p.tokens for p in arm.curve], [getattr(p, measure) for p in arm.curve]) for arm in seeds if arm.curve]
        if len(curves) > 1:
            lines += [Line(x, y, None, colour, faint=True) for x, y in curves]
            lines.append(Line(*_mean_curve(curves), f"{name} (mean of {len(curves)})", colour))
        else:
            lines += [Line(x, y, name, colour) for x, y in curves]
    return lines


def _mean_curve(curves: Sequence[tuple[list, list]]) -> tuple[list[float], list[float]]:
    """Mean over seeds as far as every seed reaches; between its marks a seed's curve is taken to be straight."""
    start, end = max(x[0] for x, _ in curves), min(x[-1] for x, _ in curves)
    grid = sorted({mark for x, _ in curves for mark in x if start <= mark <= end})
    return grid, np.mean([np.interp(grid, x, y) for x, y in curves], axis=0).tolist()


def _figures_table(arms: Sequence[Arm]) -> str:
    head = ("arm", "seed", "stuck before", "stuck after", "other before", "other after", "tokens to half", "tokens", "updates",
            "trained rows", "time")
    rows, means = [], []
    for name, seeds in by_arm(arms).items():
        rows += [(arm.arm, str(arm.seed), *_shares([arm]), _to_half(arm), f"{arm.generated_tokens:,}", f"{arm.updates:,}",
                  f"{arm.trained_rows:,}", duration(arm.wall_s)) for arm in seeds]
        if len(seeds) > 1:
            means.append(len(rows))
            rows.append((name, "mean", *_shares(seeds), "", *(f"{fmean(getattr(arm, key) for arm in seeds):,.0f}" for key in (
                "generated_tokens", "updates", "trained_rows")), duration(fmean(arm.wall_s for arm in seeds))))
    return page.table(head, rows, means)


def _shares(arms: Sequence[Arm]) -> list[str]:
    keys = ("stuck_pass1_before", "stuck_pass1_after", "other_pass1_before", "other_pass1_after")
    return [f"{fmean(getattr(arm, key) for arm in arms):.3f}" for key in keys]


def _to_half(arm: Arm) -> str:
    return "never" if arm.tokens_to_half is None else f"{arm.tokens_to_half:,}"


def _corrections(arms: Sequence[Arm], most: int = 4) -> list[str]:
    examples = [(arm, example) for arm in arms for example in arm.examples][:most]
    if not examples:
        return []
    return [page.heading("Corrections"), page.paragraph(
        "The student's own wrong answer, its first error marked, and what it wrote when it was told. The correction is trained "
        "under the original prompt, where no help is given."), *(_example(arm, example) for arm, example in examples)]


def _example(arm: Arm, example: Example) -> str:
    caption = f"{arm.arm}, seed {arm.seed}" + (f": first error in {example.place}" if example.place else "")
    error = page.span(example.error_start, example.error_end)
    return page.before_and_after(example.prompt, example.before, example.after, error, caption)


def _faint_line_note(arms: Sequence[Arm]) -> str:
    return " Thin lines are single seeds." if any(len(seeds) > 1 for seeds in by_arm(arms).values()) else ""


def _curve_table(arms: Sequence[Arm]) -> str:
    rows = [(arm.arm, str(arm.seed), f"{point.step:,}", f"{point.tokens:,}", percent(point.stuck_pass1),
             percent(point.other_pass1)) for arm in arms for point in arm.curve]
    return page.table(("arm", "seed", "step", "tokens", "stuck", "other"), rows)


def live_table(arms: Sequence[Arm]) -> Table:
    """The arms so far, for a terminal of 80 columns: now is the last point of the curve, the bar draws the stuck prompts."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for name, side in (("arm", "left"), ("seed", "right"), ("tokens", "right"), ("stuck solved", "right"), ("", "left"),
                       ("others solved", "right"), ("time", "right")):
        table.add_column(name, justify=side, no_wrap=True)
    for arm in arms:
        stuck, other = ((arm.curve[-1].stuck_pass1, arm.curve[-1].other_pass1) if arm.curve else
                        (arm.stuck_pass1_before, arm.other_pass1_before))
        table.add_row(arm.arm, str(arm.seed), tokens(arm.generated_tokens), percent(stuck), _bar(arm), percent(other),
                      duration(arm.wall_s))
    return table


def _bar(arm: Arm, width: int = 12) -> str:
    """The last `width` points of the stuck curve, an eighth of a line a step."""
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(8 * point.stuck_pass1))] for point in arm.curve[-width:])


__all__ = ["PLANTED", "Arm", "CurvePoint", "Example", "live_table", "sentence", "write_comparison"]
