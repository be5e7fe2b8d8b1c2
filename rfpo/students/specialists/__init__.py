"""What each student knows: its exercises, its misconception, and the words of its tokenizer. One file, one student."""

import random
from dataclasses import dataclass
from typing import ClassVar, Protocol

from rfpo.records import Prompt
from rfpo.students.rates import Rates
from rfpo.tasks import Task


@dataclass(frozen=True)
class Exercise:
    """One question, its right answer, and a first attempt at it.

    `attempt` is the right answer, or wrong from `place` on (counted in the task's own unit); `places` are all the places
    that could be named for this question, and `known` is how many characters of the right answer end just after the place.
    """

    question: str
    right: str
    attempt: str
    places: range
    place: int | None = None
    known: int = 0
    error: str = ""
    description: str = ""

    @property
    def wrong(self) -> bool:
        return self.place is not None

    def as_prompt(self, task: str) -> Prompt:
        """For the task's verifier. The data are what the scorers of reasoning_gym take."""
        entry = {"question": self.question, "answer": self.right, "metadata": {}}
        return Prompt(self.question, self.question, task, self.right, {"entry": entry})


class Specialist(Protocol):
    """A student's subject. `exercise` draws a question with the attempt that the misconception makes of it; `slip` one on
    which the misconception does not bite, with some other mistake; `task` is where the prompts come from. `steps` and
    `learning_rate` are what a build takes to pass the gate. `rates` are those at which it is taught to mend its mistakes.
    `several_answers`: the task's verifier solves other texts than `Exercise.right` too.

    One may also declare `graded = True`: its prompts are of all difficulties, and the gate asks for no line between stuck and
    easy ones; `sharpness`, by which its logits are multiplied after training (see Build); `shares`, a mapping: how often kinds
    of lesson come, where not as often as rfpo/students/dialect.py says; and `prompts`, a pair: how many training and
    evaluation prompts a study is to draw, where the task has not as many as rfpo/study/cells.py asks for."""

    room: ClassVar[str] = "rfpo.students.specialists"
    words: ClassVar[tuple[str, ...]]
    steps: ClassVar[int]
    learning_rate: ClassVar[float]
    rates: ClassVar[Rates]
    several_answers: ClassVar[bool]

    def task(self, size: int, seed: int = 0) -> Task: ...
    def exercise(self, rng: random.Random) -> Exercise: ...
    def slip(self, rng: random.Random) -> Exercise: ...
