"""What each arm did on each task, over its seeds; nothing is compared here."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from statistics import fmean, median
from typing import TYPE_CHECKING

from rfpo.errors import UserError
from rfpo.study.results import Base, CellResult
from rfpo.study.statistics import spread

if TYPE_CHECKING:
    from rfpo.study.plan import Plan

HALF = 0.5
COMMONEST = 5


@dataclass(frozen=True)
class Spread:
    """Of one number over seeds. `sd` has n - 1 in its denominator and is None with one seed; `count` seeds had the number."""

    mean: float
    sd: float | None
    least: float
    most: float
    count: int


@dataclass(frozen=True, kw_only=True)
class SummaryRow:
    """One arm on one task. Shares are of answers, from 0 to 1; a Spread is None when no seed has the number.

    area, end           solved share of the stuck prompts, over the budget and at its end
    other_before, _after  solved share of the other prompts at the first and the last mark
    tokens_to_half      median over seeds of the generated tokens at which the stuck prompts' solved share first reached one
                        half, a seed that never did counted as later than any; None when the median itself was never reached.
                        `reached` seeds did
    told                what tries gave away, with their number over all seeds: the five commonest, the commonest first
    fix_rate            share of the stuck groups that got a correction
    leak_rate           corrections in which a leak was found, as a share of the answers to correction prompts that were right
    correction_share    correction tokens as a share of the generated tokens
    seconds             of training
    """

    task: str
    arm: str
    seeds: int
    area: Spread | None
    end: Spread | None
    other_before: Spread | None
    other_after: Spread | None
    tokens_to_half: float | None
    reached: int
    told: tuple[tuple[str, int], ...]
    fix_rate: Spread | None
    leak_rate: Spread | None
    updates: Spread | None
    trained_rows: Spread | None
    generated_tokens: Spread | None
    correction_share: Spread | None
    seconds: Spread | None


@dataclass(frozen=True, kw_only=True)
class BeyondRow:
    """Of the `prompts` stuck prompts that none of the base model's `draws` plain answers solved (pass@draws of 0), the share
    that at least one of the trained model's `samples` answers at its last mark solved. With fewer samples than draws, as by
    default, drawing more is not what makes it. None when there is no such prompt."""

    task: str
    arm: str
    seeds: int
    prompts: int
    draws: int
    samples: int
    share: Spread | None


def planned(plan: "Plan", results: Iterable[CellResult]) -> dict[tuple[str, str, int], CellResult]:
    """The cells that the plan asks for, by (arm, task, seed), in its order: no pilot, and no arm or seed that it has no more.
    Of two with the same name the later one counts."""
    found = {result.name: result for result in results}
    return {name: found[name] for name in plan.cells() if name in found}


def spread_of(values: Iterable[float | None]) -> Spread | None:
    """None among the values is left out; None when nothing is left."""
    known = [value for value in values if value is not None]
    return Spread(fmean(known), spread(known), min(known), max(known), len(known)) if known else None


def summary_rows(plan: "Plan", results: Iterable[CellResult]) -> list[SummaryRow]:
    """A row for each task and arm of the plan that has a cell, task by task, over all of its seeds that are there."""
    return [_row(plan, task, arm, cells) for task, arm, cells in _grouped(plan, results) if cells]


def beyond(plan: "Plan", results: Iterable[CellResult], bases: Iterable[Base]) -> list[BeyondRow]:
    """Did training reach prompts that the base model does not solve in many draws? A row for each arm on each task whose base
    was measured (`Base.beyond`); shares are means over seeds. Raises UserError when a cell has another number of stuck
    prompts than its base."""
    measured = {base.task: base for base in bases if base.beyond}
    return [_beyond(task, arm, cells, measured[task]) for task, arm, cells in _grouped(plan, results)
            if cells and task in measured]


def _grouped(plan: "Plan", results: Iterable[CellResult]) -> list[tuple[str, str, list[CellResult]]]:
    cells = planned(plan, results).values()
    return [(task, arm, [cell for cell in cells if (cell.arm, cell.task) == (arm, task)])
            for task in plan.tasks for arm in plan.arms]


def _row(plan: "Plan", task: str, arm: str, cells: Sequence[CellResult]) -> SummaryRow:
    halves = [cell.tokens_to(HALF) for cell in cells]
    middle = median(inf if half is None else half for half in halves)
    told = sum((Counter(cell.told) for cell in cells), Counter())
    stuck, other = ([cell for cell in cells if getattr(cell.marks[-1], kind)] for kind in ("stuck", "other"))
    return SummaryRow(
        task=task, arm=arm, seeds=len(cells),
        area=spread_of(cell.area(plan.tasks[task].token_budget) for cell in stuck), end=spread_of(cell.end for cell in stuck),
        other_before=spread_of(cell.marks[0].other_share for cell in other),
        other_after=spread_of(cell.marks[-1].other_share for cell in other),
        tokens_to_half=None if middle == inf else middle, reached=sum(half is not None for half in halves),
        told=tuple(sorted(told.items(), key=lambda item: (-item[1], item[0]))[:COMMONEST]),
        fix_rate=spread_of(cell.fix_rate for cell in cells), leak_rate=spread_of(map(_leak_rate, cells)),
        updates=spread_of(cell.updates for cell in cells), trained_rows=spread_of(cell.trained_rows for cell in cells),
        generated_tokens=spread_of(cell.generated_tokens for cell in cells),
        correction_share=spread_of(_share(cell.correction_tokens, cell.generated_tokens) for cell in cells),
        seconds=spread_of(cell.seconds for cell in cells))


def _leak_rate(cell: CellResult) -> float | None:
    tallies = cell.operators.values()
    return _share(sum(tally.leaked for tally in tallies), sum(tally.right for tally in tallies))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _beyond(task: str, arm: str, cells: Sequence[CellResult], base: Base) -> BeyondRow:
    never = [index for index, count in enumerate(base.beyond) if count == 0]
    shares = []
    for cell in cells:
        counts = cell.marks[-1].counts()
        if len(counts) != len(base.beyond):
            raise UserError(f"{arm} on {task}, seed {cell.seed}, has {len(counts)} stuck prompts and its base has "
                            f"{len(base.beyond)}; run that cell again.")
        shares.append(_share(sum(counts[index] > 0 for index in never), len(never)))
    return BeyondRow(task=task, arm=arm, seeds=len(cells), prompts=len(never), draws=base.beyond_draws,
                     samples=cells[0].marks[-1].samples, share=spread_of(shares))
