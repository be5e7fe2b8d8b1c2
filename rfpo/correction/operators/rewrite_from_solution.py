"""Told the reference answer, asked for its derivation."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import ClassVar

from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, parents_of, say_once, try_parents
from rfpo.records import Attempt, Correction, Group

NEEDS, MAY = (("question",), ("solution",)), ("attempt", "answer")


@dataclass(frozen=True, kw_only=True)
class RewriteFromSolution(Operator):
    """The model is told the prompt's reference answer, and derives it as though it did not know it (compare ExPO, GHPO).

    The answer is given away, so a derivation that only rationalises it passes a verifier that reads the final answer alone:
    read the leak counts. `tries`, `at_once` and `templates` (here `rewrite_from_solution.txt`) are those of fix_wrong_only.
    A prompt without a `solution` is skipped; a line says so the first time.
    """

    tries: int = 4
    at_once: int = 1
    templates: str = "prose"
    reads: ClassVar[frozenset[str]] = frozenset({"solution"})

    def __post_init__(self):
        check_tries(self)
        load(self.templates, "rewrite_from_solution", NEEDS, MAY)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        parents = parents_of(group)
        if not group.prompt.solution:
            say_once(f"rewrite_from_solution: a prompt of task {group.prompt.task!r} has no solution to derive; such prompts "
                     f"are skipped. Give the data an answer column, or use fix_wrong_only.")
            parents = ()
        template = load(self.templates, "rewrite_from_solution", NEEDS, MAY)

        def tell(parent: Attempt, number: int) -> Told:
            content = fill(template, group.prompt, solution=group.prompt.solution, attempt=parent.completion.text,
                           answer=parent.verdict.answer or "")
            return Told(content, help="solution")

        return try_parents(self, group, parents, tell)
