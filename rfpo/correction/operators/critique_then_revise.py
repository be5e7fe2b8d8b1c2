"""A critique of the answer, and a revision."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.checks import one_of, require
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Advice, Told, check_tries, parents_of, say_once, try_advised, try_parents
from rfpo.records import Attempt, Correction, Group

SHOWN = (("question",), ("attempt",))
NEEDS = {
    "indicative": {"critique_then_revise_indicative": SHOWN},
    "indicative_with_answer": {"critique_then_revise_answer": (*SHOWN, ("solution",))},
    "critique": {"critique_then_revise_critique": SHOWN, "critique_then_revise": (*SHOWN, ("critique",))},
}
"""By type of critique, its templates and what each must name."""


@dataclass(frozen=True, kw_only=True)
class CritiqueThenRevise(Operator):
    """The model revises its wrong answer after a critique of it (Critique-GRPO, arXiv 2506.03106).

    `critique_type` says what the critique is:
        "critique"                  a text that `critic` writes: "policy", the model itself, or "critic", the run's
                                    `fixing.critic`. Two turns; each wrong answer is criticised once
        "indicative"                that the answer is wrong, and no more
        "indicative_with_answer"    that, and the prompt's reference answer; a prompt without one is skipped
    The critique is a `Try` of role "critique", not judged; the revision names it in `after`. What the revision is told is
    help "wrong" by the policy's own critique, "error" by a critic's, "answer" where the reference answer is stated. The
    critic is not shown the reference answer.

    `tries` and `at_once` are those of fix_wrong_only. `critique_tokens` bounds the policy's critique, which is drawn
    without the group's stop strings; a critic has bounds of its own. One without a word fails its tries. `templates` holds
    `critique_then_revise_critique.txt` (what the critic is asked) and `critique_then_revise.txt`, or
    `critique_then_revise_indicative.txt`, or `critique_then_revise_answer.txt`. The released code states the answer by
    default (`simple_gt`) and refines right answers too; here only finished wrong answers are revised, and a group without
    any asks nothing.
    """

    tries: int = 4
    at_once: int = 1
    critique_type: str = "critique"
    critic: str = "policy"
    critique_tokens: int = 512
    templates: str = "prose"

    def __post_init__(self):
        check_tries(self)
        one_of(self, "critique_type", NEEDS)
        one_of(self, "critic", ("policy", "critic"))
        require(self, "critique_tokens", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 512)
        for name in NEEDS[self.critique_type]:
            self._load(name)

    @property
    def reads(self) -> frozenset[str]:
        if self.critique_type == "critique":
            return frozenset({"critic"} if self.critic == "critic" else ())
        return frozenset({"solution"} if self.critique_type == "indicative_with_answer" else ())

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        if self.critique_type == "critique":
            return try_advised(self, group, parents_of(group), self._asks(group), self._revises(group), once=True)
        return try_parents(self, group, self._parents(group), self._states(group))

    def _parents(self, group: Group) -> tuple[Attempt, ...]:
        if self.critique_type == "indicative_with_answer" and not group.prompt.solution:
            say_once(f"critique_then_revise: a prompt of task {group.prompt.task!r} has no reference answer to state; such "
                     f"prompts are skipped. Give the data an answer column, or set critique_type=indicative.")
            return ()
        return parents_of(group)

    def _states(self, group: Group):
        (name,) = NEEDS[self.critique_type]
        told = {"solution": group.prompt.solution} if self.critique_type == "indicative_with_answer" else {}

        def tell(parent: Attempt, number: int) -> Told:
            return Told(fill(self._load(name), group.prompt, **_own(parent), **told), help="answer" if told else "wrong")

        return tell

    def _asks(self, group: Group):
        def advise(parent: Attempt) -> Advice:
            content = fill(self._load("critique_then_revise_critique"), group.prompt, **_own(parent))
            return Advice(content, help="wrong", role="critique", max_tokens=self.critique_tokens, to=self.critic)

        return advise

    def _revises(self, group: Group):
        def tell(parent: Attempt, critique: Attempt) -> Told:
            content = fill(self._load("critique_then_revise"), group.prompt, critique=critique.completion.text.strip(),
                           **_own(parent))
            return Told(content, help="wrong" if self.critic == "policy" else "error")

        return tell

    def _load(self, name: str):
        return load(self.templates, name, NEEDS[self.critique_type][name], ("answer",))


def _own(parent: Attempt) -> dict[str, str]:
    return {"attempt": parent.completion.text, "answer": parent.verdict.answer or ""}
