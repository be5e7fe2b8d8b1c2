"""The worked reference is given as an answer."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.checks import one_of, require
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._begun import chance, placed, standing
from rfpo.correction._reference import worked
from rfpo.correction._tries import Told, request_of, say_once, successes
from rfpo.records import Correction, Group, Opening, Prompt


@dataclass(frozen=True, kw_only=True)
class Demonstration(Operator):
    """A demonstration takes a place in the group; nothing is drawn (LUFFY, arXiv 2504.14945; AMPO, arXiv 2510.02227).

    Demonstrations are the texts of `prompt.data["demonstrations"]`, such as those of several teachers, else the worked
    reference. They are taken in the order of `choice`: "first" as they stand, "random", "shortest" by characters. The first
    `count` that the verifier accepts become corrections of origin "given"; one that is longer than max_tokens is truncated
    and never accepted. A bare reference answer is accepted too where the task takes it, without any derivation: give worked
    ones, and read the leak counts.

    Each takes the place of another wrong answer, in order; with trigger "always" and none wrong, or where all wrong ones are
    truncated, of the last graded one. A truncated answer is a poor parent for the off-policy ratio: its mean log-prob is high.
    AMPO chooses by the student's likelihood of the final answer after each trace, which needs a scorer; that is not done.
    """

    draws: ClassVar[bool] = False
    choice: str = "first"
    count: int = 1

    def __post_init__(self):
        one_of(self, "choice", ("first", "random", "shortest"))
        require(self, "count", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 1)

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"worked"})

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        texts, places = self._ordered(group), standing(group) or group.graded[-1:]
        if not texts:
            say_once(f"demonstration: a prompt of task {group.prompt.task!r} has neither data['demonstrations'] nor a worked "
                     f"solution; such prompts are skipped.")
        asked = tuple(
            replace(request_of(self, group, places[number % len(places)], number, Told(group.prompt.content, "solution")),
                    opening=Opening(text=text, ends=True), origin="given", level=1.0)
            for number, text in enumerate(texts if places else ()))
        found = successes(self, asked, (yield asked)) if asked else ()
        return placed(found, places, self.count)

    def _ordered(self, group: Group) -> Sequence[str]:
        texts = demonstrations(group.prompt)
        if self.choice == "shortest":
            return sorted(texts, key=len)
        if self.choice == "random":
            order = sorted(range(len(texts)), key=lambda number: chance(self, group, number, "order"))
            return [texts[number] for number in order]
        return texts


def demonstrations(prompt: Prompt) -> list[str]:
    """The distinct texts that a prompt's data holds, else its worked reference, if any."""
    listed = prompt.data.get("demonstrations") or ()
    texts = [text for text in ([listed] if isinstance(listed, str) else listed) if isinstance(text, str) and text.strip()]
    return list(dict.fromkeys(texts)) or [text for text in (worked(prompt),) if text]
