"""report.html of a study: what was found, whether it can be believed, and everything it rests on, in one file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import sqrt
from pathlib import Path
from statistics import fmean

from rfpo.reporting import page
from rfpo.reporting.wording import duration, percent, tokens
from rfpo.study import _figures as figures
from rfpo.study.contrasts import ContrastResult, contrasts
from rfpo.study.health import checks
from rfpo.study.lead import Place, alarm, lead, league
from rfpo.study.plan import Plan
from rfpo.study.results import Base, CellResult
from rfpo.study.summary import Spread, SummaryRow, beyond, planned, summary_rows

EXAMPLES = 4
PRIMARY = {"area": "the mean solved share of the stuck prompts over the budget (the area under the curves above)",
           "end": "the solved share of the stuck prompts at the end of the budget"}
Cells = Sequence[CellResult]


def write_study(out: Path, plan: Plan, results: Cells, bases: Mapping[str, Base], *, command: str, versions: Mapping[str, str],
                missing: Sequence[tuple[str, str, int]], found: Sequence[ContrastResult] | None = None) -> Path:
    """Writes `out`/report.html and returns its path. It can be written while the study goes on: what has no cell yet is left
    out, and `missing` names the (arm, task, seed) that are not done. `command` repeats the study; `versions` are of what it ran
    on. `found` are the contrasts, where they are known already. Cells that the plan does not ask for are not shown. The same
    study gives the same bytes."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    cells = list(planned(plan, results).values())
    found, made = contrasts(plan, cells) if found is None else found, checks(plan, cells)
    rows = summary_rows(plan, cells)
    places = league(plan, rows)
    title = f"Study: {plan.name}"
    page.write_page(out / "report.html", title, [
        page.heading(title, 1), page.paragraph(alarm(made), "lead alarm") if alarm(made) else "",
        page.paragraph(lead(plan, places, found, len(missing)), "lead"),
        page.paragraph(plan.about) if plan.about else "",
        *_extent(plan, cells, missing),
        *([] if not cells else [
            page.heading("Can it be believed?"), *(page.verdict(check.level, check.title, check.says, check.found)
                                                   for check in made),
            *_curves(plan, cells, bases, [place.arm for place in places]),
            *_contrasts(plan, found),
            *_corrections(plan, cells),
            *_beyond(plan, cells, bases),
            page.heading("What it cost"), page.paragraph("Means over an arm's cells.", "quiet"), figures.costs(plan, cells),
            *_league(plan, places, rows), *_every_contrast(found), *_examples(cells)]),
        page.heading("Repeat it"), page.code(command),
        page.folded(f"The plan (hash {plan.hash})", page.code(json.dumps(asdict(plan), indent=1, ensure_ascii=False))),
        page.folded("Versions", page.table(("", "version"), sorted(versions.items()))),
    ])
    return out / "report.html"


def _extent(plan: Plan, cells: Cells, missing: Sequence[tuple[str, str, int]]) -> list[str]:
    shown = [("cells done", f"{len(cells):,} of {len(plan.cells()):,}"), ("arms", str(len(plan.arms))),
             ("tasks", str(len(plan.tasks))), ("seeds", str(max(len(plan.seeds_of(claim)) for claim in plan.claims.values()))),
             ("tokens a cell", " / ".join(dict.fromkeys(tokens(task.token_budget) for task in plan.tasks.values())))]
    if spent := sum(cell.core_seconds for cell in cells):
        shown.append(("core-hours", f"{spent / 3600:.1f}") if spent >= 3600 else ("core-minutes", f"{spent / 60:.0f}"))
    listed = page.bullets([f"{arm} on {task}, seed {seed}" for arm, task, seed in missing])
    return [page.tiles(shown), page.folded(f"{len(missing):,} cells are missing", listed) if missing else ""]


def _curves(plan: Plan, cells: Cells, bases: Mapping[str, Base], ranked: Sequence[str]) -> list[str]:
    parts = [page.heading("Learning curves"), page.paragraph(
        "Solved share of the stuck prompts: evaluation prompts that the student never solved before training, and that no arm "
        "trains on. Mean over seeds; the band is the range of the seeds, or from five seeds on the 95% interval of the mean.",
        "quiet")]
    for task in plan.tasks:
        if here := [cell for cell in cells if cell.task == task]:
            parts += [page.heading(task, 3), page.paragraph(_task(plan, task, bases.get(task)), "quiet"),
                      figures.curves(plan, task, here, ranked)]
    return parts


def _task(plan: Plan, task: str, base: Base | None) -> str:
    where = plan.tasks[task]
    model = f"Student {where.student}" if where.student else where.set.get("model.path", "A model")
    said = f"{model}, {tokens(where.token_budget)} generated tokens an arm."
    if base is None:
        return said
    said += (f" {len(base.stuck):,} stuck prompts, of which all {base.stuck_draws} plain draws are wrong; {len(base.other):,} "
             "others.")
    if base.beyond:
        said += (f" {sum(not count for count in base.beyond):,} of the stuck ones are not solved in {base.beyond_draws:,} "
                 "draws either.")
    return said


def _contrasts(plan: Plan, found: Sequence[ContrastResult]) -> list[str]:
    drawn = figures.forests(plan, found)
    if not drawn:
        return []
    return [page.heading("Differences between arms"), page.paragraph(
        f"In points of {PRIMARY[plan.primary]}, paired by seed and prompt, with 95% intervals. Differences within the shaded "
        f"range, {100 * plan.smallest:g} points to either side of zero, are too small to matter, by the plan. "
        "Unclear: neither a difference nor its absence is shown; with the number of seeds beside it, it might be.", "quiet"),
        *drawn]


def _corrections(plan: Plan, cells: Cells) -> list[str]:
    operators, ratios = figures.operators(plan, cells), figures.off_policy(plan, cells)
    parts = []
    if operators:
        parts += [page.heading("Corrections"), page.paragraph(
            "Tries over all tasks and seeds; a leak is a right correction that tells of the help it was given.", "quiet"),
            operators]
    if ratios:
        parts += [page.heading("Off-policy ratio"), page.paragraph(
            "R_off of the trained corrections, on a logarithmic axis; the line is 1, right of it a correction weighs more than "
            "a sampled answer.", "quiet"), ratios]
    return parts


def _beyond(plan: Plan, cells: Cells, bases: Mapping[str, Base]) -> list[str]:
    rows = [row for row in beyond(plan, cells, bases.values()) if row.share is not None]
    if not rows:
        return []
    return [page.heading("Solved beyond the base model"), page.paragraph(
        f"Of the stuck prompts that the untrained student did not solve once in {rows[0].draws:,} draws: the share of which at "
        f"least one of {rows[0].samples} answers is right at the end.", "quiet"), figures.beyond_base(rows)]


def _league(plan: Plan, places: Sequence[Place], rows: Sequence[SummaryRow]) -> list[str]:
    """Over the tasks, and folded task by task; an arm that is not on all of them stands below and says so."""
    several = len(plan.tasks) > 1
    part = any(len(place.tasks) < len(plan.tasks) for place in places)
    parts = [page.heading("All arms"), page.paragraph(
        f"Sorted by {PRIMARY[plan.primary].partition(' (')[0]}{', the mean over tasks' if several else ''}; \u00b1 is the "
        "standard deviation over seeds. Tokens to one half: the median over seeds."
        + (" Arms that are not on all tasks stand last: their means are of other tasks." if part else ""), "quiet")]
    full = len(plan.tasks)
    names = [place.arm + ("" if len(place.tasks) == full else f" ({', '.join(place.tasks)})") for place in places]
    parts.append(page.table(_head(plan), [_place(plan, name, place.rows) for name, place in zip(names, places, strict=True)]))
    about = [(name, arm.recipe, arm.about, ", ".join(f"{path} = {value}" for path, value in arm.set.items()))
             for name, arm in plan.arms.items()]
    parts.append(page.folded("what the arms are", page.table(("arm", "recipe", "about", "what is set"), about)))
    for task in plan.tasks if several else ():
        its = sorted((row for row in rows if row.task == task and getattr(row, plan.primary) is not None),
                     key=lambda row: -getattr(row, plan.primary).mean)
        if its:
            parts.append(page.folded(f"on {task}", page.table(_head(plan), [_place(plan, row.arm, [row]) for row in its])))
    return parts


HEAD = ("others before", "after", "tokens to one half", "told", "fix rate", "updates", "rows trained", "time")


def _head(plan: Plan) -> tuple[str, ...]:
    return "arm", plan.primary, "\u00b1", _secondary(plan), *HEAD


def _secondary(plan: Plan) -> str:
    return "end" if plan.primary == "area" else "area"


def _place(plan: Plan, name: str, rows: Sequence[SummaryRow]) -> list[str | page.Bar]:
    def mean(key: str, write) -> str:
        known = [spread.mean for row in rows if (spread := getattr(row, key)) is not None]
        return write(fmean(known)) if known else "-"

    first = fmean(getattr(row, plan.primary).mean for row in rows)
    halves = [row.tokens_to_half for row in rows]
    return [name, page.Bar(first, percent(first)), _deviation([getattr(row, plan.primary) for row in rows]),
            mean(_secondary(plan), percent),
            mean("other_before", percent), mean("other_after", percent),
            "never" if None in halves else tokens(fmean(halves)), _told(rows), mean("fix_rate", percent),
            mean("updates", "{:,.0f}".format), mean("trained_rows", "{:,.0f}".format), mean("seconds", duration)]


def _deviation(spreads: Sequence[Spread]) -> str:
    """Over seeds, tasks pooled: the root of the mean variance."""
    known = [spread.sd ** 2 for spread in spreads if spread.sd is not None]
    return f"{100 * sqrt(fmean(known)):.1f}" if known else "-"


def _told(rows: Sequence[SummaryRow]) -> str:
    kinds = dict.fromkeys(kind for row in rows for kind, _ in row.told)
    return ", ".join(kinds) or "-"


def _every_contrast(found: Sequence[ContrastResult]) -> list[str]:
    rows = [(f"{line.arm} \u2212 {line.against}", line.task, line.verdict, *_sizes(line)) for line in found]
    head = ("contrast", "task", "verdict", "points", "95% interval", "d", "points at the end", "tokens to half, ratio", "seeds",
            "seeds wanted", "p", "p, corrected")
    if not rows:
        return []
    return [page.heading("All contrasts"), page.paragraph(
        "d: the mean of the seeds' differences over their standard deviation. Ratio: how many tokens the first arm took to "
        "solve one half, relative to the second. Seeds wanted: with so many the interval would be narrow enough and p could be "
        "small enough. p: sign flips of the seeds' differences, two-sided; corrected (Holm) over the contrasts of a "
        "claim on the same task.", "quiet"),
        page.folded(f"{len(rows):,} contrasts", page.table(head, rows))]


def _sizes(line: ContrastResult) -> list[str]:
    def known(value, write) -> str:
        return "-" if value is None else write(value)

    return [known(line.estimate, figures.points), "-" if line.low is None else figures.interval(line.low, line.high),
            known(line.d, lambda d: f"{d:.2f}".replace("-", figures.MINUS)), known(line.end_difference, figures.points),
            known(line.ratio, "{:.2f}".format), str(line.seeds), known(line.seeds_wanted, str), known(line.p, "{:.4f}".format),
            known(line.p_holm, "{:.4f}".format)]


def _examples(cells: Cells) -> list[str]:
    """Of different arms, on different prompts."""
    shown: dict[str, tuple[CellResult, Mapping]] = {}
    prompts: set[str] = set()
    for cell in cells:
        fresh = [example for example in cell.examples if example["prompt"] not in prompts]
        if fresh and cell.arm not in shown and len(shown) < EXAMPLES:
            shown[cell.arm] = cell, fresh[0]
            prompts.add(fresh[0]["prompt"])
    if not shown:
        return []
    return [page.heading("Some corrections"), *(_example(cell, example) for cell, example in shown.values())]


def _example(cell: CellResult, example: Mapping) -> str:
    caption = f"{cell.arm} on {cell.task}, seed {cell.seed}" + (f"; told: {example['told']}" if example.get("told") else "")
    error = page.span(example.get("error_start"), example.get("error_end"))
    return page.before_and_after(example["prompt"], example["before"], example["after"], error, caption)
