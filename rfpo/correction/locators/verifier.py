"""The verifier's own place."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.correction import Answers, Round
from rfpo.correction.locators import Locator
from rfpo.records import Attempt, Group, Location, RandomKey


@dataclass(frozen=True)
class Verifier(Locator):
    """The place that the verifier gave with its verdict: the true one. None where the task's verifier gives none."""

    def locate(self, group: Group, parent: Attempt, key: RandomKey) -> Generator[Round, Answers, Location | None]:
        yield from ()
        return parent.verdict.location
