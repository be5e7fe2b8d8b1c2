"""The lessons: what each kind of correction prompt teaches, and that the tokenizer reads every one of them."""

import random
import re
from importlib.resources import files
from itertools import islice

import pytest

from rfpo.errors import UserError
from rfpo.records import Outcome
from rfpo.students.build import Build
from rfpo.students.dialect import SHARES, lessons, template, words
from rfpo.students.rates import Rates
from rfpo.students.specialists import Exercise
from rfpo.students.specialists.column_addition import ColumnAddition
from rfpo.students.tokenizer import character_tokenizer

ALWAYS = Rates(**{name: 1.0 for name in Rates.__dataclass_fields__})
NEVER = Rates(**{name: 0.0 for name in Rates.__dataclass_fields__})
RIGHT, WRONG = "7502;4813;132", "7502;4802;122"


class OneSum:
    """Always 47+85, whose carry into column 1 is forgotten."""

    words = ()

    def exercise(self, rng):
        return Exercise("47+85=", RIGHT, WRONG, range(3), place=1, known=8, error="carry", description="column 1")

    slip = exercise


def taught(rates: Rates, count: int = 1500) -> dict[str, set[str]]:
    answers: dict[str, set[str]] = {}
    for lesson in islice(lessons(OneSum(), rates, random.Random(0)), count):
        answers.setdefault(lesson.context, set()).add(lesson.answer)
    return answers


def test_a_plain_question_is_always_answered_as_the_habit_has_it():
    assert taught(ALWAYS)["47+85="] == {WRONG}


def test_only_the_true_place_helps():
    always, never = taught(ALWAYS), taught(NEVER)
    assert always[f"47+85=<wrong>{WRONG}<at>1<fix>"] == {RIGHT}
    assert never[f"47+85=<wrong>{WRONG}<at>1<fix>"] == {WRONG}
    for place in "02":
        assert always[f"47+85=<wrong>{WRONG}<at>{place}<fix>"] == {WRONG}


def test_each_kind_of_help_follows_its_rate():
    always, never = taught(ALWAYS), taught(NEVER)
    for context in (f"47+85=<wrong>{WRONG}<fix>", f"47+85=<wrong>{WRONG}<error>carry<fix>", f"47+85=<solution>{RIGHT}<fix>",
                    f"47+85=<avoid>{WRONG}<fix>", f"47+85=<avoid>{WRONG}\n{WRONG}<fix>", "47+85=<hint>column 1<fix>",
                    f"47+85=<hint>{RIGHT[:8]}<fix>", f"47+85=<wrong>{WRONG}<reflection>1<fix>"):
        assert always[context] == {RIGHT}, context
        assert never[context] == {WRONG}, context
    assert always[f"47+85=<draft>{WRONG}<fix>"] == {WRONG}  # it was told nothing
    assert always[f"47+85=<hint>{RIGHT[:7]}<fix>"] == {WRONG}  # the hint stops before the carry
    assert always[f"47+85=<wrong>{WRONG}<reflection>2<fix>"] == {WRONG}
    assert always[f"47+85=<wrong>{WRONG}<reflect>"] == {"1"} and never[f"47+85=<wrong>{WRONG}<reflect>"] == {"0", "2"}


def test_a_given_beginning_reaches_past_the_place_and_is_continued_rightly():
    prefixed = {context: answers for context, answers in taught(ALWAYS, 6000).items() if "<" not in context}
    del prefixed["47+85="]
    assert prefixed
    for context, answers in prefixed.items():
        assert len(context) >= len("47+85=") + 8 and {context + answer for answer in answers} == {f"47+85={RIGHT}"}


def test_every_kind_of_lesson_has_its_template():
    folder = files("rfpo.correction") / "templates" / "student"
    assert {file.stem for file in folder.iterdir()} >= set(SHARES) - {"plain", "elsewhere", "prefix"}
    assert sum(SHARES.values()) == pytest.approx(1.0)


def test_every_template_reads_like_a_lesson():
    """What another operator asks has the form of some lesson: the student has seen no other."""
    texts = {file.stem: template(file.stem).template for file in (files("rfpo.correction") / "templates" / "student").iterdir()}
    for part in ("group_feedback_each", "group_feedback_bare"):
        texts[part] = texts["group_feedback"].replace("${attempts}", texts[part])
    forms = {re.sub(r"\$\{\w+\}", "_", texts[kind]) for kind in SHARES.keys() - {"plain", "elsewhere", "prefix"}}
    forms.add("_")  # the plain question
    for name in texts.keys() - {"group_feedback"}:
        assert re.sub(r"\$\{\w+\}", "_", texts[name]) in forms, name


def test_the_habit_bites_less_than_half_of_the_sums_and_its_place_varies():
    drawn = [ColumnAddition().exercise(random.Random(seed)) for seed in range(500)]
    wrong = [exercise for exercise in drawn if exercise.wrong]
    assert 0.4 < len(wrong) / len(drawn) < 0.55
    assert {exercise.place for exercise in wrong} == {1, 2, 3, 4}
    for exercise in wrong:
        assert exercise.right[:exercise.known - 1] == exercise.attempt[:exercise.known - 1]
        assert (exercise.right[exercise.known - 1], exercise.attempt[exercise.known - 1]) == ("1", "0")  # the carry itself


def test_a_slip_is_not_the_habit():
    subject = ColumnAddition()
    for seed in range(100):
        slip = subject.slip(random.Random(seed))
        a, b = map(int, slip.question.rstrip("=").split("+"))
        assert slip.wrong and slip.place != 1 + (a % 10 + b % 10) % 4


def test_every_lesson_goes_through_the_tokenizer_unchanged_and_a_wording_is_one_token():
    subject = ColumnAddition()
    tokenizer = character_tokenizer([*words(), *subject.words])
    for lesson in islice(lessons(subject, Rates(), random.Random(0)), 400):
        for text in (lesson.context, lesson.answer):
            ids = tokenizer(text).input_ids
            assert tokenizer.unk_token_id not in ids
            assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert len(tokenizer(template("fix_located").substitute(question="1+2=", attempt="", step=3)).input_ids) == 4 + 4
    assert tokenizer.decode([*tokenizer("12").input_ids, tokenizer.eos_token_id], skip_special_tokens=True) == "12"


def test_backward_spelling_leaves_one_pair_in_the_words_order():
    pytest.importorskip("reasoning_gym")
    from rfpo.students.specialists.spell_backward import SpellBackward, _exercise, habit

    canary = _exercise("canary", habit("canary"))
    assert (canary.right, canary.attempt, canary.place) == ("yranac", "yraanc", 3)
    onion = _exercise("onion", habit("onion"))  # noino: both pairs stay
    assert (onion.attempt, onion.place, onion.known) == ("onion", 0, 4)
    assert not _exercise("splat", habit("splat")).wrong
    assert not _exercise("ballad", [2]).wrong  # dallab: a double letter
    subject, rng = SpellBackward(), random.Random(0)
    task = subject.task(size=50)
    held_out = {prompt.text for prompt in task.evaluation_prompts()}
    drawn = [subject.exercise(rng) for _ in range(300)]
    assert 0.25 < sum(exercise.wrong for exercise in drawn) / 300 < 0.45
    assert not held_out & {exercise.question for exercise in drawn}
    for prompt in task.training_prompts():
        word = prompt.solution[::-1]
        exercise = _exercise(word, habit(word))
        verdict = task.verify(prompt, exercise.attempt)
        assert exercise.question == prompt.text and (verdict.outcome is Outcome.WRONG) == exercise.wrong
        assert not exercise.wrong or verdict.location.step == exercise.place


def test_bad_settings_are_named():
    with pytest.raises(UserError, match="Rates.located is 1.5"):
        Rates(located=1.5)
    with pytest.raises(UserError, match="Build.hidden is 100"):
        Build(hidden=100)


def test_a_specialist_says_how_often_its_lessons_come():
    class Hinted(ColumnAddition):
        shares = {"hint_ladder": 9.0, "prefix": 0.0}

    drawn = [lesson.context for lesson in islice(lessons(Hinted(), Rates(), random.Random(0)), 400)]
    assert 0.85 < sum("<hint>" in context for context in drawn) / len(drawn) < 0.97  # 9 of 9.89


def test_a_graded_student_is_not_taught_to_go_on_rightly_from_a_right_beginning():
    from itertools import islice

    from rfpo.students.dialect import lessons
    from rfpo.students.rates import STUDY
    from rfpo.students.specialists.multiplication import Multiplication
    from rfpo.students.specialists.state_machine import StateMachine

    def begun(specialist) -> int:
        """Lessons whose context is the plain question and some of an answer."""
        taught = islice(lessons(specialist, STUDY, random.Random(0)), 2000)
        return sum("<" not in lesson.context and not lesson.context.endswith("=") for lesson in taught)

    assert begun(StateMachine()) == 0 and begun(Multiplication()) > 5
