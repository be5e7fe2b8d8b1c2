"""A whole run: prepare, step after step, evaluate, checkpoint, report. And going on with one that was stopped."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rfpo.config.load import load
from rfpo.config.run import Run
from rfpo.config.save import to_plain, to_toml
from rfpo.engines.local import LocalEngine
from rfpo.errors import UserError
from rfpo.records import RandomKey
from rfpo.reporting.display import Display
from rfpo.reporting.loggers import open_loggers
from rfpo.reporting.report import report
from rfpo.reporting.store import RunStore
from rfpo.training import checkpoint
from rfpo.training.bench import Bench
from rfpo.training.evaluate import Judge, evaluation_prompts, score
from rfpo.training.prepare import found, prepare, verifier
from rfpo.training.state import LoopState
from rfpo.training.step import take_step, totals

Watch = Callable[[LocalEngine, Judge, LoopState, float], None]
"""Called before the first step and after each, with the engine, the judge, the loop's state and the run's progress."""


def train(run: Run, directory: Path, *, screen: Display | None = None, watch: Watch | None = None, page: bool = True) -> None:
    """Train `run` and leave everything in `directory`, which must be empty or not exist. `screen` is shown in place of the
    usual display; `watch` looks on; without `page`, report.html is not written.

    Raises UserError, before anything is written, for a run that cannot work; and when the run has to stop (too many answers
    that cannot be judged, too many updates that are not finite, a full disk), with the state saved where it can be.
    """
    RunStore.refuse_used(directory)
    run = found(run)
    engine, prompts = prepare(run)
    _go(run, RunStore.create(directory, to_toml(run)), engine, prompts, LoopState(), Onlookers(screen, watch, page))


def resume(directory: Path, *, screen: Display | None = None, watch: Watch | None = None, page: bool = True) -> None:
    """Go on from the newest whole checkpoint; what was written after it is forgotten. On the same machine, with the same
    versions and threads, the metrics and rollouts become those of the run that was never stopped.

    Raises UserError when `directory` is no run.
    """
    store = RunStore.open(directory)
    run = load(store.directory / "run.toml")
    engine, prompts = prepare(run)
    checkpoint.clear_unfinished(store.checkpoints)
    newest, state = checkpoint.newest(store.checkpoints), LoopState()
    if newest is not None:
        engine.load_state(newest / "trainer")
        state = LoopState.load(newest / "trainer" / "loop.json")
    damaged = [path.name for path in checkpoint.complete(store.checkpoints) if newest is None or path > newest]
    (screen or Display(run.steps, quiet=True)).note(f"resuming from {newest.name if newest else 'the beginning'}"
                                        + "".join(f"; {name} is damaged and was passed over" for name in damaged))
    store.cut_back(state.step if newest is not None else -1)
    _go(run, store, engine, prompts, state, Onlookers(screen, watch, page))


@dataclass(frozen=True)
class Onlookers:
    """Who sees the run: the display, a watch, and the readers of report.html."""

    screen: Display | None = None
    watch: Watch | None = None
    page: bool = True


@dataclass(frozen=True)
class _Course:
    """The run on its way: what a step needs, where it is written, and what it has come to."""

    bench: Bench
    store: RunStore
    state: LoopState
    display: Display
    loggers: list
    watch: Watch | None

    @property
    def run(self) -> Run:
        return self.bench.run

    @property
    def progress(self) -> float:
        """Share of the run that is done, in [0, 1]: of the token budget or of the steps, whichever is further."""
        budget = self.run.token_budget
        spent = self.state.tokens.generated / budget if budget else 0.0
        return min(1.0, max(spent, self.state.step / self.run.steps))

    def watched(self) -> None:
        if self.watch:
            self.watch(self.bench.engine, self.bench.judge, self.state, self.progress)

    def record(self, metrics: dict, timings: dict, rollouts: list[dict]) -> None:
        step = self.state.step
        kept = rollouts if step % self.run.rollouts_every == 0 else []
        self.store.append(step, metrics, timings, kept)
        self.display.step(step, metrics)
        for logger in self.loggers:
            logger.log(step, metrics | timings)

    def save(self) -> Path:
        def fill(path: Path) -> None:
            self.bench.engine.save_model(path)
            self.bench.engine.save_state(path / "trainer")
            self.state.save(path / "trainer" / "loop.json")

        return checkpoint.write(self.store.checkpoints, self.state.step, fill, self.run.keep_checkpoints)


def _go(run: Run, store: RunStore, engine, prompts, state: LoopState, onlookers: Onlookers) -> None:
    with ExitStack() as stack:
        judge = stack.enter_context(verifier(run.tasks, run.verifier_seconds))
        loggers = open_loggers(run.loggers, store.directory, run.name, to_plain(run))
        for logger in loggers:
            stack.callback(logger.close)
        display = stack.enter_context(onlookers.screen or Display(run.steps, run.token_budget, run.name))
        course = _Course(Bench(run, engine, judge, prompts, display), store, state, display, loggers, onlookers.watch)
        _steps(course, judge)
    if onlookers.page:
        display.note(_closing(course, judge.ungraded, report(store.directory)))


def _steps(course: _Course, judge) -> None:
    """From the state's step to the end of the run. A checkpoint is written every so often, at the end, and before stopping
    for a reason."""
    run, state = course.run, course.state
    if state.step == 0:
        course.record(_evaluated(course) | totals(state), {}, [])
        course.watched()
    while course.progress < 1.0:
        ungraded = Counter(judge.ungraded)
        metrics, timings, rollouts = take_step(course.bench, state, course.progress)
        done = course.progress >= 1.0
        if done or (run.evaluation.every and state.step % run.evaluation.every == 0):
            metrics |= _evaluated(course)
        course.record(metrics, timings, rollouts)
        course.watched()
        reason = _reason_to_stop(run, state, metrics, judge.ungraded - ungraded)
        if done or reason or state.step % run.checkpoint_every == 0:
            saved = course.save()
        if reason:
            raise UserError(f"{reason} The state is saved in {saved}; `rfpo train --resume {course.store.directory}` goes on.")


def _reason_to_stop(run: Run, state: LoopState, metrics: dict, ungraded: Counter) -> str | None:
    if metrics["ungraded_share"] is not None and metrics["ungraded_share"] > run.max_ungraded_share:
        return (f"step {state.step}: {metrics['ungraded_share']:.0%} of the answers could not be judged, more than "
                f"max_ungraded_share={run.max_ungraded_share}{_reasons(ungraded)}. Mend the verifier.")
    if metrics["nan_updates"] and state.bad_updates >= run.max_bad_updates:
        return (f"step {state.step}: the last {state.bad_updates} updates had a loss or gradient that is not finite, which is "
                f"max_bad_updates; they were skipped. Lower optimizer.learning_rate.")
    return None


def _reasons(ungraded: Counter) -> str:
    """The commonest reasons, with their counts."""
    return ": " + ", ".join(f"{reason} ({count})" for reason, count in ungraded.most_common(3)) if ungraded else ""


def _evaluated(course: _Course) -> dict:
    """pass@k on the evaluation prompts, for metrics.jsonl; empty when there are none or `evaluation.prompts` is 0."""
    run, evaluation = course.run, course.run.evaluation
    prompts = evaluation_prompts(run.tasks, evaluation.prompts) if evaluation.prompts else []
    if not prompts:
        return {}
    course.display.phase("evaluating", len(prompts) * evaluation.samples)
    key = RandomKey(seed=run.seed, step=course.state.step, purpose="evaluation")
    scores, _ = score(course.bench.engine, course.bench.judge, prompts, run.sampling, evaluation.samples, key,
                      lambda _: course.display.advance())
    course.state.tokens.evaluation += scores.tokens
    rows = scores.summary(evaluation.ks)["tasks"]
    return {f"evaluation/{name}/pass@{k}": row[f"pass@{k}"] for name, row in rows.items() for k in evaluation.ks} | {
        "evaluation_tokens": course.state.tokens.evaluation}


def _closing(course: _Course, ungraded: Counter, page: Path) -> str:
    state, tally = course.state, course.state.tally
    parts = [f"{state.step} steps, {state.updates} updates, {state.tokens.generated:,} generated tokens"]
    if course.run.fixing:
        parts.append(f"{tally.stuck} stuck groups, {tally.fixed} fixed; {tally.successes} of {tally.tries} tries succeeded")
    if tally.unasked:
        parts.append(f"of {tally.unasked} stuck groups nothing was asked (truncated answers are not corrected; nor is there "
                     "always a hint, or a stored answer)")
    if tally.too_long:
        parts.append(f"{tally.too_long} correction prompts were longer than the model's context and not asked")
    if tally.ungraded:
        parts.append(f"{tally.ungraded} answers could not be judged{_reasons(ungraded)}")
    if state.idle_steps:
        parts.append(f"{state.idle_steps} steps had nothing to train")
    return f"{'; '.join(parts)}. Report: {page}"
