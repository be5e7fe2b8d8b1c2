"""The marks of a learning curve, taken while a cell trains and kept beside its run, so that a resumed cell has them all."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rfpo.engines.local import LocalEngine
from rfpo.records import Prompt, RandomKey, Sampling
from rfpo.study.plan import Measure
from rfpo.study.results import Mark, digits
from rfpo.training.evaluate import Judge, score
from rfpo.training.state import LoopState


@dataclass
class Watch:
    """Looks on at a run: measures both classes before the first step, at every mark, and when the budget is spent.

    Evaluation draws depend on the seed and the mark's number alone, so arms are measured on the same random numbers. `show` is
    called after every step with the run's progress and the newest mark; `seconds` leaves measuring out.
    """

    path: Path
    seed: int
    measure: Measure
    sampling: Sampling
    stuck: tuple[Prompt, ...]
    other: tuple[Prompt, ...]
    show: Callable[[float, Mark | None], None] = lambda progress, mark: None
    marks: list[Mark] = field(default_factory=list)
    state: LoopState = field(default_factory=LoopState)
    seconds: float = 0.0
    began: float = field(default_factory=time.perf_counter)

    def __post_init__(self):
        lines = self.path.read_text(encoding="utf-8").split("\n")[:-1] if self.path.exists() else []
        self.marks = [Mark(**json.loads(line)) for line in lines]

    def __call__(self, engine: LocalEngine, judge: Judge, state: LoopState, progress: float) -> None:
        self.seconds += time.perf_counter() - self.began
        self.state = state
        self.marks = [mark for mark in self.marks if mark.step < state.step]  # of a run that was killed further on
        if progress >= 1.0:
            self._take(engine, judge, self.measure.end_samples, self.measure.marks)
        elif progress >= len(self.marks) / self.measure.marks:
            self._take(engine, judge, self.measure.mark_samples, len(self.marks))
        self.show(progress, self.marks[-1] if self.marks else None)
        self.began = time.perf_counter()

    def _take(self, engine: LocalEngine, judge: Judge, samples: int, number: int) -> None:
        key = RandomKey(seed=self.seed, step=number, purpose="evaluation")
        solved = {}
        for name, prompts in (("stuck", self.stuck), ("other", self.other)):
            scores, _ = score(engine, judge, prompts, self.sampling, samples, key)
            self.state.tokens.evaluation += scores.tokens
            solved[name] = digits(scores.solved)
        self.marks.append(Mark(self.state.step, self.state.tokens.generated, samples, **solved))
        text = "".join(json.dumps(asdict(mark)) + "\n" for mark in self.marks)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(text, encoding="utf-8")


def prompts_by_id(prompts: tuple[Prompt, ...], ids: tuple[str, ...]) -> tuple[Prompt, ...]:
    """Raises KeyError for an id that the task does not have."""
    known: Mapping[str, Prompt] = {prompt.id: prompt for prompt in prompts}
    return tuple(known[name] for name in ids)
