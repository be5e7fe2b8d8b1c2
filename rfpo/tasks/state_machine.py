"""Tracing a small state machine step by step, with a verifier that also finds the first wrong step."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from string import ascii_lowercase
from typing import ClassVar

from rfpo.checks import require
from rfpo.records import Location, Prompt, Verdict
from rfpo.tasks._split import Drawn, Pools, fill, most_draws


@dataclass(frozen=True)
class StateMachine(Drawn):
    """Run a machine of `states` states over a word of `length` symbols, or, with `shortest`, of from `shortest` to `length`
    symbols, each length equally often: a solver that makes a step rightly with probability p solves a word of L symbols with
    p^L, so that one pool then holds easy and hard prompts.

    The prompt is the machine's table, the start state and the word. A table entry is three characters: state, symbol, next
    state. The answer repeats, for each symbol of the word, the entry that applies, and ends with the state reached. Only
    that text is SOLVED. The text of an answer to L symbols has 4L + 1 characters.

        0a1,0b0,1a0,1b1|0:aba=    0a1;1b1;1a0;0

    A wrong answer is located at the first field that differs: `step` counts the word's symbols from 0 and is `length` for
    the final state, of L + 1 `places`. `error` is one word: "state" (the step does not start where the last one ended),
    "symbol" (it does not read the word's symbol), "next" (its next state is not the table's), "result" (the final state) or
    "format".
    """

    states: int = 4
    symbols: int = 2
    length: int = 6
    shortest: int | None = None
    size: int = 2048
    evaluation_size: int = 512
    seed: int = 0
    isolated: ClassVar[bool] = False
    room: ClassVar[str] = "rfpo.tasks"

    def __post_init__(self):
        limits = {"states": (2, 10, 4), "symbols": (1, 26, 2), "length": (1, 1000, 6), "size": (1, 10**7, 2048),
                  "evaluation_size": (1, 10**7, 512)}
        for name, (low, high, example) in limits.items():
            require(self, name, lambda x, low=low, high=high: isinstance(x, int) and low <= x <= high,
                    f"a whole number from {low} to {high}", example)
        require(self, "shortest", lambda x: x is None or isinstance(x, int) and 1 <= x <= self.length,
                f"None, or a whole number from 1 to length ({self.length})", 1)

    @property
    def name(self) -> str:
        return "state_machine"

    def verify(self, prompt: Prompt, text: str) -> Verdict:
        if text == prompt.solution:
            return Verdict.solved(text)
        expected = prompt.solution.split(";")
        found = text.split(";", len(expected) - 1)
        found += [""] * (len(expected) - len(found))
        step = next(index for index, (here, there) in enumerate(zip(found, expected, strict=True)) if here != there)
        start = min(len(text), sum(len(field) + 1 for field in found[:step]))
        description = "the final state" if step == len(expected) - 1 else f"step {step}"
        place = Location(step, start, start + len(found[step]), description, places=len(expected))
        return Verdict.wrong(text, error=_error(found[step], expected[step]), location=place)

    @cached_property
    def _pools(self) -> Pools:
        return fill(self._draws(), self.size, self.evaluation_size, of=f"{self.name} with seed {self.seed}")

    def _draws(self) -> Iterator[tuple[str, Prompt]]:
        rng = random.Random(f"{self.name}/{self.seed}")
        symbols = ascii_lowercase[:self.symbols]
        for index in range(most_draws(self.size, self.evaluation_size)):
            table = {(state, symbol): rng.randrange(self.states) for state in range(self.states) for symbol in symbols}
            start, length = rng.randrange(self.states), self._length(rng)
            word = "".join(rng.choices(symbols, k=length))
            text = question(table, start, word)
            yield text, Prompt(f"{self.name}/{self.seed}/{index}", text, self.name, trace(table, start, word))

    def _length(self, rng: random.Random) -> int:
        return self.length if self.shortest is None else rng.randint(self.shortest, self.length)


def question(table: dict[tuple[int, str], int], start: int, word: str) -> str:
    """The text of a prompt.

    >>> question({(0, "a"): 1, (1, "a"): 0}, 0, "aaa")
    '0a1,1a0|0:aaa='
    """
    return ",".join(f"{state}{symbol}{after}" for (state, symbol), after in table.items()) + f"|{start}:{word}="


def trace(table: dict[tuple[int, str], int], start: int, word: str) -> str:
    """The entries that apply, one a symbol, and the final state.

    >>> trace({(0, "a"): 1, (1, "a"): 0}, 0, "aaa")
    '0a1;1a0;0a1;1'
    """
    fields, state = [], start
    for symbol in word:
        after = table[state, symbol]
        fields.append(f"{state}{symbol}{after}")
        state = after
    return ";".join([*fields, str(state)])


def _error(found: str, expected: str) -> str:
    if len(found) != len(expected) or not found.isascii():
        return "format"
    if len(expected) == 1:
        return "result"
    position = next(index for index in range(3) if found[index] != expected[index])
    return ("state", "symbol", "next")[position]
