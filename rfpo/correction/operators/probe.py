"""A wrong answer loses its conclusion, gets a sentence of doubt instead, and goes on."""

from collections.abc import Generator
from dataclasses import dataclass, replace

from rfpo.checks import require
from rfpo.correction import Answers, Operator, Round, Try
from rfpo.correction._begun import before_answer, chance
from rfpo.correction._templates import load
from rfpo.correction._tries import Told, parents_of, request_of, successes
from rfpo.errors import UserError
from rfpo.records import Attempt, Correction, Group, Opening


@dataclass(frozen=True, kw_only=True)
class Probe(Operator):
    """With some probability a wrong answer is cut before its final answer and continued behind a sentence of reflection
    (compare REX-RAG, arXiv 2508.08149).

    Each distinct wrong answer is probed with `probability`: its own tokens before the final answer, a sentence drawn from
    `probe.txt` (one to a line), between two `joint`s, and what the model writes from there, under the original prompt. All
    are asked at once; every success is a correction. Without a final answer in the text nothing is cut off; of a text that is
    all answer its last step is.

    What a mixture weight needs is in the row: mu = pi_old before the insertion and behind it, and at the inserted tokens how
    often the sentences begin so. Inserted are the tokens that have no log-prob and lie behind the prefix shared with the
    parent; the clones' share is `probability` of the wrong answers. REX-RAG also keeps only the clones whose inserted text
    is likeliest; that needs a scorer and is not done here: cap them with `Help.max_share`.
    """

    probability: float = 0.2
    templates: str = "prose"
    joint: str = "\n"

    def __post_init__(self):
        require(self, "probability", lambda x: 0 < x <= 1, "above 0 and at most 1", 0.2)
        _sentences(self.templates)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        asked = tuple(self._try(group, parent, number) for number, parent in enumerate(parents_of(group))
                      if chance(self, group, number, "whether") < self.probability)
        return successes(self, asked, (yield asked)) if asked else ()

    def _try(self, group: Group, parent: Attempt, number: int) -> Try:
        sentences = _sentences(self.templates)
        sentence = sentences[int(chance(self, group, number, "which") * len(sentences))]
        opening = Opening(parent.completion.tokens, before_answer(parent), f"{self.joint}{sentence}{self.joint}")
        told = Told(group.prompt.content, help="wrong")
        return replace(request_of(self, group, parent, number, told), opening=opening)


def _sentences(templates: str) -> list[str]:
    """Raises UserError for a file without any."""
    text = load(templates, "probe", ()).substitute()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise UserError(f"templates {templates!r}: probe.txt holds no sentence; write one to a line.")
    return lines
