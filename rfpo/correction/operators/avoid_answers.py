"""Told which final answers not to give."""

from collections.abc import Generator
from dataclasses import dataclass

from rfpo.correction import Answers, Operator, Round
from rfpo.correction._templates import fill, load
from rfpo.correction._tries import Told, check_tries, parents_of, try_parents
from rfpo.records import Attempt, Correction, Group

LISTED, BRIEF = (("question",), ("answers",)), (("question",),)


@dataclass(frozen=True, kw_only=True)
class AvoidAnswers(Operator):
    """The model is told the group's wrong final answers, and to give none of them (LTE, arXiv 2510.26109).

    How they came about it is not shown. Listed are the distinct final answers of the finished wrong responses, one on a
    line. An answer that is right, judged wrong for another reason, is not listed. Where few answers are possible the list
    gives the right one away by elimination: compare with the control that spends the same tries on plain draws.

    `tries`      draws for a stuck group; LTE takes as many as there are rollouts, all at once
    `at_once`    draws in one round; ends with the first round that has a success. Each names one of the wrong responses in
                 turn as the one that it corrects
    `concise`    a group with truncated responses is asked to be brief besides, and one in which no response gave a final
                 answer is asked that alone. Only then may a correction have a truncated parent, and only where there is no
                 other; `off_policy_ratio` overrates such a row, LTE does not use it
    `templates`  holds `avoid_answers.txt`, and for `concise` also `avoid_answers_both.txt` and `avoid_answers_concise.txt`

    `help` is "wrong", and "nothing" where the model is asked to be brief and no more. Degenerate: a group without a wrong
    final answer, and without `concise`, asks nothing.
    """

    tries: int = 4
    at_once: int = 1
    concise: bool = False
    templates: str = "prose"

    def __post_init__(self):
        check_tries(self)
        load(self.templates, "avoid_answers", LISTED)
        if self.concise:
            load(self.templates, "avoid_answers_both", LISTED)
            load(self.templates, "avoid_answers_concise", BRIEF)

    def correct(self, group: Group) -> Generator[Round, Answers, tuple[Correction, ...]]:
        parents, answers = parents_of(group), wrong_answers(group)
        cut = tuple(attempt for attempt in group.attempts if attempt.wrong and attempt.completion.truncated)
        brief = self.concise and bool(cut)
        told = self._tell(group, answers, brief) if answers or brief else None
        return try_parents(self, group, (parents or cut) if told else (), lambda parent, number: told)

    def _tell(self, group: Group, answers: tuple[str, ...], brief: bool) -> Told:
        if not answers:
            return Told(fill(load(self.templates, "avoid_answers_concise", BRIEF), group.prompt), help="nothing")
        template = load(self.templates, "avoid_answers_both" if brief else "avoid_answers", LISTED)
        return Told(fill(template, group.prompt, answers="\n".join(answers)), help="wrong")


def wrong_answers(group: Group) -> tuple[str, ...]:
    """The distinct final answers of the finished wrong responses, in order, without those that are right."""
    right = {_plain(attempt) for attempt in group.attempts if attempt.solved} | {(group.prompt.solution or "").strip()}
    given = (_plain(parent) for parent in parents_of(group))
    return tuple(dict.fromkeys(answer for answer in given if answer and answer not in right))


def _plain(attempt: Attempt) -> str:
    return (attempt.verdict.answer or "").strip()
