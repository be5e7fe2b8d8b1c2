"""What a study found, in one sentence made from its contrasts, whatever that is."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from rfpo.study._figures import MINUS, points
from rfpo.study.contrasts import BETTER, CANNOT_TELL, LEVEL, POOLED, UNCLEAR, WORSE, ContrastResult
from rfpo.study.health import RED, Check
from rfpo.study.plan import Plan
from rfpo.study.summary import SummaryRow

ALARMS = 3  # failed checks that are named; the rest is counted
AHEAD = 8  # arms ahead of the one that the study is about
SPELT_OUT, NAMED = 4, 3  # contrasts of the first claim, and arms of a verdict; the rest is counted
VERDICTS = (BETTER, WORSE, LEVEL, UNCLEAR, CANNOT_TELL)
TO_OTHERS = {BETTER: "solves more than", WORSE: "solves less than", LEVEL: "is level with",
             UNCLEAR: "is not shown to differ from", CANNOT_TELL: "cannot be compared with"}
TO_ONE = {BETTER: "{verb} more than {base}", WORSE: "{verb} less", LEVEL: "{verb} as much",
          UNCLEAR: "{be} not shown to differ", CANNOT_TELL: "cannot be compared"}
ENDPOINTS = {"area": "averaged over the budget", "end": "at the end of the budget"}


@dataclass(frozen=True)
class Place:
    """An arm in the league: `score` is plan.primary, the mean over its tasks of the means over their seeds."""

    arm: str
    score: float
    tasks: tuple[str, ...]
    rows: tuple[SummaryRow, ...]


def league(plan: Plan, rows: Sequence[SummaryRow]) -> list[Place]:
    """Arms that have cells on every task first, the highest score first."""
    its = defaultdict(list)
    for row in rows:
        if getattr(row, plan.primary) is not None:
            its[row.arm].append(row)
    places = [Place(arm, fmean(getattr(row, plan.primary).mean for row in mine), tuple(row.task for row in mine), tuple(mine))
              for arm, mine in its.items()]
    return sorted(places, key=lambda place: (-len(place.tasks), -place.score))


def alarm(made: Sequence[Check]) -> str:
    """The first line of a study that fails its checks; "" of one that does not."""
    red = [check for check in made if check.level == RED]
    if not red:
        return ""
    named = "; ".join(f"{check.says.rstrip('.')} ({_some(check.who)})" for check in red[:ALARMS])
    return f"Do not trust this study yet: {named}{f'; and {len(red) - ALARMS} more' if len(red) > ALARMS else ''}."


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + _more(len(names) - 3)


def lead(plan: Plan, places: Sequence[Place], found: Sequence[ContrastResult], missing: int) -> str:
    """What was found: the first claim's contrasts, then which arm is highest.

    >>> lead(plan, places, found, 0)
    'Stuck prompts solved, averaged over the budget (2 tasks, 8 seeds): rfpo solves 39.7 points more than grpo (37.0 to 42.0);
    the highest of 8 arms is uncapped (45%), not clearly above rfpo.'
    """
    if not places:
        return "Nothing is done yet: no cell of this study has finished."
    said = f"Stuck prompts solved, {ENDPOINTS[plan.primary]} ({_extent(plan, places)}): {_claim(plan, found)}"
    said += f"{_ahead(found)}{_highest(places, found)}."
    return f"So far, with {_count(missing, 'cell')} missing: {said[0].lower()}{said[1:]}" if missing else said


def _more(count: int) -> str:
    return f", and {count} more" if count > 0 else ""


def _extent(plan: Plan, places: Sequence[Place]) -> str:
    seeds = sorted({row.seeds for place in places for row in place.rows})
    counted = _count(seeds[0], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    return f"{_count(len({task for place in places for task in place.tasks}), 'task')}, {counted}"


def _claim(plan: Plan, found: Sequence[ContrastResult]) -> str:
    """The first claim that has contrasts, by its overall lines."""
    lines = overall(found)
    first = next((claim for claim in plan.claims if any(line.claim == claim for line in lines)), None)
    lines = [line for line in lines if line.claim == first]
    if not lines:
        return "the plan compares no arms"
    arms, others = {line.arm for line in lines}, {line.against for line in lines}
    if len(lines) == 1 or len(arms) > 1 and len(others) > 1:
        return "; ".join(map(_spelt, lines[:SPELT_OUT])) + _more(len(lines) - SPELT_OUT)
    groups = {verdict: [line for line in lines if line.verdict == verdict] for verdict in VERDICTS}
    if len(arms) == 1:
        words = [f"{TO_OTHERS[verdict]} {_named(its, 'against')}{_wanted(its)}" for verdict, its in groups.items() if its]
        return f"{arms.pop()} {', '.join(words)}"
    return _with_one(others.pop(), groups)


def _with_one(base: str, groups: dict[str, list[ContrastResult]]) -> str:
    """Each verdict with the arms that it is of."""
    said = [] if groups[BETTER] else [f"no arm is shown to solve more than {base}"]
    for verdict, lines in groups.items():
        if lines:
            verb, be = ("solves", "is") if len(lines) == 1 else ("solve", "are")
            said.append(f"{_named(lines, 'arm')} {TO_ONE[verdict].format(verb=verb, be=be, base=base)}{_wanted(lines)}")
    return "; ".join(said)


def _wanted(lines: Sequence[ContrastResult]) -> str:
    wanted = max((line.seeds_wanted or 0 for line in lines if line.verdict == UNCLEAR), default=0)
    return f" ({wanted} seeds might tell)" if wanted > lines[0].seeds else ""


def _named(lines: Sequence[ContrastResult], side: str) -> str:
    """The arms on one side, those that differ most first, with their differences."""
    lines = sorted(lines, key=lambda line: -abs(line.estimate or 0.0))
    *most, last = [getattr(line, side) + ("" if line.verdict == CANNOT_TELL else f" ({points(line.estimate)} points)")
                   for line in lines[:NAMED]]
    if len(lines) > NAMED:
        return f"{', '.join([*most, last])}{_more(len(lines) - NAMED)}"
    return f"{', '.join(most)} and {last}" if most else last


def overall(found: Sequence[ContrastResult]) -> list[ContrastResult]:
    """One line a contrast: the pooled one, or that of its only task with cells."""
    groups: dict[tuple, list[ContrastResult]] = defaultdict(list)
    for line in found:
        groups[line.claim, line.arm, line.against].append(line)
    kept = []
    for lines in groups.values():
        pooled = [line for line in lines if line.task == POOLED]
        kept.append((pooled or [line for line in lines if line.estimate is not None] or lines)[0])
    return kept


def _spelt(line: ContrastResult) -> str:
    arms = f"{line.arm} and {line.against}"
    if line.verdict in (BETTER, WORSE):
        return _apart(line)
    if line.verdict == LEVEL:
        return f"{arms} are level ({points(line.estimate)} points, {_range(line)})"
    if not line.seeds:
        return f"{arms} cannot be compared yet ({line.blind})"
    if line.verdict == CANNOT_TELL:
        return f"{arms} cannot be told apart here ({line.blind})"
    if line.low is None:
        return f"{_apart(line)}, on one seed, which says nothing of chance"
    more = f"{line.seeds_wanted} might" if line.seeds_wanted and line.seeds_wanted > line.seeds else ""
    if line.low > 0 or line.high < 0:
        return f"{_apart(line)}, which {_count(line.seeds, 'seed')} cannot confirm{f' ({more})' if more else ''}"
    return (f"it is unclear which of {arms} is better ({points(line.estimate)} points, {_range(line)}"
            f"{f'; {line.seeds_wanted} seeds might tell' if more else ''})")


def _apart(line: ContrastResult) -> str:
    known = f" ({_range(line, 1 if line.estimate > 0 else -1)})" if line.low is not None else ""
    return (f"{line.arm} solves {100 * abs(line.estimate):.1f} points {'more' if line.estimate > 0 else 'less'} than "
            f"{line.against}{known}")


def _range(line: ContrastResult, sign: int = 1) -> str:
    low, high = sorted((sign * line.low, sign * line.high))
    return f"{100 * low:.1f} to {100 * high:.1f}".replace("-", MINUS)


def _highest(places: Sequence[Place], found: Sequence[ContrastResult]) -> str:
    """Who leads the league, and how that compares with the arm that the first claim is about."""
    ranked = [place for place in places if len(place.tasks) == len(places[0].tasks)]
    if len(ranked) < 3:
        return ""
    best, lines = ranked[0], overall(found)
    ours = _about([line for line in lines if line.claim == lines[0].claim]) if lines else best.arm
    said = f"; the highest of {len(ranked)} arms is {best.arm} ({100 * best.score:.0f}%)"
    if best.arm == ours:
        return said
    for line in lines:
        if (line.arm, line.against) in ((best.arm, ours), (ours, best.arm)):
            return said + ", " + _above(line, best.arm)
    return f"{said}, which no contrast compares with {ours}"


def _ahead(found: Sequence[ContrastResult]) -> str:
    """Who is clearly ahead of the arm that the first claim is about, in the other claims' contrasts, the furthest first: a
    control that beats it must be heard of at once."""
    lines = overall(found)
    if not lines:
        return ""
    ours, gaps = _about([line for line in lines if line.claim == lines[0].claim]), {}
    for line in lines:
        turned = line.against == ours
        if line.claim != lines[0].claim and ours in (line.arm, line.against) and line.verdict == (BETTER if turned else WORSE):
            gaps[line.arm if turned else line.against] = abs(line.estimate)
    ranked = sorted(gaps, key=gaps.__getitem__, reverse=True)
    named = ", ".join(f"{arm} ({100 * gaps[arm]:.1f} points)" for arm in ranked[:AHEAD])
    return f"; clearly ahead of {ours}: {named}{_more(len(ranked) - AHEAD)}" if ranked else ""


def _about(lines: Sequence[ContrastResult]) -> str:
    """The arm that all contrasts of a claim have, the first one's first of two."""
    common = set.intersection(*({line.arm, line.against} for line in lines))
    return lines[0].arm if lines[0].arm in common or not common else lines[0].against


def _above(line: ContrastResult, best: str) -> str:
    turned = line.arm != best
    other = line.arm if turned else line.against
    if line.verdict == (WORSE if turned else BETTER):
        return f"clearly above {other}, by {100 * abs(line.estimate):.1f} points ({_range(line, -1 if turned else 1)})"
    return f"level with {other}" if line.verdict == LEVEL else f"not clearly above {other}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
