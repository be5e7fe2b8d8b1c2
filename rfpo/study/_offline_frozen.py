"""Frozen sets: rollouts and corrections of the untrained policy, and the arms that can be trained on the same ones."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rfpo.allocation import mixed
from rfpo.allocation.shuffled import draw
from rfpo.config.run import Run
from rfpo.errors import UserError
from rfpo.records import Correction, Sample
from rfpo.study.cells import run_of
from rfpo.study.plan import Plan
from rfpo.training.archive import remember
from rfpo.training.bench import Bench
from rfpo.training.gather import entered
from rfpo.training.rollout import Rollout
from rfpo.training.state import LoopState

SAMPLING = ("model", "tasks", "sampling", "group_size", "prompts_per_step", "dynamic_sampling", "updates_by_step")
STAGE = ("diagnosis", "operator", "leak_tests", "critic", "keep", "tokens_by_step")
"""Fields that decide what is sampled and how it is corrected. An arm that differs in one of them has no part in the set."""


@dataclass(frozen=True)
class Variants:
    """The arms that share a frozen set, each with its run; `source` is the one whose run samples and corrects. `left_out` says
    why of every other arm."""

    source: str
    runs: dict[str, Run]
    left_out: dict[str, str]


@dataclass(frozen=True)
class Frozen:
    """A draw of prompts after the other, all of the same policy: `rollouts` hold groups, corrections and tries."""

    seed: int
    progress: float
    rollouts: tuple[Rollout, ...]

    @property
    def corrections(self) -> list[Correction]:
        """The first of each group that has one, leaks included."""
        return [found[0] for rollout in self.rollouts for found in rollout.report.corrections.values() if found]

    @property
    def stuck(self) -> int:
        return sum(len(rollout.stuck) for rollout in self.rollouts)

    @property
    def groups(self) -> int:
        return sum(len(rollout.groups) for rollout in self.rollouts)


def variants(plan: Plan, task: str, seed: int) -> Variants:
    """The arms that the plan wants on the task, sorted into those that share the source's set and those that cannot. The
    source is the first arm that corrects and follows no other. Raises UserError when there is none."""
    wanted = {arm for arm, where, _ in plan.cells() if where == task}
    runs = {arm: run_of(plan, arm, task, seed) for arm in plan.arms if arm in wanted}
    source = next((arm for arm, run in runs.items() if run.fixing and not plan.arms[arm].after), None)
    if source is None:
        raise UserError(f"tasks.{task}: no arm makes corrections of its own, so that there is nothing to freeze. Add "
                        "[arms.rfpo] with recipe = \"rfpo\".")
    left_out = {arm: reason for arm, run in runs.items() if (reason := _reason(plan, arm, run, runs[source]))}
    return Variants(source, {arm: run for arm, run in runs.items() if arm not in left_out}, left_out)


def _reason(plan: Plan, arm: str, run: Run, source: Run) -> str | None:
    """Why an arm cannot be trained on the source's set; None when it can."""
    if after := plan.arms[arm].after:
        return f"follows {after}"
    differing = [name for name in SAMPLING if getattr(run, name) != getattr(source, name)]
    if run.fixing:
        differing += [f"fixing.{name}" for name in STAGE if getattr(run.fixing, name) != getattr(source.fixing, name)]
        ours, theirs = (replace(each.fixing.help, max_share=None) for each in (run, source))
        differing += ["fixing.help"] if ours != theirs else []
    return f"another {' and '.join(differing)}" if differing else None


def freeze(bench: Bench, draws: int) -> Frozen:
    """As many steps' worth of prompts, sampled and corrected by the bench's run without an update between them. It stands where
    the run's help begins."""
    run, state = bench.run, LoopState()
    progress, rollouts = run.fixing.help.after, []
    for _ in range(draws):
        drawn = draw(bench.prompts, run.seed, state.cursor, run.prompts_per_step)
        rollout = Rollout(bench, state, drawn, progress)
        rollout.run()
        accepted, _ = entered(bench, rollout, _room(run))
        remember(state.memory, rollout.groups, accepted, run.fixing.keep)
        state.tokens.rollout += sum(attempt.completion.drawn for group in rollout.groups for attempt in group.attempts)
        state.tokens.correction += sum(attempt.completion.drawn for attempt in rollout.tries)
        state.cursor, state.step = state.cursor + len(drawn), state.step + 1
        rollouts.append(rollout)
    return Frozen(run.seed, progress, tuple(rollouts))


def samples_of(bench: Bench, frozen: Frozen) -> list[tuple[Sample, ...]]:
    """Of each draw, the rows that the bench's run trains. A run with dynamic sampling leaves out the groups that its merge did
    not make mixed, and draws no others for them."""
    return [_kept(bench.run, entered(bench, rollout, _room(bench.run))[1]) for rollout in frozen.rollouts]


def _kept(run: Run, members: Sequence[tuple[Sample, ...]]) -> tuple[Sample, ...]:
    return tuple(sample for group in members if not run.dynamic_sampling or mixed(group) for sample in group)


def _room(run: Run) -> float:
    return run.fixing.help.most_rows(run.prompts_per_step * run.group_size) if run.fixing else 0
