"""The demo: the same student, prompts and number of generated tokens; GRPO beside RFPO.

Evaluation prompts are sorted into stuck and other ones by plain draws, and both arms are measured on fresh draws. The
arms are ordinary runs of ordinary recipes: `rfpo train --config DIR/runs/rfpo-seed0/run.toml` repeats one.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from rfpo.config.run import Evaluation, Run
from rfpo.engines.local import LocalEngine
from rfpo.engines.settings import Model, Optimizer
from rfpo.errors import UserError, near_miss
from rfpo.recipes import recipe
from rfpo.records import RandomKey, Sampling
from rfpo.reporting.comparison import Arm, CurvePoint, Example, live_table, sentence, write_comparison
from rfpo.reporting.display import Display
from rfpo.reporting.store import RunStore
from rfpo.study.base import Classes, Student, sort
from rfpo.study.cells import task_of
from rfpo.study.plan import Measure
from rfpo.training.evaluate import Judge, score
from rfpo.training.prepare import load_engine, verifier
from rfpo.training.state import LoopState
from rfpo.training.train import train

STUCK_DRAWS = 64
"""A prompt is stuck when the student's plain pass@64 is 0."""
PER_CLASS = 256
MARKS, MARK_SAMPLES, END_SAMPLES = 10, 2, 8
"""A curve has 10 marks at 2 answers a prompt; before and after are measured with 8."""

BUDGETS = {"column_addition": 222_000, "spell_backward": 136_000}
"""Generated tokens of an arm: four times those at which RFPO first reached .60 of the stuck prompts on seed 1000 (55,500 and
33,900, read off 60 marks), which is used for nothing else. `rfpo demo --first-seed 1000` shows that seed's curve."""
LONG = 4
"""`--long` draws the curves to so many times the budget."""


def demo(seeds: Sequence[int], out: Path, long: bool = False, student: str = "column_addition",
         arms: Sequence[str] = ("grpo", "rfpo")) -> list[Arm]:
    """Run the arms for every seed and write summary.json, report.html, curves.png and the runs into `out`.

    Raises UserError when `out` holds anything, or for an unknown student or recipe.
    """
    RunStore.refuse_used(out)
    if student not in BUDGETS:
        raise UserError(f"--student is {student!r}; there is no demo of that student; {near_miss(student, BUDGETS)}")
    runs = [run_of(name, student, seed, long) for seed in seeds for name in arms]
    board = Board(len(runs))
    with Live(board, console=board.console, refresh_per_second=4), verifier(runs[0].tasks) as checker:
        classes = sort(Student(load_engine(runs[0].model), checker.judge, runs[0].sampling),
                       runs[0].tasks[0].evaluation_prompts(), size(), board.sorted)
        for run in runs:
            directory = out / "runs" / f"{run.name}-seed{run.seed}"
            watch = Watch(run, classes, board.show)
            train(run, directory, screen=Display(run.steps, quiet=True, console=board.console), watch=watch)
            board.done.append(replace(watch.arm(), examples=examples(directory)))
    done = board.done
    flags = f"--seeds {len(seeds)} --first-seed {seeds[0]} --student {student} --arms {' '.join(arms)}"
    command = f"rfpo demo {flags}{' --long' if long else ''}"
    write_comparison(out, done, title=f"{' and '.join(arms)} on {student}", command=command, notes=notes(runs[0], classes))
    board.console.print(f"\n{sentence(done)}\nReport: {out / 'report.html'}", soft_wrap=True)
    return done


def size() -> Measure:
    """Of both classes of evaluation prompts."""
    return Measure(stuck_prompts=PER_CLASS, other_prompts=PER_CLASS, stuck_draws=STUCK_DRAWS)


def run_of(name: str, student: str, seed: int, long: bool = False) -> Run:
    """The recipe, with what the student needs. The learning rate is low and warmed up because Adam rescales the tiny
    gradients of a few mixed easy groups to full steps, which can set GRPO off by an avalanche."""
    run = recipe(name)
    if run.fixing:
        operator = replace(run.fixing.operator, templates="student")
        run = replace(run, fixing=replace(run.fixing, operator=operator))
    return replace(run, seed=seed, model=Model(path=student), tasks=(task_of(student),), steps=100_000,
                   sampling=Sampling(max_tokens=64), token_budget=BUDGETS[student] * (LONG if long else 1),
                   optimizer=Optimizer(learning_rate=1e-4, epsilon=1e-6, warmup_steps=10),
                   evaluation=Evaluation(prompts=0), checkpoint_every=100_000, keep_checkpoints=1)


class Board:
    """What is seen while the demo runs: a bar with the time left, and the table of the arms so far."""

    def __init__(self, arms: int):
        self.console = Console(stderr=True, highlight=False)
        self.done: list[Arm] = []
        self._now: list[Arm] = []
        self._bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), TextColumn("left"))
        self._sorting = self._bar.add_task("sorting evaluation prompts into stuck and other", total=PER_CLASS * STUCK_DRAWS)
        self._arms = self._bar.add_task(f"training {arms} arms", total=arms, start=False, visible=False)

    def sorted(self, _) -> None:
        self._bar.advance(self._sorting)

    def show(self, arm: Arm, progress: float) -> None:
        if not self._bar.tasks[self._arms].started:
            self._bar.update(self._sorting, visible=False)
            self._bar.update(self._arms, visible=True)
            self._bar.start_task(self._arms)
        self._now = [arm] if progress < 1.0 else []
        self._bar.update(self._arms, completed=len(self.done) + progress)

    def __rich__(self) -> Group:
        arms = [*self.done, *self._now]
        return Group(self._bar, *([live_table(arms)] if arms else []))


@dataclass
class Watch:
    """Looks on at a run: measures both classes before, at every tenth of the budget, and after."""

    run: Run
    classes: Classes
    show: Callable[[Arm, float], None]
    curve: list[CurvePoint] = field(default_factory=list)
    ends: list[tuple[float, float]] = field(default_factory=list)
    state: LoopState = field(default_factory=LoopState)
    seconds: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    def __call__(self, engine: LocalEngine, judge: Judge, state: LoopState, progress: float) -> None:
        """Called before the first step and after each. Time spent measuring is not the arm's."""
        self.seconds += time.perf_counter() - self.began
        self.state = state
        if state.step == 0 or progress >= 1.0:
            point = self.measure(engine, judge, END_SAMPLES)
            self.ends.append((point.stuck_pass1, point.other_pass1))
            self.curve.append(point)
        elif progress >= len(self.curve) / MARKS:
            self.curve.append(self.measure(engine, judge, MARK_SAMPLES))
        self.show(self.arm(), progress)
        self.began = time.perf_counter()

    def measure(self, engine: LocalEngine, judge: Judge, samples: int) -> CurvePoint:
        key = RandomKey(seed=self.run.seed, step=self.state.step, purpose="evaluation")
        shares = [score(engine, judge, prompts, self.run.sampling, samples, key)[0].pass_at(1)
                  for prompts in (self.classes.stuck, self.classes.other)]
        return CurvePoint(self.state.step, self.state.tokens.generated, *shares)

    def arm(self) -> Arm:
        first, last = self.ends[0], self.ends[-1]
        half = next((point.tokens for point in self.curve if point.stuck_pass1 >= 0.5), None)
        return Arm(arm=self.run.name, seed=self.run.seed, stuck_pass1_before=first[0], stuck_pass1_after=last[0],
                   other_pass1_before=first[1], other_pass1_after=last[1], tokens_to_half=half,
                   generated_tokens=self.state.tokens.generated, wall_s=round(self.seconds, 1), updates=self.state.updates,
                   trained_rows=self.state.trained_rows, curve=tuple(self.curve))


def examples(directory: Path, most: int = 3) -> tuple[Example, ...]:
    """The run's first accepted corrections, of different prompts."""
    found: dict[str, Example] = {}
    for row in RunStore.open(directory).rollouts(origin="corrected"):
        if row["outcome"] == "solved" and row["trained"] and len(found) < most:
            found.setdefault(row["prompt_id"], Example(row["prompt"], row["parent_text"], row["text"], row["error_start"],
                                                       row["error_end"]))
    return tuple(found.values())


def notes(run: Run, classes: Classes) -> list[str]:
    return [f"Stuck: {len(classes.stuck)} evaluation prompts without a right answer in {STUCK_DRAWS} plain draws of the "
            f"student; other: {len(classes.other)} prompts with at least one. Before and after are {END_SAMPLES} fresh draws "
            f"a prompt, the marks between {MARK_SAMPLES}.",
            f"Each arm may generate {run.token_budget:,} tokens for training, every correction try counted. The budget was "
            f"fixed beforehand, on a seed that is not shown."]
