"""An exercise that is too hard is asked in an easier form first."""

import re
from collections.abc import Generator
from dataclasses import dataclass, replace

from rfpo.checks import require
from rfpo.correction import Answers, Operator, Round, Try
from rfpo.correction._begun import chance
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, parents_of, request_of, say_once, successes
from rfpo.records import Attempt, Correction, Group

CHOICE, CLOZE = (("question",), ("options",)), (("question",), ("shape",))


@dataclass(frozen=True, kw_only=True)
class FormatLadder(Operator):
    """Asks a stuck exercise as a choice among few answers, among more, as a gap to fill, and then openly again
    (compare Cog-DRIFT, arXiv 2604.04767).

        level        1 .. len(choices)                 then                                 then
        form         one of `choices[level - 1]`       the answer's first sign, and a       the exercise itself
                     options (`format_ladder.txt`)     blank for each other (.._cloze.txt)

    `n` answers are drawn in the form at which the prompt stands (`History.level`); where at least `promote_at` of the graded
    ones are right it stands one form higher from then on, which is the level of the correction. A prompt that has come as far
    as the exercise itself and is stuck again is asked the gap.

    Options are the reference answer and wrong ones: the group's own final answers, then those of
    `prompt.data["distractors"]`; with fewer than asked for, the choice is among those, and with none the next form is taken.
    The prompt asks for the option's *text* and gives no letters, so that the task's verifier judges the answer as it judges
    any other, and the answer may be trained under the original prompt; Cog-DRIFT's own wording of the forms, and how its gaps
    look, are UNVERIFIED. A choice can be guessed: 1 of 4 right is chance. A prompt without a `solution` is skipped.
    """

    choices: tuple[int, ...] = (4, 10)
    n: int = 4
    promote_at: float = 0.5
    templates: str = "prose"

    def __post_init__(self):
        require(self, "choices", lambda x: all(isinstance(k, int) and k >= 2 for k in x) and list(x) == sorted(set(x)),
                "increasing whole numbers of at least 2", (4, 10))
        require(self, "n", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 4)
        require(self, "promote_at", lambda x: 0 < x <= 1, "above 0 and at most 1", 0.5)
        load(self.templates, "format_ladder", CHOICE)
        load(self.templates, "format_ladder_cloze", CLOZE)

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"solution"})

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        parents = parents_of(group)
        if not group.prompt.solution:
            say_once(f"format_ladder: a prompt of task {group.prompt.task!r} has no solution to offer; it is skipped.")
            parents = ()
        if not parents:
            return ()
        level = self._level(group)
        asked = tuple(self._try(group, parents[number % len(parents)], number, level) for number in range(self.n))
        answers = yield asked
        found = successes(self, asked, answers)
        graded = sum(attempt.graded for attempts in answers for attempt in attempts)
        reached = float(level + 1 if found and len(found) >= self.promote_at * graded else level)
        return tuple(replace(correction, level=reached) for correction in found)

    def _level(self, group: Group) -> int:
        """At which the prompt stands; the gap where there are no options."""
        gap = len(self.choices) + 1
        return min(max(1, round(group.history.level)), gap) if distractors(group) else gap

    def _try(self, group: Group, parent: Attempt, number: int, level: int) -> Try:
        if level > len(self.choices):
            content = fill(load(self.templates, "format_ladder_cloze", CLOZE), group.prompt, shape=shape(group.prompt.solution))
            told = Told(content, "hint")
        else:
            options = "\n".join(f"- {option}" for option in self._options(group, self.choices[level - 1]))
            told = Told(fill(load(self.templates, "format_ladder", CHOICE), group.prompt, options=options), "answer")
        return replace(request_of(self, group, parent, number, told), level=float(level))

    def _options(self, group: Group, count: int) -> list[str]:
        """The right answer among at most count - 1 wrong ones, in an order drawn for this visit."""
        options = [group.prompt.solution, *distractors(group)[: count - 1]]
        order = sorted(range(len(options)), key=lambda number: chance(self, group, number, "order"))
        return [options[number] for number in order]


def distractors(group: Group) -> list[str]:
    """The distinct wrong final answers, the group's own before those of the prompt's data."""
    own = [parent.verdict.answer for parent in parents_of(group)]
    listed = [*own, *(group.prompt.data.get("distractors") or ())]
    texts = [text.strip() for text in listed if isinstance(text, str) and text.strip()]
    return [text for text in dict.fromkeys(texts) if text != group.prompt.solution.strip()]


def shape(answer: str) -> str:
    """The answer with a blank for each letter and digit but the first; of a single one nothing is shown.

    >>> shape("46"), shape("x + 12"), shape("7")
    ('4_', 'x + __', '_')
    """
    signs = list(re.finditer(r"\w", answer))
    shown = signs[0].start() if len(signs) > 1 else -1
    return "".join("_" if re.match(r"\w", sign) and place != shown else sign for place, sign in enumerate(answer))
