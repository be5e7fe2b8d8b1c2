"""The student of state machine tracing."""

import random
from dataclasses import dataclass
from string import ascii_lowercase
from typing import ClassVar

from rfpo.checks import require
from rfpo.students.rates import Rates
from rfpo.students.specialists import Exercise
from rfpo.tasks import state_machine as tasks
from rfpo.tasks.state_machine import question, trace

STATES = 3
SYMBOLS = ascii_lowercase[:2]
ENTRIES = [f"{state}{symbol}{after}" for state in range(STATES) for symbol in SYMBOLS for after in range(STATES)]

Table = dict[tuple[int, str], int]


@dataclass(frozen=True)
class StateMachine:
    """Has no misconception but noise: each step is right with probability p = 0.4, whatever the machine and the word.

    Otherwise the step goes to some other state, all alike, and the trace goes on from there; the final state is copied
    rightly. A word of L symbols is so solved with p^L: of words of 1 to 11 symbols the short ones often, and those from
    about 7 on by fewer than half of the groups of 256 samples. There is no line between easy and hard, and what is learnt on
    short words helps with long ones. A hint helps once it shows the first half of the steps: where the next mistake would
    have been, nobody knows. An entry and the mark after it are one token: a step is a token, and p the probability of one.

        0a1,0b0,1a0,1b1|0:aba=    0a1;1b1;1a0;0 with p^3; one of the others: 0a0;0b0;0a1;1
    """

    shortest: int = 1
    longest: int = 11
    right: float = 0.4
    words: ClassVar[tuple[str, ...]] = ("state", "symbol", "next", "result", "format", "step ", "the final state",
                                        *(entry + mark for entry in ENTRIES for mark in ",|;"))
    rates: ClassVar[Rates] = Rates(located=0.5, wrong_only=0.08, error=0.3, avoid=0.1, hint=0.75, named=0.15, reflection=0.3)
    several_answers: ClassVar[bool] = False
    graded: ClassVar[bool] = True
    steps: ClassVar[int] = 5500
    learning_rate: ClassVar[float] = 0.003
    sharpness: ClassVar[float] = 1.0

    def __post_init__(self):
        require(self, "right", lambda x: 0 < x < 1, "above 0 and below 1: the probability of a right step", 0.4)

    def task(self, size: int, seed: int = 0) -> tasks.StateMachine:
        return tasks.StateMachine(states=STATES, length=self.longest, shortest=self.shortest, size=size, seed=seed)

    def exercise(self, rng: random.Random) -> Exercise:
        """A word with a trace whose every step is right with probability `right`."""
        table, start, word = self._machine(rng)
        return self._exercise(table, start, word, [rng.random() >= self.right for _ in word], rng)

    def slip(self, rng: random.Random) -> Exercise:
        """A word with a trace of one wrong step."""
        table, start, word = self._machine(rng)
        place = rng.randrange(len(word))
        return self._exercise(table, start, word, [index == place for index in range(len(word))], rng)

    def _machine(self, rng: random.Random) -> tuple[Table, int, str]:
        table = {(state, symbol): rng.randrange(STATES) for state in range(STATES) for symbol in SYMBOLS}
        length = rng.randint(self.shortest, self.longest)
        return table, rng.randrange(STATES), "".join(rng.choices(SYMBOLS, k=length))

    def _exercise(self, table: Table, start: int, word: str, wrong: list[bool], rng: random.Random) -> Exercise:
        right, places = trace(table, start, word), range(len(word) + 1)
        fields, state = [], start
        for symbol, is_wrong in zip(word, wrong, strict=True):
            after = table[state, symbol]
            if is_wrong:
                after = rng.choice([other for other in range(STATES) if other != after])
            fields.append(f"{state}{symbol}{after}")
            state = after
        asked, attempt = question(table, start, word), ";".join([*fields, str(state)])
        if attempt == right:
            return Exercise(asked, right, right, places)
        place, known = wrong.index(True), 4 * max(1, len(word) // 2) - 1
        return Exercise(asked, right, attempt, places, place, known, error="next", description=f"step {place}")
