"""The figures of a study: learning curves, forests of contrasts, small multiples of R_off, and tables with bars."""

from collections.abc import Callable, Iterable, Sequence
from math import ceil, exp, sqrt
from statistics import fmean

import numpy as np
from matplotlib.ticker import MaxNLocator
from scipy.stats import t

from rfpo.reporting import page
from rfpo.reporting.plots import BASE, Line, Panel
from rfpo.reporting.plots import COLOURS as PALETTE
from rfpo.reporting.wording import percent, tokens
from rfpo.study.contrasts import BETTER, CANNOT_TELL, LEVEL, POOLED, UNCLEAR, WORSE, ContrastResult
from rfpo.study.health import LEAKS, base_arm
from rfpo.study.plan import Claim, Plan
from rfpo.study.results import BIN, BINS, CellResult
from rfpo.study.summary import BeyondRow

X_LABEL = "generated tokens, corrections counted"
A_PANEL = 6  # lines, the base arm's included
FEW_SEEDS = 5  # below, a band is their range: an interval of the mean would be as wide as the axes
A_FOREST = 40  # rows; of longer ones only the pooled are unfolded
A_LEAGUE = 12  # contrasts with one arm; more are sorted, the best first, and named by the other arm alone
COLOURS = {BETTER: "green", WORSE: "red", LEVEL: "blue", UNCLEAR: "grey", CANNOT_TELL: "grey"}
MINUS = "\N{MINUS SIGN}"


def points(share: float) -> str:
    """A difference of shares, in points, with its sign."""
    return f"{100 * share:+.1f}".replace("-", MINUS).replace(f"{MINUS}0.0", "0.0").replace("+0.0", "0.0")


def interval(low: float, high: float) -> str:
    return f"[{', '.join(points(edge).removeprefix('+') for edge in (low, high))}]"


def is_league(claim: Claim) -> bool:
    """Whether a claim sets many arms against one."""
    return len(claim.contrasts) > A_LEAGUE and len({against for _, against in claim.contrasts}) == 1


def colours(plan: Plan, ranked: Sequence[str] = ()) -> dict[str, int]:
    """An arm's line looks alike in every panel: the base arm in ink, the others so that those of one panel differ in colour,
    and all in colour or dash."""
    look, groups = {base_arm(plan): BASE}, [arms for task in plan.tasks for _, arms in _panels(plan, task, ranked)]
    for arm in dict.fromkeys([*(arm for group in groups for arm in group), *plan.arms]):
        mates = {mate for group in groups if arm in group for mate in group}
        beside = {look[mate] % len(PALETTE) for mate in mates if look.get(mate, BASE) != BASE}
        free = [index for index in range(len(plan.arms) + len(PALETTE)) if index not in look.values()]
        look.setdefault(arm, next((index for index in free if index % len(PALETTE) not in beside), free[0]))
    return look


def curves(plan: Plan, task: str, cells: Sequence[CellResult], ranked: Sequence[str] = ()) -> str:
    """The stuck prompts' solved share over generated tokens on one task: a panel for at most five arms of a claim beside the
    base arm; those of a league in the order of `ranked`, the best first. Mean over seeds, and a band: their range, or from five
    seeds on Student's 95% interval of the mean."""
    its = {arm: [cell for cell in cells if cell.arm == arm] for arm in plan.arms}
    look, highest = colours(plan, ranked), max((mark.stuck_share for cell in cells for mark in cell.marks), default=1.0)
    panels, keys, heads = [], [], []
    for claim, arms in _panels(plan, task, ranked):
        drawn = [arm for arm in arms if its[arm]]
        if not drawn or drawn == [base_arm(plan)] and panels:
            continue
        lines = [_line(its[arm], look[arm]) for arm in reversed(drawn)]
        panels.append(Panel("", X_LABEL, tuple(lines), share=True, top=min(1.0, ceil(5.25 * highest) / 5 or 0.2), legend=False))
        keys.append([(look[arm], arm) for arm in drawn])
        heads.append(claim)
    return page.figures(panels, keys, heads)


def _panels(plan: Plan, task: str, ranked: Sequence[str]) -> list[tuple[str, list[str]]]:
    """(claim's text, arms), no set of arms twice."""
    place = {arm: index for index, arm in enumerate(ranked)}
    found: dict[tuple, str] = {}
    for claim in plan.claims.values():
        others = [arm for arm in claim.every_arm if arm != base_arm(plan)]
        if task not in plan.tasks_of(claim):
            continue
        if is_league(claim):
            others.sort(key=lambda arm: place.get(arm, len(place)))
        panels = max(1, ceil(len(others) / (A_PANEL - 1)))
        size = max(1, ceil(len(others) / panels))
        for number, start in enumerate(range(0, max(1, len(others)), size), 1):
            part = f" ({number} of {panels}{', the best first' * is_league(claim)})" if panels > 1 else ""
            found.setdefault((base_arm(plan), *others[start:start + size]), claim.text + part)
    return [(text, list(arms)) for arms, text in found.items()]


def _line(cells: Sequence[CellResult], colour: int) -> Line:
    """Mean and band on an even grid as far as every seed reaches; between its marks a seed's curve is straight."""
    end = min(cell.marks[-1].tokens for cell in cells)
    grid = np.linspace(0, end, 4 * max(len(cell.marks) for cell in cells) - 3) if end else np.zeros(1)
    seeds = np.array([np.interp(grid, [mark.tokens for mark in cell.marks], [mark.stuck_share for mark in cell.marks])
                      for cell in cells])
    mean = seeds.mean(0)
    if len(cells) == 1:
        return Line(grid.tolist(), mean.tolist(), None, colour)
    low, high = seeds.min(0), seeds.max(0)
    if len(cells) >= FEW_SEEDS:
        half = t.ppf(0.975, len(cells) - 1) * seeds.std(0, ddof=1) / sqrt(len(cells))
        low, high = np.clip(mean - half, 0, 1), np.clip(mean + half, 0, 1)
    return Line(grid.tolist(), mean.tolist(), None, colour, low=low.tolist(), high=high.tolist())


def forests(plan: Plan, found: Sequence[ContrastResult]) -> list[str]:
    """The contrasts of each claim on its primary endpoint. A long claim shows what is pooled and folds its tasks; a league is
    sorted, the best arm first."""
    parts = []
    for name, claim in plan.claims.items():
        lines = [line for line in found if line.claim == name]
        pooled = [line for line in lines if line.task == POOLED]
        if not any(line.estimate is not None for line in lines):
            continue
        if is_league(claim):
            lines, pooled = _sorted(lines), _sorted(pooled)
        parts.append(page.heading(claim.text, 3))
        if len(lines) > A_FOREST and pooled:
            rest = [line for line in lines if line.task != POOLED]
            parts += [_forest(plan, claim, pooled), page.folded("on each task", _forest(plan, claim, rest))]
        else:
            parts.append(_forest(plan, claim, lines))
    return parts


def _sorted(lines: Sequence[ContrastResult]) -> list[ContrastResult]:
    """By task (that of the tasks pooled stands where it stood), and within it the highest first and what is not known last."""
    tasks = list(dict.fromkeys(line.task for line in lines))
    return sorted(lines, key=lambda line: (tasks.index(line.task), line.estimate is None, -(line.estimate or 0.0)))


def _forest(plan: Plan, claim: Claim, lines: Sequence[ContrastResult]) -> str:
    edges = [edge for line in lines for edge in (line.low, line.high, line.estimate) if edge is not None]
    ticks = MaxNLocator(nbins=5, steps=[1, 2, 5, 10]).tick_values(min([*edges, -1.2 * plan.smallest]),
                                                                  max([*edges, 1.2 * plan.smallest]))
    start, width = ticks[0], ticks[-1] - ticks[0]

    def at(value: float) -> float:
        return (value - start) / width

    arms, others = {line.arm for line in lines}, {line.against for line in lines}
    single = all(line.task == POOLED for line in lines) or len(plan.tasks_of(claim)) == 1
    rows, before = [], None
    for line in lines:
        task = "all tasks" if line.task == POOLED else line.task
        pair = line.arm if is_league(claim) else f"{line.arm} against {line.against}"
        group, name = (task, pair) if is_league(claim) else (pair, task)
        if not single and group != before:
            rows.append(page.Row(group))
        before = group
        rows.append(_row(line, pair if single else name, at))
    left = f"{lines[0].against} ahead" if len(others) == 1 else "other ahead" if len(arms) == 1 else "second ahead"
    right = f"{lines[0].arm} ahead" if len(arms) == 1 else "other ahead" if len(others) == 1 else "first ahead"
    labels = tuple((at(tick), f"{100 * tick:+.0f}".replace("-", MINUS) if abs(tick) > 1e-9 else "0") for tick in ticks)
    return page.forest(rows, page.Axis(labels, at(0.0), (at(-plan.smallest), at(plan.smallest)), left, right))


def _row(line: ContrastResult, name: str, at) -> page.Row:
    if line.estimate is None:
        return page.Row(name, value="", verdict=line.verdict if line.seeds else "not run yet")
    known = line.low is not None
    value = f"{points(line.estimate)} {interval(line.low, line.high) if known else '(one seed)'}"
    wanted = line.verdict == UNCLEAR and line.seeds_wanted and line.seeds_wanted > line.seeds
    return page.Row(name, at(line.estimate), (at(line.low), at(line.high)) if known else None, value,
                    f"{line.verdict}: {line.seeds_wanted} seeds" if wanted else line.verdict, COLOURS[line.verdict],
                    line.task == POOLED)


def off_policy(plan: Plan, cells: Iterable[CellResult]) -> str:
    """R_off of the trained corrections of each arm that has it, over its tasks and seeds, as far from 1 as any of them is."""
    seen = {arm: np.sum([cell.r_off for cell in cells if cell.arm == arm and cell.r_off] or [[0] * BINS], axis=0)
            for arm in plan.arms}
    seen = {arm: counts for arm, counts in seen.items() if counts.any()}
    if not seen:
        return ""
    middle, filled = BINS // 2, np.flatnonzero(sum(seen.values()))
    reach = min(middle, max(8, middle - filled[0], filled[-1] + 1 - middle))
    drawn = [(arm, _ratios(counts, middle), counts[middle - reach:middle + reach].tolist()) for arm, counts in seen.items()]
    edge = exp(BIN * reach)
    return page.histograms(drawn, (f"1/{edge:.1f}", "1", f"{edge:.1f}"))


def _ratios(counts: np.ndarray, middle: int) -> str:
    total, half = int(counts.sum()), int(np.searchsorted(counts.cumsum(), counts.sum() / 2)) - middle
    above = percent(counts[middle:].sum() / total)
    return f"median {exp(BIN * half):.2f} to {exp(BIN * (half + 1)):.2f}, {above} at 1 or above, of {total:,}"


def operators(plan: Plan, cells: Sequence[CellResult]) -> str:
    """Of each arm's operators, over its tasks and seeds: how many answers were right, and in how many of those a leak was
    found."""
    rows = []
    for arm in plan.arms:
        its = [cell for cell in cells if cell.arm == arm]
        for name in sorted({name for cell in its for name in cell.operators}):
            tallies = [cell.operators[name] for cell in its if name in cell.operators]
            tries, right, leaked = (sum(getattr(tally, key) for tally in tallies) for key in ("tries", "right", "leaked"))
            if tries:
                rows.append((arm, name, f"{tries:,}", page.Bar(right / tries, percent(right / tries)), _leak(leaked, right)))
    return page.table(("arm", "operator", "tries", "right", "leaks among the right"), rows) if rows else ""


def _leak(leaked: int, right: int) -> page.Bar | str:
    return page.Bar(leaked / right, percent(leaked / right), "red" if leaked / right > LEAKS else "plain") if right else "-"


def beyond_base(rows: Sequence[BeyondRow]) -> str:
    """A row an arm, a column a task."""
    prompts = {row.task: row.prompts for row in rows}
    share = {(row.arm, row.task): row.share.mean for row in rows}
    return page.table(("arm", *(f"{task} ({count:,} prompts)" for task, count in prompts.items())), [
        (arm, *(page.Bar(share[arm, task], percent(share[arm, task])) if (arm, task) in share else "-" for task in prompts))
        for arm in dict.fromkeys(row.arm for row in rows)])


def costs(plan: Plan, cells: Sequence[CellResult]) -> str:
    """Means over those of an arm's cells that have the number. Bars are relative to the dearest arm."""
    shown = {"generated tokens": ("generated_tokens", tokens, False),
             "of them for corrections": ("correction_tokens", tokens, True), "trained tokens": ("trained_tokens", tokens, True),
             "scored tokens": ("scored_tokens", tokens, False), "core-seconds": ("core_seconds", "{:,.0f} s".format, False)}
    means = {arm: [_mean(getattr(cell, key) for cell in its) for key, _, _ in shown.values()]
             for arm in plan.arms if (its := [cell for cell in cells if cell.arm == arm])}
    most = [max((value for value in column if value), default=1) for column in zip(*means.values(), strict=True)]

    def drawn(value: float | None, top: float, say: Callable[[float], str], bar: bool):
        return "-" if value is None else page.Bar(value / top, say(value)) if bar else say(value)

    return page.table(("arm", *shown), [
        (arm, *(drawn(value, top, *how) for value, top, (_, *how) in zip(values, most, shown.values(), strict=True)))
        for arm, values in means.items()])


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
