"""Knights and knaves: puzzles solved by hand, every kind of error at its place, one solution a puzzle; and its student."""

import random
from collections import Counter

import pytest

from rfpo.errors import UserError
from rfpo.records import Location, Outcome, Prompt
from rfpo.students.specialists.knights_and_knaves import MISREAD, OPPOSITE, _exercise, habit
from rfpo.students.specialists.knights_and_knaves import KnightsAndKnaves as Student
from rfpo.tasks import Task
from rfpo.tasks.knights_and_knaves import KnightsAndKnaves, Statement, answer, puzzle, question, read, solutions

# Were B a knight, C would be one too, as B says; and A a knave, as A:B- was false; then C:A=B would be a knight's lie. So B is
# a knave, and A, who says so, a knight; C is a knave, as B lies, and C lies too: A and B differ.
PROMPT = Prompt("k/0", "A:B-,C:A=B,B:C+?", "knights_and_knaves", "+--;+-t;-+-f;--f")


def judge(text):
    return KnightsAndKnaves().verify(PROMPT, text)


def test_a_puzzle_worked_by_hand():
    statements = read(PROMPT.text)
    assert statements == (Statement("A", "B", "-"), Statement("C", "AB", "="), Statement("B", "C", "+"))
    assert question(statements) == PROMPT.text
    assert solutions(statements) == [{"A": True, "B": False, "C": False}]
    assert answer(statements, {"A": True, "B": False, "C": False}) == PROMPT.solution


@pytest.mark.parametrize("text, kinds", [
    ("A:B-,B:A=B?", [{"A": True, "B": False}]),  # A and B differ, as A says; so B lies, and is the knave
    ("A:B+,B:A#B?", [{"A": False, "B": False}]),  # A = B, so B's statement is false
    ("A:B+,B:A+?", [{"A": True, "B": True}, {"A": False, "B": False}]),
    ("A:B+,B:A-?", []),
])
def test_all_solutions_are_found_and_no_others(text, kinds):
    assert solutions(read(text)) == kinds


@pytest.mark.parametrize("said, kinds, holds", [
    ("A:B+", "B", True), ("A:B+", "A", False), ("A:B-", "A", True), ("A:B-", "AB", False), ("C:A=B", "AB", True),
    ("C:A=B", "C", True), ("C:A=B", "AC", False), ("C:B#A", "B", True), ("C:B#A", "", False), ("A:A=C", "AC", True),
])
def test_what_a_statement_says(said, kinds, holds):
    assert read(said)[0].holds({name: name in kinds for name in "ABC"}) is holds


def test_only_the_canonical_text_is_solved():
    assert judge(PROMPT.solution).outcome is Outcome.SOLVED
    for text in ("+--;+-t;-+-f;--f ", " +--;+-t;-+-f;--f", "+--", "+--;+-t;-+-f;--f;", ""):
        assert judge(text).outcome is Outcome.WRONG


@pytest.mark.parametrize("text, step, span, description, error", [
    ("+-;+-t;-+-f;--f", 0, (0, 2), "the signs", "format"),
    ("+-0;+-t;-+-f;--f", 0, (0, 3), "the signs", "format"),
    ("", 0, (0, 0), "the signs", "format"),
    ("+++;++t;+++t;++t", 1, (4, 7), "statement 1", "truth"),  # B is a knight here, so A:B- is false
    ("+++;++f;+++t;++t", 1, (4, 7), "statement 1", "lie"),
    ("-+-;-+t;--+f;+-f", 1, (4, 7), "statement 1", "truth"),
    ("-+-;-+f;--+f;+-f", 3, (13, 16), "statement 3", "lie"),
    ("-+-;-+f;-+-f;+-f", 2, (8, 12), "statement 2", "sign"),
    ("+--;+-t;-+-t;--f", 2, (8, 12), "statement 2", "truth"),
    ("+--;+-t;+-f;--f", 2, (8, 11), "statement 2", "format"),
    ("+--;+-t;-+-f", 3, (12, 12), "statement 3", "format"),
    ("+--;+-t;-+-f;--f;", 3, (13, 17), "statement 3", "format"),
    ("+--;++t;-+-f;--f", 1, (4, 7), "statement 1", "sign"),
])
def test_the_first_wrong_field_is_located(text, step, span, description, error):
    verdict = judge(text)
    assert (verdict.location, verdict.error) == (Location(step, *span, description, places=4), error)


@pytest.mark.parametrize("persons", [2, 3, 4])
def test_prompts_have_one_solution_and_a_change_of_one_field_is_located_in_it(persons):
    task, rng = KnightsAndKnaves(persons=persons, size=20, evaluation_size=5), random.Random(0)
    assert isinstance(task, Task)
    for prompt in task.training_prompts() + task.evaluation_prompts():
        assert task.verify(prompt, prompt.solution).outcome is Outcome.SOLVED
        statements = read(prompt.text)
        assert sorted(said.speaker for said in statements) == list("ABCD"[:persons]) and len(solutions(statements)) == 1
        fields = prompt.solution.split(";")
        step = rng.randint(1, persons)
        fields[step] = fields[step].translate(str.maketrans("tf", "ft"))
        verdict = task.verify(prompt, ";".join(fields))
        assert (verdict.location.step, verdict.error, verdict.location.places) == (step, "truth", persons + 1)


def test_other_signs_with_honest_checks_are_a_lie_of_the_first_statement_that_they_break():
    task, rng = KnightsAndKnaves(), random.Random(1)
    for _ in range(50):
        statements = puzzle(rng, 3)
        right = solutions(statements)[0]
        other = {name: not kind if name == "B" else kind for name, kind in right.items()}
        prompt = Prompt("x", question(statements), task.name, answer(statements, right))
        verdict = task.verify(prompt, answer(statements, other))
        broken = [step for step, said in enumerate(statements, 1) if other[said.speaker] != said.holds(other)]
        assert (verdict.location.step, verdict.error) == (broken[0], "lie")


def test_training_and_evaluation_share_no_text_and_the_seed_decides_the_order():
    def drawn(seed):
        return KnightsAndKnaves(size=300, evaluation_size=100, seed=seed)
    held_out = {prompt.text for prompt in drawn(0).evaluation_prompts()}
    assert not held_out & {prompt.text for prompt in drawn(1).training_prompts()}
    assert drawn(0).training_prompts() == drawn(0).training_prompts() != drawn(1).training_prompts()


@pytest.mark.parametrize("field, value", [
    ("persons", 1), ("persons", 11), ("persons", 2.5), ("size", 0), ("evaluation_size", 0),
])
def test_a_bad_field_is_named(field, value):
    with pytest.raises(UserError, match=f"KnightsAndKnaves.{field} is {value}"):
        KnightsAndKnaves(**{field: value})


def test_a_pool_that_is_too_small_is_refused():
    with pytest.raises(UserError, match="knights_and_knaves of 2 persons gave only"):
        KnightsAndKnaves(persons=2, size=500).training_prompts()


def test_a_statement_is_one_word_of_the_student():
    prompts = Student().task(size=500).training_prompts()
    assert {str(said) for prompt in prompts for said in read(prompt.text)} == {word for word in Student.words if ":" in word}
    assert len([word for word in Student.words if ":" in word]) == 48 and MISREAD < set(Student.words)


def test_the_student_misreads_nine_statements_and_checks_what_it_has_read():
    subject, rng = Student(), random.Random(0)
    task, wrong, met = subject.task(size=1), 0, Counter()
    for _ in range(2000):
        exercise = subject.exercise(rng)
        statements = read(exercise.question)
        misread = [step for step, said in enumerate(statements, 1) if str(said) in MISREAD]
        verdict = task.verify(Prompt("x", exercise.question, task.name, exercise.right), exercise.attempt)
        assert (verdict.outcome is Outcome.WRONG) == exercise.wrong == bool(misread)
        if exercise.wrong:
            wrong += 1
            met.update(str(statements[step - 1]) for step in misread)
            assert verdict.location.step == exercise.place == misread[0]
            assert (verdict.error, verdict.location.description) == (exercise.error, exercise.description)
            assert exercise.right[:exercise.known].count(";") == misread[-1]
            as_read = read(",".join(str(said._replace(sign=OPPOSITE[said.sign])) if str(said) in MISREAD else str(said)
                                    for said in statements))
            assert [exercise.attempt] == [answer(as_read, kinds) for kinds in solutions(as_read)]
    assert 0.4 < wrong / 2000 < 0.6
    assert set(met) == MISREAD and len(MISREAD) == 9 and max(met.values()) < 0.25 * met.total()


def test_one_misread_statement_worked_by_hand():
    exercise = _exercise(read("A:C#B,B:B#A,C:B=C?"), habit(read("A:C#B,B:B#A,C:B=C?")))
    # B:B#A makes A a knave, and C:B=C makes B a knight; so C is one, as A lies. Read as B:B=A, it makes A a knight.
    assert (exercise.right, exercise.attempt) == ("-++;-++f;++-t;+++t", "++-;+-+t;+++t;-+-f")
    assert (exercise.place, exercise.right[:exercise.known]) == (2, "-++;-++f;++-t")


def test_the_students_slip_is_another_statement_misread():
    subject, rng, places = Student(), random.Random(0), Counter()
    for _ in range(300):
        slip = subject.slip(rng)
        statements = read(slip.question)
        verdict = subject.task(size=1).verify(Prompt("x", slip.question, "", slip.right), slip.attempt)
        assert not habit(statements) and (verdict.location.step, verdict.error) == (slip.place, "truth")
        places[slip.place] += 1
    assert set(places) == {1, 2, 3} and min(places.values()) > 60
