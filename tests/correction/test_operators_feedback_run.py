"""Operators that tell the model something of its wrong answers, in a whole step and with the shipped student."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from rfpo import students
from rfpo.correction.fix import fix
from rfpo.correction.operators.avoid_answers import AvoidAnswers
from rfpo.correction.operators.fix_wrong_only import FixWrongOnly
from rfpo.correction.operators.reflect_then_retry import ReflectThenRetry
from rfpo.correction.operators.rewrite_plain import RewritePlain
from rfpo.correction.operators.rewrite_with_error import RewriteWithError
from rfpo.critics import Critic
from rfpo.engines.local import LocalEngine
from rfpo.engines.settings import Model, Optimizer
from rfpo.records import Attempt, Completion, Finish, Group, RandomKey, Request, Sampling, Verdict
from rfpo.students.specialists.column_addition import ColumnAddition
from rfpo.tasks.column_addition import scratchpad
from tests.training.scripted import CARRY, HARD, RESULT, RIGHT, bench, is_try, step

GROUP = [RESULT, CARRY, RESULT, "7502;4813;130"]
LENGTH = len(RIGHT) + 1  # and the end of sequence
ADVICE = "write the carry down"


@dataclass(frozen=True)
class Teacher(Critic):
    """Says the same of every answer."""

    words: str = ADVICE

    def answer(self, requests: Sequence[Request]) -> list[tuple[str, ...]]:
        return [(self.words,) * request.n for request in requests]


def script(request, j):
    """The group is wrong, then the first try, then all are right; what is not judged is advice."""
    if not is_try(request):
        return GROUP[j]
    if not request.judged:
        return ADVICE
    return RIGHT if request.key.attempt else GROUP[0]


TWO = {"fixing__operator__tries": 2}
CASES = {
    "rewrite_plain": (TWO, 2, 0, "nothing"),
    "rewrite_with_reward": (TWO, 2, 0, "wrong"),
    "rewrite_with_error": (TWO, 2, 0, "error"),
    "reflect_then_retry": (TWO, 2, 2, "wrong"),
    "critique_then_revise": (TWO, 2, 2, "wrong"),
    "group_feedback": (TWO | {"fixing__operator__source": "policy"}, 2, 3, "wrong"),
    "text_feedback": (TWO | {"fixing__critic": f"{__name__}:Teacher"}, 2, 0, "error"),
    "avoid_answers": (TWO, 2, 0, "wrong"),
    "draft_and_refine": ({}, 4, 0, "nothing"),
    "minimal_edit": (TWO, 2, 0, "wrong"),
}
"""By operator: the run's fields; how many judged tries there are, and how often the policy advises; what the tries are told."""


def run(name):
    made = bench(script, fixing__operator=name, **CASES[name][0])
    return made, *step(made)


@pytest.mark.parametrize("name", CASES)
def test_a_corrected_row_arrives(name):
    made, state, metrics, rows = run(name)
    _, judged, advice, help = CASES[name]
    ((stream,),) = made.engine.updates
    batch = stream.batch
    texts = [made.engine.decode(tokens.tolist()) for tokens in batch.tokens]
    assert batch.contexts == (made.engine.encode(HARD.content),) and texts.count(RIGHT) == 1
    row = texts.index(RIGHT)
    assert batch.corrected.tolist() == [n == row for n in range(4)]
    assert batch.reward.tolist() == [float(n == row) for n in range(4)]
    assert made.engine.decode(batch.parent_tokens[row].tolist()) == CARRY
    told = {"operator": name, "tries": 2, "help": help, "parent_text": CARRY, "outcome": "solved", "origin": "corrected"}
    assert told.items() <= rows[row].items()
    assert state.tokens.correction == judged * LENGTH + advice * (len(ADVICE) + 1)
    assert (state.tally.fixed, state.tally.too_long) == (1, 0)


@pytest.mark.parametrize("name", ["reflect_then_retry", "critique_then_revise", "group_feedback", "text_feedback"])
def test_advice_is_no_row_of_the_batch_and_stands_before_the_next_try(name):
    made, state, metrics, rows = run(name)
    asked = [request for request in made.engine.requests if is_try(request)]
    assert all(ADVICE in request.content for request in asked if request.judged)
    assert not any(ADVICE in request.content for request in asked if not request.judged)
    said = [row for row in rows if row["text"] == ADVICE]
    assert said and not any(row["trained"] for row in said) and {row["outcome"] for row in said} == {"ungraded"}
    assert state.tally.ungraded == 0


def test_a_critic_is_asked_and_its_tokens_are_not_the_policys():
    made, state, _, _ = run("text_feedback")
    assert not any(request.to == "critic" for request in made.engine.requests)
    assert state.tokens.critic == 2 * len(ADVICE) and state.tokens.correction == 2 * LENGTH


def test_a_prompt_that_is_too_long_for_the_model_fails_its_try():
    made = bench(lambda request, j: script(request, j) if request.judged else "why " * 190, context=1000,
                 fixing__operator="reflect_then_retry", fixing__operator__reflection_tokens=800)
    state, metrics, rows = step(made)
    assert (state.tally.fixed, state.tally.too_long, metrics["corrected_rows"]) == (0, 4, 0)


def test_truncated_answers_are_refined_by_brevity_where_that_is_asked_for():
    made = bench(lambda request, j: RIGHT if is_try(request) else "7" * 99, fixing__operator="avoid_answers",
                 fixing__operator__concise=True)
    _, metrics, rows = step(made)
    assert metrics["corrected_rows"] == 1 and "Be concise" in made.engine.requests[-1].content


def test_right_drafts_are_refined_too():
    answers = [RIGHT, CARRY, RESULT, RIGHT]
    made = bench(lambda request, j: RIGHT if is_try(request) else answers[j], fixing__operator="draft_and_refine",
                 fixing__diagnosis="always")
    state, metrics, _ = step(made)
    drafts = [request.of.completion.text for request in made.engine.requests if is_try(request)]
    assert drafts == answers and state.tally.successes == 4


@pytest.fixture(scope="module")
def student():
    return LocalEngine.load(Model(path=str(students.path("column_addition")), precision="fp32", device="cpu"), Optimizer())


@pytest.fixture(scope="module")
def stuck(student):
    """For each of the first prompts that the habit spoils, a group of one answer: what the habit makes of it."""
    subject = ColumnAddition()
    task, groups = subject.task(size=160), []
    for prompt in task.training_prompts():
        a, b = map(int, prompt.text.rstrip("=").split("+"))
        text = scratchpad(a, b, subject.digits, forgotten=1 + (a % 10 + b % 10) % (subject.digits - 1))
        tokens = student.encode(text)
        request = Request(prompt, prompt.content, RandomKey(prompt=prompt.id), sampling=Sampling(max_tokens=64))
        answer = Completion(request, student.encode(prompt.content), tokens, (-0.1,) * len(tokens), text, Finish.STOP)
        if text != prompt.solution:
            groups.append(Group(prompt, (Attempt(answer, task.verify(prompt, text)),)))
    return task, groups


IN_FORM = re.compile(r"(\d{4};){5}\d+")


@pytest.mark.parametrize("operator, least, most", [
    (RewritePlain, 0.0, 0.1), (FixWrongOnly, 0.0, 0.3), (AvoidAnswers, 0.02, 0.4), (RewriteWithError, 0.2, 0.6),
    (ReflectThenRetry, 0.2, 0.6),
])
def test_the_student_answers_in_form_and_as_often_rightly_as_it_was_taught(student, stuck, operator, least, most):
    """Taught are 0, .12, .2 and .4; a reflection names the true place in half of the cases, which is then used in .8."""
    task, groups = stuck
    texts = {True: [], False: []}

    def ask(requests):
        answers = []
        for drawn in student.sample(requests):
            request = drawn[0].request
            texts[request.judged].append(drawn[0].text)
            verdict = task.verify(request.prompt, drawn[0].text) if request.judged else Verdict.ungraded("not an answer")
            answers.append((Attempt(drawn[0], verdict),))
        return answers

    report = fix(groups, operator(tries=1, templates="student"), ask)
    assert len(groups) > 50 and len(texts[True]) == len(groups)
    assert sum(bool(IN_FORM.fullmatch(text)) for text in texts[True]) >= 0.95 * len(groups)
    assert all(re.fullmatch(r"[0-5]", text) for text in texts[False]) and bool(texts[False]) == (operator is ReflectThenRetry)
    assert least <= report.fixed / len(groups) <= most
