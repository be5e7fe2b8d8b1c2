"""The model says itself what went wrong, and tries again."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.checks import one_of, require
from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Advice, Told, check_tries, parents_of, try_advised
from rfpo.records import Attempt, Correction, Group, Opening

REFLECT, RETRY = (("question",), ("attempt",)), (("question",), ("reflection",))
REFLECT_MAY, RETRY_MAY = ("answer",), ("attempt", "answer")


@dataclass(frozen=True, kw_only=True)
class ReflectThenRetry(Operator):
    """Told that its answer is wrong, the model reflects on it; then it retries with the reflection before it.

    Two turns, as in Reflect, Retry, Reward (arXiv 2505.24726) and ERL (arXiv 2602.13949, without its memory). The
    reflection is a `Try` of role "reflection", which is not judged and has no verdict; the retry names it in `after`. So a
    merge can train the reflection, with the mean outcome of its retries for a reward, the retry, or both.

    `tries`      pairs of reflection and retry for a stuck group, the distinct wrong answers in turn
    `at_once`    pairs in one round; ends with the first round that has a success. `at_once=tries` compares reflections
    `retries`    retries of each reflection (ERL: its reward is a mean over them), of which all that are right are returned
    `reflection_tokens`    at most so many tokens for a reflection, drawn without the group's stop strings; one that is cut
        off is used as far as it goes, one without a word fails its try
    `keep`       "before": the retry begins with the wrong answer up to its first error, as the verifier locates it, and goes on
        from there (R3L, arXiv 2601.03715, where the reflection names that pivot); help is "place" then. An answer without a
        known place is retried from its beginning
    `templates`  a set that holds `reflect_then_retry.txt` (the reflection) and `retry.txt`

    The retry of a chat is one user message with answer and reflection in it, as for plain text, and not further turns of
    the chat. RRR's own prompts and lengths are UNVERIFIED. Degenerate: a group without a finished wrong answer asks nothing.
    """

    tries: int = 4
    at_once: int = 1
    retries: int = 1
    reflection_tokens: int = 256
    keep: str = "nothing"
    templates: str = "prose"

    def __post_init__(self):
        check_tries(self)
        for name, example in (("retries", 1), ("reflection_tokens", 256)):
            require(self, name, lambda x: isinstance(x, int) and x >= 1, "a whole number of at least 1", example)
        one_of(self, "keep", ("nothing", "before"))
        load(self.templates, "reflect_then_retry", REFLECT, REFLECT_MAY)
        load(self.templates, "retry", RETRY, RETRY_MAY)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        reflect = load(self.templates, "reflect_then_retry", REFLECT, REFLECT_MAY)
        retry = load(self.templates, "retry", RETRY, RETRY_MAY)

        def advise(parent: Attempt) -> Advice:
            return Advice(fill(reflect, group.prompt, **_own(parent)), help="wrong", role="reflection",
                          max_tokens=self.reflection_tokens)

        def tell(parent: Attempt, reflection: Attempt) -> Told:
            content = fill(retry, group.prompt, reflection=reflection.completion.text.strip(), **_own(parent))
            location = parent.verdict.location if self.keep == "before" else None
            if location is None:
                return Told(content, help="wrong", n=self.retries)
            kept = Opening(tokens=parent.completion.tokens, cut=location.start)
            return Told(content, help="place", located=True, n=self.retries, opening=kept)

        return try_advised(self, group, parents_of(group), advise, tell)


def _own(parent: Attempt) -> dict[str, str]:
    return {"attempt": parent.completion.text, "answer": parent.verdict.answer or ""}
