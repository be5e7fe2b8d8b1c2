"""From prompts to samples: draw, sample, judge, recognise, fix, merge, shape."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from rfpo.allocation import mixed
from rfpo.allocation.shuffled import draw
from rfpo.correction._samples import plain
from rfpo.correction.fix import FixReport, Key
from rfpo.records import Attempt, Correction, Group, Prompt, Sample
from rfpo.training.archive import remember
from rfpo.training.bench import Bench
from rfpo.training.rollout import Rollout
from rfpo.training.state import LoopState


@dataclass(frozen=True)
class Harvest:
    """What one step sampled. `groups` are all that were drawn, `samples` those that may be trained, `tries` every attempt
    at a correction, successful or not, `corrections` the successful ones, leaks included. `too_long` counts requests for a
    correction whose prompt left the model no room; `unasked` stuck groups for which none was made (truncated answers are
    not corrected)."""

    groups: tuple[Group, ...]
    stuck: tuple[Group, ...]
    fixes: tuple[FixReport, ...]
    tries: tuple[Attempt, ...]
    corrections: tuple[Correction, ...]
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
    harvests: list[Harvest] = []
    kept: list[tuple[Sample, ...]] = []
    for _ in range(dynamic.max_rounds if dynamic else 1):
        drawn = draw(bench.prompts, run.seed, state.cursor, run.prompts_per_step)
        state.cursor += len(drawn)
        harvest, members = _round(bench, state, drawn, progress)
        harvests.append(harvest)
        kept += [group for group in members if group and (not dynamic or mixed(group))]
        if len(kept) >= run.prompts_per_step:
            break
    samples = tuple(sample for group in kept[: run.prompts_per_step] for sample in group)
    return Harvest(*(tuple(_chain(getattr(h, name) for h in harvests)) for name in
                     ("groups", "stuck", "fixes", "tries", "corrections")), samples=samples, rounds=len(harvests),
                   too_long=sum(h.too_long for h in harvests), unasked=sum(h.unasked for h in harvests))


def _round(bench: Bench, state: LoopState, drawn: Sequence[tuple[Prompt, int]], progress: float
           ) -> tuple[Harvest, list[tuple[Sample, ...]]]:
    """One draw: a harvest without its samples, and each group's samples."""
    run, rollout = bench.run, Rollout(bench, state, drawn, progress)
    rollout.run()
    groups = rollout.groups
    if run.fixing is None:
        return Harvest(groups, (), (), (), ()), [_shaped(run, plain(group)) for group in groups]
    report, stuck, tries = rollout.report, rollout.stuck, tuple(rollout.tries)
    accepted = _accepted(run, report, stuck)
    members = [_shaped(run, run.fixing.merge(group, accepted.get(group.key, ()), rollout.tries_of(group.key)))
               for group in groups]
    corrections = tuple(_chain(report.corrections.values()))
    remember(state.memory, groups, corrections, run.fixing.keep)
    reached = {(request.prompt.id, request.key.visit) for request in rollout.wanted}
    harvest = Harvest(groups, stuck, (report,), tries, corrections, unasked=len(stuck) - len(reached),
                      too_long=sum(request.n for request in rollout.wanted) - len(tries))
    return harvest, members


def _accepted(run, report: FixReport, stuck: Sequence[Group]) -> dict[Key, tuple[Correction, ...]]:
    """The corrections that may enter their groups: without a leak that the run refuses, and as many groups as the cap on
    corrected rows lets in, in the order in which they were drawn."""
    clean = {key: tuple(c for c in corrections if not set(c.leaks) & set(run.fixing.reject_leaks))
             for key, corrections in report.corrections.items()}
    room = run.fixing.help.most_rows(run.prompts_per_step * run.group_size)
    accepted: dict[Key, tuple[Correction, ...]] = {}
    for group in stuck:
        accepted[group.key] = clean[group.key][:room]
        room -= len(accepted[group.key])
    return accepted


def _shaped(run, samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    shaped = []
    for sample in samples:
        for shaping in run.rewards:
            sample = shaping(sample)
        if run.mask_truncated and sample.truncated:
            sample = replace(sample, trained=(False,) * len(sample.tokens))
        shaped.append(sample)
    return tuple(shaped)


def _chain(parts: Iterable[Iterable]) -> list:
    return [item for part in parts for item in part]
