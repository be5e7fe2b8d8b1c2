"""From prompts to samples: draw, sample, judge, recognise, fix, merge, shape."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rfpo.allocation import mixed
from rfpo.allocation.shuffled import draw
from rfpo.correction._samples import plain
from rfpo.correction.fix import FixReport, Key
from rfpo.records import Attempt, Correction, Group, Origin, Outcome, Prompt, Sample
from rfpo.training.archive import remember
from rfpo.training.bench import Bench
from rfpo.training.rollout import Rollout
from rfpo.training.state import LoopState


@dataclass(frozen=True)
class Harvest:
    """What one step sampled. `groups` are all that were drawn, `samples` those that may be trained, `tries` every attempt
    at a correction, successful or not, `corrections` the successful ones, leaks included; `controls` the plain draws that were
    made beside the tries, a tuple for each stuck group. `too_long` counts requests for a
    correction whose prompt left the model no room; `unasked` stuck groups for which none was made (truncated answers are
    not corrected)."""

    groups: tuple[Group, ...]
    stuck: tuple[Group, ...]
    fixes: tuple[FixReport, ...]
    tries: tuple[Attempt, ...]
    corrections: tuple[Correction, ...]
    controls: tuple[tuple[Attempt, ...], ...] = ()
    samples: tuple[Sample, ...] = ()
    rounds: int = 1
    too_long: int = 0
    unasked: int = 0

    @property
    def fixed(self) -> int:
        """Stuck groups that got at least one correction."""
        return sum(report.fixed for report in self.fixes)

    @property
    def rollouts(self) -> list[Attempt]:
        return [attempt for group in self.groups for attempt in group.attempts]


def gather(bench: Bench, state: LoopState, progress: float = 0.0) -> Harvest:
    """One step's samples, at this share of the run. With dynamic sampling, prompts are drawn until enough groups are mixed
    *after* corrections were merged, because a filter that runs before would throw the stuck groups away. Moves the state's
    cursor and memory."""
    run, dynamic = bench.run, bench.run.dynamic_sampling
    room = run.fixing.help.most_rows(run.prompts_per_step * run.group_size) if run.fixing else 0
    harvests: list[Harvest] = []
    kept: list[tuple[Sample, ...]] = []
    for _ in range(dynamic.max_rounds if dynamic else 1):
        drawn = draw(bench.prompts, run.seed, state.cursor, run.prompts_per_step)
        state.cursor += len(drawn)
        harvest, members = _round(bench, state, drawn, progress, room)
        room -= sum(map(_helped, members))
        harvests.append(harvest)
        kept += [group for group in members if group and (not dynamic or mixed(group))]
        if len(kept) >= run.prompts_per_step:
            break
    samples = tuple(sample for group in kept[: run.prompts_per_step] for sample in group)
    return Harvest(*(tuple(_chain(getattr(h, name) for h in harvests)) for name in
                     ("groups", "stuck", "fixes", "tries", "corrections", "controls")), samples=samples, rounds=len(harvests),
                   too_long=sum(h.too_long for h in harvests), unasked=sum(h.unasked for h in harvests))


def _round(bench: Bench, state: LoopState, drawn: Sequence[tuple[Prompt, int]], progress: float, room: float
           ) -> tuple[Harvest, list[tuple[Sample, ...]]]:
    """One draw: a harvest without its samples, and each group's samples, at most `room` of them corrections."""
    run, rollout = bench.run, Rollout(bench, state, drawn, progress)
    rollout.run()
    groups = rollout.groups
    accepted, members = entered(bench, rollout, room)
    if run.fixing is None:
        return Harvest(groups, (), (), (), ()), members
    report, stuck, tries = rollout.report, rollout.stuck, tuple(rollout.tries)
    remember(state.memory, groups, accepted, run.fixing.keep)
    reached = {(request.prompt.id, request.key.visit) for request in rollout.wanted}
    harvest = Harvest(groups, stuck, (report,), tries, tuple(_chain(report.corrections.values())),
                      tuple(rollout.controls[group.key] for group in stuck if group.key in rollout.controls),
                      unasked=len(stuck) - len(reached), too_long=rollout.too_long)
    return harvest, members


def entered(bench: Bench, rollout: Rollout, room: float
            ) -> tuple[dict[Key, tuple[Correction, ...]], list[tuple[Sample, ...]]]:
    """What the bench's run makes of a rollout, which may be that of another run that samples and corrects alike: the
    corrections that entered their groups, at most `room` rows of them, and each group's rows with shaped rewards."""
    run = bench.run
    if run.fixing is None:
        return {}, [_shaped(run, plain(group)) for group in rollout.groups]
    accepted, members = _merged(run, rollout, rollout.report, room)
    longest = bench.engine.context_length
    return accepted, [_shaped(run, tuple(s for s in samples if _fits(s, longest))) for samples in members]


def _merged(run, rollout: Rollout, report: FixReport, room: float
            ) -> tuple[dict[Key, tuple[Correction, ...]], list[tuple[Sample, ...]]]:
    """The corrections that entered their groups, and each group's samples. None enters with a leak that the run refuses; and
    the groups, in the order in which they were drawn, get as many as leave at most `room` rows that were helped."""
    accepted: dict[Key, tuple[Correction, ...]] = {}
    members = []
    for group in rollout.groups:
        clean = tuple(c for c in report.corrections.get(group.key, ()) if not set(c.leaks) & set(run.fixing.reject_leaks))
        tries = rollout.tries_of(group.key)
        fewer = [(clean[:count], tries) for count in range(len(clean), 0, -1)] or [((), tries)]
        for corrections, told in (*fewer, ((), ())):
            samples = run.fixing.merge(group, corrections, told)
            if _helped(samples) <= room:
                break
        room -= _helped(samples)
        accepted[group.key] = corrections
        members.append(samples)
    return accepted, members


def _helped(samples: Sequence[Sample]) -> int:
    """How many of the policy's rows are not plain answers."""
    return sum(sample.stream == "policy" and sample.origin is not Origin.SAMPLED for sample in samples)


def _fits(sample: Sample, context_length: int) -> bool:
    """A teacher is shown more than the row, and the answer behind it."""
    return sample.teacher_context is None or len(sample.teacher_context) + len(sample.tokens) <= context_length


def _shaped(run, samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """The rows with shaped rewards. Only the policy's: a further stream is rewarded by its merge, and shaping could turn a
    pair round."""
    shaped = []
    for sample in samples:
        for shaping in run.rewards if sample.stream == "policy" else ():
            sample = shaping(sample)
        if run.mask_truncated and sample.truncated:
            sample = replace(sample, trained=(False,) * len(sample.tokens))
        shaped.append(sample)
    return _silenced(samples, shaped) if run.silence_stuck else tuple(shaped)


def _silenced(samples: Sequence[Sample], shaped: Sequence[Sample]) -> tuple[Sample, ...]:
    """The shaped rows, but without what shaping added to the verifier's part where no row that they are compared with is
    SOLVED: rewards that differ by a length penalty alone would make a gradient about nothing."""
    solved = {sample.comparison for sample in samples if sample.stream == "policy" and sample.outcome is Outcome.SOLVED}
    return tuple(late if early.stream != "policy" or early.comparison in solved else _unshaped(early, late)
                 for early, late in zip(samples, shaped, strict=True))


def _unshaped(early: Sample, late: Sample) -> Sample:
    """The row with the reward that it entered with, and the verifier's part as shaping left it (signed, say)."""
    before = early.rewards.get("verifier", early.reward)
    verifier = late.rewards.get("verifier", before)
    return replace(late, reward=early.reward + verifier - before, rewards={**early.rewards, "verifier": verifier})


def _chain(parts: Iterable[Iterable]) -> list:
    return [item for part in parts for item in part]
