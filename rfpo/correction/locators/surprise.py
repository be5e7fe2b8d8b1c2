"""The token that the policy was least sure of."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar

from rfpo.correction import Answers, Round
from rfpo.correction.locators import Locator
from rfpo.correction.locators._parts import check_separator, place_at
from rfpo.records import Attempt, Completion, Group, Location, RandomKey


@dataclass(frozen=True, kw_only=True)
class Surprise(Locator):
    """The token of the wrong answer with the lowest log-prob when it was sampled; the first of several.

        t* = argmin_t log pi(o_t | q, o_<t)

    It stands in for the position of the largest entropy: -log pi of a token drawn from pi estimates the entropy there without
    bias, from one draw. The entropies themselves are not kept when answers are sampled. The log-probs are those at the
    sampling temperature. A guess: a rare right word is as surprising as a wrong one.

    `separator` is what stands between two steps of an answer. Only drawn tokens with a text are looked at; an answer without
    any has no place.
    """

    separator: str = "\n"
    reads: ClassVar[frozenset[str]] = frozenset({"offsets"})

    def __post_init__(self):
        check_separator(self)

    def locate(self, group: Group, parent: Attempt, key: RandomKey) -> Generator[Round, Answers, Location | None]:
        yield from ()
        completion = parent.completion
        drawn = [(logp, start, end) for logp, (start, end) in zip(completion.logps, spans(completion), strict=False)
                 if logp is not None and end > start]
        if not drawn:
            return None
        _, start, end = min(drawn, key=lambda token: token[0])
        return place_at(completion.text, start, end, self.separator)


def spans(completion: Completion) -> list[tuple[int, int]]:
    """Where each token begins and ends in the text; [] where the offsets were not asked for."""
    return list(zip((0, *completion.ends), completion.ends, strict=False))
