"""Is a study what it says it is? Checks of what the cells kept, that a bug in an arm would fail."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from rfpo.config.change import put
from rfpo.config.run import Run
from rfpo.errors import UserError
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes import recipe
from rfpo.reporting.wording import percent
from rfpo.study.plan import Plan
from rfpo.study.results import CellResult

RED, AMBER, GREEN, GREY = "red", "amber", "green", "grey"
LEAKS, APART, FAR = 0.05, 0.05, 0.25
"""Leaks in a share of the right corrections above the first, counts that differ by more than the second as a share, and a
measured gamma that is further off than the third are reported."""
FIX_RATES, ENDS = (0.15, 0.60), (0.2, 0.8)
"""Where the base arm should be, so that another arm can be seen above it and below."""
TELLING = ("solution", "answer")
"""What an operator says it gave away when its corrections must be expected to leak."""


@dataclass(frozen=True)
class Check:
    """A question about the whole study. `level` is red (a number of the study cannot be trusted), amber (a reader should know),
    green, or grey while nothing can be checked; `found` says where, a line each, and `who` are the arms or tasks that made it
    red."""

    title: str
    level: str
    says: str
    found: tuple[str, ...] = ()
    who: tuple[str, ...] = ()


Found = tuple[str, str, str]
"""(level, the arm or task, what was found)"""
Cells = Sequence[CellResult]


def checks(plan: Plan, results: Cells) -> list[Check]:
    """Every check, the red ones first. A check without any cell that it could judge is grey."""
    made = [_check(plan, results, *row) for row in CHECKS]
    return sorted(made, key=lambda check: (RED, AMBER, GREEN, GREY).index(check.level))


def base_arm(plan: Plan) -> str:
    """The arm of most contrasts; of equals, and without contrasts, the plan's first."""
    compared = Counter(arm for claim in plan.claims.values() for pair in claim.contrasts for arm in pair)
    return max(plan.arms, key=lambda arm: compared[arm])


def _check(plan: Plan, results: Cells, title: str, holds: str, fails: str, look: Callable) -> Check:
    found = list(look(plan, results))
    levels = {level for level, _, _ in found}
    if not levels:
        return Check(title, GREY, "nothing to check yet.")
    worst = next(level for level in (RED, AMBER, GREEN) if level in levels)
    told = sorted((row for row in found if row[0] != GREEN), key=lambda row: row[0] != RED)
    return Check(title, worst, holds if worst == GREEN else fails, tuple(f"{subject} {text}" for _, subject, text in told),
                 tuple(dict.fromkeys(subject for level, subject, _ in told if level == RED)))


def _by(results: Cells, *names: str) -> dict[tuple, list[CellResult]]:
    groups = defaultdict(list)
    for result in results:
        groups[tuple(getattr(result, name) for name in names)].append(result)
    return dict(groups)


def trained(plan: Plan, results: Cells) -> Iterator[Found]:
    for (arm, task), cells in _by([cell for cell in results if cell.fixed], "arm", "task").items():
        without = [cell for cell in cells if not cell.corrected_trained]
        entered = sum(cell.corrected_rows for cell in cells)
        what = f"none of {entered:,} corrected rows had a gradient" if entered else "none entered the batch"
        if len(without) == len(cells):
            yield RED, arm, f"on {task}: {sum(cell.fixed for cell in cells):,} stuck groups were fixed, and {what}"
        elif without:
            yield AMBER, arm, f"on {task}: no correction was trained on {_seeds(without)}"
        else:
            yield GREEN, arm, ""


def leaks(plan: Plan, results: Cells) -> Iterator[Found]:
    for (arm, task), cells in _by(results, "arm", "task").items():
        tallies = [tally for cell in cells for tally in cell.operators.values()]
        right, leaked = sum(tally.right for tally in tallies), sum(tally.leaked for tally in tallies)
        if not right:
            continue
        told = sorted({kind for cell in cells for kind in cell.told if any(word in kind for word in TELLING)})
        level = GREEN if leaked / right <= LEAKS else AMBER if told else RED
        why = f"; it is told the {' and the '.join(told)}, so leaks are expected" if told else ""
        yield level, arm, f"on {task}: {percent(leaked / right)} of {right:,} right corrections leak{why}"


@dataclass(frozen=True)
class Asked:
    """The gamma of an arm's only weight. `bounded` when a cap or a link may bring the measured slope nearer to 0."""

    gamma: float
    bounded: bool


def gammas(plan: Plan, results: Cells) -> Iterator[Found]:
    measured = [cell for cell in results if cell.slope is not None and cell.slope_rows]
    for (arm, task), cells in _by(measured, "arm", "task").items():
        asked = asked_gamma(plan, arm, task)
        if asked is None:
            continue
        rows = sum(cell.slope_rows for cell in cells)
        slope = sum(cell.slope * cell.slope_rows for cell in cells) / rows
        level = RED if _off(slope, asked) else GREEN
        yield level, arm, (f"on {task}: gamma is measured as {slope:+.2f} over {rows:,} corrections, and the arm asks for "
                      f"{asked.gamma:+g}{' with a bound' if asked.bounded else ''}")


def _off(slope: float, asked: Asked) -> bool:
    """A bound only shrinks log w, so its slope lies between 0 and gamma; without one it is gamma."""
    if asked.gamma and slope * asked.gamma <= 0:
        return True
    nearest = min(abs(slope), abs(asked.gamma)) if asked.bounded else abs(asked.gamma)
    return abs(abs(slope) - nearest) > FAR


def asked_gamma(plan: Plan, arm: str, task: str) -> Asked | None:
    """What an arm's weight should be measured as: 0 for corrections without a weight; None where nothing can be said, since
    the weight is another one, has another form, or is not alone."""
    run = resolved(plan, arm, task)
    if run is None or run.fixing is None:
        return None
    weights = run.objective.weights
    if not weights:
        return Asked(0.0, False)
    weight = weights[0]
    if len(weights) > 1 or not isinstance(weight, OffPolicyRatio) or weight.form != "mean" or weight.snapshot != "old":
        return None
    return Asked(weight.gamma, weight.cap is not None or weight.link != "exp")


def resolved(plan: Plan, arm: str, task: str) -> Run | None:
    """The arm's recipe with what the plan, the task and the arm change of its objective and stage, None when that fails. No
    student is looked up."""
    shared = [(path, value) for table in (plan.set, plan.tasks[task].set) for path, value in table.items()
              if path.partition(".")[0] == "objective"]
    try:
        return put(recipe(plan.arms[arm].recipe), [*shared, *plan.arms[arm].set.items()])
    except UserError:
        return None


def alike(plan: Plan, results: Cells) -> Iterator[Found]:
    """Same student, same seed, same draws: the first marks of a pair are equal, digit for digit."""
    apart = defaultdict(list)
    for (task, _), cells in _by(results, "task", "seed").items():
        starts = {cell.arm: (cell.marks[0].samples, cell.marks[0].stuck, cell.marks[0].other) for cell in cells if cell.marks}
        if len(starts) < 2:
            continue
        usual = Counter(starts.values()).most_common(1)[0][0]
        yield GREEN, task, ""
        for cell in cells:
            if starts.get(cell.arm, usual) != usual:
                apart[cell.arm, task].append(cell)
    for (arm, task), cells in apart.items():
        yield RED, arm, f"on {task}: another start than the other arms on {_seeds(cells)}"


def budgets(plan: Plan, results: Cells) -> Iterator[Found]:
    for (task,), cells in _by(results, "task").items():
        spent = {arm: fmean(cell.generated_tokens for cell in its) for (arm,), its in _by(cells, "arm").items()}
        if len(spent) < 2:
            continue
        least, most = min(spent, key=spent.get), max(spent, key=spent.get)
        level = RED if spent[most] > (1 + APART) * spent[least] else GREEN
        yield level, task, (f"({least} generated {spent[least]:,.0f} tokens, {most} {spent[most]:,.0f} as "
                            "means over the seeds)")


def updates(plan: Plan, results: Cells) -> Iterator[Found]:
    for (arm, task), cells in _by(results, "arm", "task").items():
        without = [cell for cell in cells if not cell.updates]
        plain = not any(cell.fixed for cell in without)
        why = "; nothing was corrected, and groups that are all wrong teach nothing" if plain else ""
        if len(without) == len(cells):
            yield (AMBER if plain else RED), arm, f"on {task}: no update on {_seeds(without)}{why}"
        else:
            yield (AMBER if without else GREEN), arm, f"on {task}: no update on {_seeds(without)}{why}"


def room(plan: Plan, results: Cells) -> Iterator[Found]:
    """Whether the tasks leave an arm somewhere to go, above the base arm and below it."""
    base = base_arm(plan)
    for (task,), cells in _by([cell for cell in results if cell.arm == base], "task").items():
        stuck, end = sum(cell.stuck for cell in cells), fmean(cell.end for cell in cells)
        fixed = sum(cell.fixed for cell in cells) / stuck if stuck else None
        told = []
        if fixed is not None and any(cell.correction_tokens for cell in cells) and not _within(fixed, FIX_RATES):
            told.append(f"{percent(fixed)} of the stuck groups are fixed, outside of {_span(FIX_RATES)}")
        if not _within(end, ENDS):
            told.append(f"{percent(end)} are solved at the end, outside of {_span(ENDS)}")
        yield (AMBER if told else GREEN), task, f"with {base}: {' and '.join(told)}"


def followers(plan: Plan, results: Cells) -> Iterator[Found]:
    paired = {cell.name: cell for cell in results}
    for (arm, task), cells in _by(results, "arm", "task").items():
        asked = plan.arms[arm]
        pairs = [(cell, paired[asked.after, task, cell.seed]) for cell in cells if (asked.after, task, cell.seed) in paired]
        if not pairs:
            continue
        what = "correction tokens" if asked.spends_like else "updates"
        counts = [(cell.correction_tokens, other.correction_tokens) if asked.spends_like else (cell.updates, other.updates)
                  for cell, other in pairs]
        off = [abs(own - other) / max(1, other) for own, other in counts]
        furthest = off.index(max(off))
        own, other = counts[furthest]
        level = RED if asked.spends_like else AMBER  # a step without a gradient cannot be updated more often
        yield (level if off[furthest] > APART else GREEN), arm, (
            f"on {task}: {own:,} {what}, {asked.after} {other:,} (seed {pairs[furthest][0].seed}, the furthest of "
            f"{len(pairs)})")


def _within(x: float, span: tuple[float, float]) -> bool:
    return span[0] <= x <= span[1]


def _span(span: tuple[float, float]) -> str:
    return f"{percent(span[0])} to {percent(span[1])}"


def _seeds(cells: Cells) -> str:
    seeds = sorted(cell.seed for cell in cells)
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"


CHECKS = (  # title, what is said when it holds, and when it does not, where to look
    ("Training on corrections:", "every arm with accepted corrections trained on them.",
     "corrections were accepted and never trained.", trained),
    ("Leaks:", f"at most {percent(LEAKS)} of any arm's right corrections tell of the help.",
     "corrections tell of the help that was given.", leaks),
    ("The off-policy ratio:", "the measured gamma agrees with every arm's.",
     "the measured gamma is not the one the arm asks for.", gammas),
    ("The start:", "on each task and seed, the first measurements are equal.",
     "paired arms start from different students.", alike),
    ("The budget:", f"the arms of a task generated as many tokens, to within {percent(APART)}.",
     "the arms of a task generated unequal numbers of tokens.", budgets),
    ("Updates:", "every cell made updates.", "cells made no update at all.", updates),
    ("Room:", "the base arm is neither at the bottom nor at the top.",
     "the base arm is near an end, so that a better or a worse arm may not show.", room),
    ("Followers:", f"arms that follow another keep to it, to within {percent(APART)}.",
     "a follower did not keep to its paired cell.", followers),
)
