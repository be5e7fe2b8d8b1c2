"""Feedback in words on one wrong answer, and a second answer."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.checks import one_of, require
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Advice, Told, check_tries, parents_of, say_once, try_advised, try_parents, words_of
from rfpo.records import Attempt, Correction, Group

NEEDS, MAY = (("question",), ("attempt",), ("feedback",)), ("answer",)
JUDGE = (("question",), ("attempt",))


@dataclass(frozen=True, kw_only=True)
class TextFeedback(Operator):
    """A judge says in words what is wrong with an answer, and the model answers again with that before it.

    This is the second answer y1 of RLTF (arXiv 2602.02482), drawn given question, first answer and feedback. `source` says
    whose words they are: "critic", the run's `fixing.critic`; "policy", the model's own; "error", the verifier's (as in
    rewrite_with_error; an answer of which it said nothing is skipped). A judge's feedback is a `Try` of role "critique",
    not judged, which the second answer names in `after`: a merge that models the feedback (RLTF-FM) finds it there. Each
    wrong answer is judged once. What the judge of the paper is shown is UNVERIFIED; here it sees question and answer, and
    not the reference answer.

    `tries` and `at_once` are those of fix_wrong_only. `feedback_tokens` bounds the policy's feedback, which is drawn
    without the group's stop strings; a critic has bounds of its own. Feedback without a word fails its tries. `templates`
    holds `text_feedback.txt`, and for a judge `text_feedback_judge.txt`. `help` is "error", and "wrong" where the policy
    judges itself. Degenerate: a group without a finished wrong answer asks nothing.
    """

    tries: int = 4
    at_once: int = 1
    source: str = "critic"
    feedback_tokens: int = 512
    templates: str = "prose"

    def __post_init__(self):
        check_tries(self)
        one_of(self, "source", ("critic", "policy", "error"))
        require(self, "feedback_tokens", lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", 512)
        load(self.templates, "text_feedback", NEEDS, MAY)
        if self.source != "error":
            load(self.templates, "text_feedback_judge", JUDGE, MAY)

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({"critic"} if self.source == "critic" else ())

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        parents = parents_of(group)
        if self.source == "error":
            spoken = [parent for parent in parents if words_of(parent.verdict)]
            if parents and not spoken:
                say_once(f"text_feedback: the verifier of task {group.prompt.task!r} said nothing of the wrong answers to a "
                         f"prompt; such prompts are skipped. Set source=critic or source=policy.")
            return try_parents(self, group, spoken, lambda parent, number: self._tell(group, parent, words_of(parent.verdict)))

        def tell(parent: Attempt, feedback: Attempt) -> Told:
            return self._tell(group, parent, feedback.completion.text.strip())

        return try_advised(self, group, parents, lambda parent: self._ask(group, parent), tell, once=True)

    def _ask(self, group: Group, parent: Attempt) -> Advice:
        content = fill(load(self.templates, "text_feedback_judge", JUDGE, MAY), group.prompt, **_own(parent))
        return Advice(content, help="wrong", role="critique", max_tokens=self.feedback_tokens, to=self.source)

    def _tell(self, group: Group, parent: Attempt, feedback: str) -> Told:
        content = fill(load(self.templates, "text_feedback", NEEDS, MAY), group.prompt, feedback=feedback, **_own(parent))
        return Told(content, help="wrong" if self.source == "policy" else "error")


def _own(parent: Attempt) -> dict[str, str]:
    return {"attempt": parent.completion.text, "answer": parent.verdict.answer or ""}
