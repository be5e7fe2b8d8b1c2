"""The contrasts of a plan, judged: arm against arm, paired by task, seed and stuck prompt.

A verdict is the first of these that applies:

| cannot tell | no seed has both arms, or there is no stuck prompt; or both arms end above .9, or both below .05 (means over |
|             | the paired seeds): the task is too easy or too hard, whatever the numbers say. Pooled: so on every task      |
| better      | the interval lies above 0, and p, corrected, is below .05                                                    |
| worse       | the interval lies below 0, and p, corrected, is below .05                                                    |
| level       | the interval lies within plus and minus plan.smallest, from as many seeds as `seeds_needed` asks for         |
| unclear     | none of these; `seeds_wanted` says how many seeds would tell                                                 |

The last condition of "level" is there because a bootstrap over few seeds is too narrow; p guards the other words against it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rfpo.errors import UserError
from rfpo.study.results import CellResult
from rfpo.study.statistics import (
    ALPHA,
    crossed_interval,
    geometric_ratio,
    holm,
    least_seeds,
    seeds_needed,
    sign_flip,
    smallest_p,
    standardized,
)
from rfpo.study.summary import HALF, planned

if TYPE_CHECKING:
    from rfpo.study.plan import Plan

POOLED = "pooled"
CEILING, FLOOR = 0.9, 0.05
BETTER, WORSE, LEVEL, UNCLEAR, CANNOT_TELL = "better", "worse", "level", "unclear", "cannot tell"


@dataclass(frozen=True, kw_only=True)
class ContrastResult:
    """`arm` minus `against`, on one task or pooled over `tasks`. Differences are of plan.primary, a share from 0 to 1.

    seeds, prompts  paired seeds that were used; stuck prompts (pooled: of all tasks)
    by_seed         the mean difference of each of these seeds, over prompts (pooled: and tasks)
    estimate        their mean; `low` and `high` its 95% interval (`statistics.crossed_interval`), None under two seeds
    d               estimate over the standard deviation of by_seed; None when that is 0 or unknown
    ends            solved share of the stuck prompts at the end, of arm and against, means over the seeds
    reached, ratio  of how many pairs (seeds, pooled: seeds x tasks) arm and against solved one half; geometric mean of the
                    paired ratios of the tokens that took, below 1 when arm is quicker, None unless all reached it
    p, p_holm       `statistics.sign_flip` of by_seed, and corrected (Holm) over `tests` p-values: the claim's on the same task,
                    or its pooled ones. `smallest_p` is what p can reach with so many seeds
    seeds_needed    with so many, Student's 95% half-width would be at most plan.smallest (`statistics.seeds_needed`)
    seeds_for_p     with fewer, p_holm cannot be below .05 (`statistics.least_seeds`)
    blind           why it cannot be told; "" when it can
    """

    claim: str
    arm: str
    against: str
    task: str
    tasks: tuple[str, ...]
    seeds: int
    prompts: int
    by_seed: tuple[float, ...] = ()
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    d: float | None = None
    ends: tuple[float, float] | None = None
    reached: tuple[int, int] = (0, 0)
    ratio: float | None = None
    p: float | None = None
    p_holm: float | None = None
    smallest_p: float | None = None
    tests: int = 0
    seeds_needed: int | None = None
    seeds_for_p: int | None = None
    blind: str = ""
    verdict: str = CANNOT_TELL

    @property
    def end_difference(self) -> float | None:
        return self.ends[0] - self.ends[1] if self.ends else None

    @property
    def seeds_wanted(self) -> int | None:
        """Seeds with which both the interval is narrow enough and p can be small enough; None when the spread is unknown."""
        return max(self.seeds_needed, self.seeds_for_p or 0) if self.seeds_needed else None


@dataclass(frozen=True)
class _Paired:
    """The cells of two arms on a task, by seeds that both have; `table` [seeds, prompts] is the first minus the second."""

    task: str
    seeds: tuple[int, ...]
    ours: tuple[CellResult, ...]
    theirs: tuple[CellResult, ...]
    table: np.ndarray

    def only(self, seeds: Sequence[int]) -> "_Paired":
        kept = [self.seeds.index(seed) for seed in seeds]
        ours, theirs = (tuple(cells[row] for row in kept) for cells in (self.ours, self.theirs))
        return _Paired(self.task, tuple(seeds), ours, theirs, self.table[kept])

    @property
    def ends(self) -> tuple[float, float]:
        return tuple(float(np.mean([cell.end for cell in cells])) for cells in (self.ours, self.theirs))

    @property
    def blind(self) -> str:
        if not self.table.size:
            return "no stuck prompt" if self.seeds else "no seed has both"
        if min(self.ends) > CEILING:
            return f"both end above {CEILING}"
        return f"both end below {FLOOR}" if max(self.ends) < FLOOR else ""


def contrasts(plan: "Plan", results: Iterable[CellResult]) -> list[ContrastResult]:
    """Every contrast of every claim on each of its tasks, and, where two tasks or more have a pair of cells, pooled over them
    with equal weights. In the order of the plan, a contrast's pooled line after its tasks.

    A missing cell leaves its seed out of the contrasts that it belongs to, and out of the pooled one, which takes the seeds
    that all of its tasks have; a task without any pair is left out of it. With one seed there is an estimate and neither
    interval nor p. Raises UserError when two paired cells were not measured on as many stuck prompts.
    """
    cells, found = planned(plan, results), []
    for name, claim in plan.claims.items():
        lines = []
        for arm, against in claim.contrasts:
            named = {"claim": name, "arm": arm, "against": against}
            pairs = [_paired(plan, cells, named, task, plan.seeds_of(claim)) for task in plan.tasks_of(claim)]
            lines += [_line(named, pair.task, [pair], plan.smallest) for pair in pairs]
            if len(measured := [pair for pair in pairs if pair.table.size]) >= 2:
                common = [seed for seed in plan.seeds_of(claim) if all(seed in pair.seeds for pair in measured)]
                lines.append(_line(named, POOLED, [pair.only(common) for pair in measured], plan.smallest))
        found += _judged(lines, plan.smallest)
    return found


def _paired(plan: "Plan", cells: dict, named: dict, task: str, seeds: Iterable[int]) -> _Paired:
    arm, against = named["arm"], named["against"]
    both = tuple(seed for seed in seeds if (arm, task, seed) in cells and (against, task, seed) in cells)
    ours, theirs = (tuple(cells[which, task, seed] for seed in both) for which in (arm, against))
    ends = [[_endpoint(plan, cell) for cell in side] for side in (ours, theirs)]
    if len(sizes := {len(row) for side in ends for row in side}) > 1:
        raise UserError(f"{arm} and {against} on {task} were measured on different numbers of stuck prompts "
                        f"({', '.join(map(str, sorted(sizes)))}); run those cells again.")
    table = np.array(ends[0], float) - np.array(ends[1], float)
    return _Paired(task, both, ours, theirs, table.reshape(len(both), -1) if table.size else np.zeros((len(both), 0)))


def _endpoint(plan: "Plan", cell: CellResult) -> list[float]:
    """plan.primary of each stuck prompt."""
    if plan.primary == "area":
        return cell.areas(plan.tasks[cell.task].token_budget)
    return [count / cell.marks[-1].samples for count in cell.marks[-1].counts()]


def _line(named: dict, task: str, pairs: Sequence[_Paired], smallest: float) -> ContrastResult:
    """All but what depends on the claim's other lines. The pairs have the same seeds."""
    seeds, tables = len(pairs[0].seeds), [pair.table for pair in pairs]
    reasons = [pair.blind for pair in pairs]
    line = ContrastResult(**named, task=task, tasks=tuple(pair.task for pair in pairs), seeds=seeds,
                          prompts=sum(table.shape[1] for table in tables),
                          blind="; ".join(dict.fromkeys(reasons)) if all(reasons) else "")
    if not all(table.size for table in tables):
        return line
    by_seed = np.mean([table.mean(1) for table in tables], axis=0).tolist()
    low, high = crossed_interval(tables) or (None, None)
    ours, theirs = ([cell.tokens_to(HALF) for pair in pairs for cell in getattr(pair, side)] for side in ("ours", "theirs"))
    return replace(
        line, by_seed=tuple(by_seed), estimate=float(np.mean(by_seed)), low=low, high=high, d=standardized(by_seed),
        ends=tuple(np.mean([pair.ends for pair in pairs], axis=0).tolist()), ratio=geometric_ratio(ours, theirs),
        reached=tuple(sum(half is not None for half in halves) for halves in (ours, theirs)), p=sign_flip(by_seed),
        smallest_p=smallest_p(seeds), seeds_needed=seeds_needed(by_seed, smallest))


def _judged(lines: list[ContrastResult], smallest: float) -> list[ContrastResult]:
    """With the corrected p and the verdict. Each task's lines are a family of their own, and so are the pooled ones: over all
    tasks together, eight seeds could not call more than six tests whatever they showed."""
    judged = list(lines)
    for task in dict.fromkeys(line.task for line in lines):
        family = [index for index, line in enumerate(lines) if line.task == task]
        corrected = holm([lines[index].p for index in family])
        tests = sum(p is not None for p in corrected)
        for index, p in zip(family, corrected, strict=True):
            line = replace(lines[index], p_holm=p, tests=tests, seeds_for_p=least_seeds(tests))
            judged[index] = replace(line, verdict=_verdict(line, smallest))
    return judged


def _verdict(line: ContrastResult, smallest: float) -> str:
    if line.blind:
        return CANNOT_TELL
    if line.low is None:
        return UNCLEAR
    if line.p_holm < ALPHA and (line.low > 0 or line.high < 0):
        return BETTER if line.low > 0 else WORSE
    level = -smallest <= line.low and line.high <= smallest and line.seeds >= line.seeds_needed
    return LEVEL if level else UNCLEAR
