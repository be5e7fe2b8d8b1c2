"""What is compared: one recipe with one seed is an arm. And what was seen, in one sentence, from the numbers alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from rfpo.reporting.wording import percent, tokens

LEVEL = 0.02  # arms whose solved shares differ by less are called level


@dataclass(frozen=True)
class CurvePoint:
    """An evaluation during training, on prompts that are not trained on."""

    step: int
    tokens: int  # generated for training so far, corrections counted
    stuck_pass1: float
    other_pass1: float


@dataclass(frozen=True)
class Example:
    """A correction. `error_start:error_end` are character offsets in `before`, None when nobody knows the place; `place`
    says it in words ("column 2")."""

    prompt: str
    before: str
    after: str
    error_start: int | None = None
    error_end: int | None = None
    place: str = ""


@dataclass(frozen=True)
class Arm:
    """One recipe with one seed. `tokens_to_half` counts generated tokens until stuck_pass1 first reached 0.5, None when it
    never did. All but `curve` and `examples` go into summary.json, under these names."""

    arm: str
    seed: int
    stuck_pass1_before: float
    stuck_pass1_after: float
    other_pass1_before: float
    other_pass1_after: float
    tokens_to_half: int | None
    generated_tokens: int
    wall_s: float
    updates: int
    trained_rows: int
    curve: tuple[CurvePoint, ...] = ()
    examples: tuple[Example, ...] = ()


def by_arm(arms: Sequence[Arm]) -> dict[str, list[Arm]]:
    """The seeds of each arm, in the order in which the arms first appear."""
    groups: dict[str, list[Arm]] = {}
    for arm in arms:
        groups.setdefault(arm.arm, []).append(arm)
    return groups


def sentence(arms: Sequence[Arm]) -> str:
    """What was seen, whatever it was. Seeds are averaged; the first arm whose name begins with "rfpo" is judged against the
    first whose name does not.

    >>> sentence(arms)
    'After 100k generated tokens each (mean of 3 seeds), the stuck prompts are solved in 1% (grpo) and 78% (rfpo_grpo) of the
    answers, 0% before, and the others in 99% (grpo) and 99% (rfpo_grpo), 99% before: on the stuck prompts rfpo_grpo is 77
    points ahead of grpo (in 3 of 3 seeds), and on the others it is level with it.'
    """
    groups = by_arm(arms)
    if not groups:
        return "No arm was run."
    stated = (f"the stuck prompts are solved in {_listed(groups, 'stuck_pass1_after')} of the answers, "
              f"{_mean_share(arms, 'stuck_pass1_before')} before, and the others in {_listed(groups, 'other_pass1_after')}, "
              f"{_mean_share(arms, 'other_pass1_before')} before")
    fixing = next((name for name in groups if name.startswith("rfpo")), None)
    plain = next((name for name in groups if not name.startswith("rfpo")), None)
    if fixing is None or plain is None:
        return f"{_budget(arms)}{stated}."
    return f"{_budget(arms)}{stated}: {_judged(fixing, groups[fixing], plain, groups[plain])}."


def _listed(groups: dict[str, list[Arm]], key: str) -> str:
    *most, last = [f"{_mean_share(seeds, key)} ({name})" for name, seeds in groups.items()]
    return f"{', '.join(most)} and {last}" if most else last


def _mean_share(arms: Sequence[Arm], key: str) -> str:
    return percent(fmean(getattr(arm, key) for arm in arms))


def _judged(fixing: str, ours: Sequence[Arm], plain: str, theirs: Sequence[Arm]) -> str:
    stuck, other = (fmean(getattr(arm, key) for arm in ours) - fmean(getattr(arm, key) for arm in theirs)
                    for key in ("stuck_pass1_after", "other_pass1_after"))
    return (f"on the stuck prompts {fixing} is {_relation(stuck)} {plain}{_agreement(stuck, ours, theirs)}, "
            f"and on the others it is {_relation(other)} it")


def _relation(gap: float) -> str:
    if abs(gap) < LEVEL:
        return "level with"
    return f"{abs(gap) * 100:.0f} points {'ahead of' if gap > 0 else 'behind'}"


def _agreement(gap: float, ours: Sequence[Arm], theirs: Sequence[Arm]) -> str:
    """In how many seeds that both arms ran the gap has the sign of the mean gap; nothing is said of one seed or no gap."""
    plain = {arm.seed: arm.stuck_pass1_after for arm in theirs}
    gaps = [arm.stuck_pass1_after - plain[arm.seed] for arm in ours if arm.seed in plain]
    if len(gaps) < 2 or abs(gap) < LEVEL:
        return ""
    return f" (in {sum(each * gap > 0 for each in gaps)} of {len(gaps)} seeds)"


def _budget(arms: Sequence[Arm]) -> str:
    """Equal to within a twentieth, which is what stopping at a step boundary leaves, or said as a range."""
    means = [fmean(arm.generated_tokens for arm in seeds) for seeds in by_arm(arms).values()]
    least, most = min(means), max(means)
    spent = tokens(fmean(means)) if most <= 1.05 * least else f"{tokens(least)} to {tokens(most)}"
    counts = sorted({len(seeds) for seeds in by_arm(arms).values()})
    seeds = "one seed" if counts == [1] else f"mean of {' or '.join(map(str, counts))} seeds"
    return f"After {spent} generated tokens each ({seeds}), "
