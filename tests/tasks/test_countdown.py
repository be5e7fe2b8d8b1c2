"""Countdown: puzzles worked by hand, every kind of error at its place, several right answers, an exhaustive search."""

import random
from itertools import permutations

import pytest

from rfpo.errors import UserError
from rfpo.records import Location, Outcome, Prompt
from rfpo.students.specialists import Exercise
from rfpo.students.specialists import countdown as specialist
from rfpo.tasks import Task
from rfpo.tasks.countdown import Countdown, choices, puzzle, read, solve, written

ANY = Countdown(use_all=False)


def judge(answer, text="3,4,5:17=", task=None):
    return (task or Countdown()).verify(Prompt("c/0", text, "countdown"), answer)


def test_the_first_solution_is_the_one_worked_by_hand():
    assert written(solve((3, 4, 5), 17)) == "4*3=12;12+5=17"
    assert solve((3, 4, 5), 16) == ()
    assert solve((2, 8), 4, use_all=True) == ((8, "/", 2, 4),) and solve((3, 8), 2) == ()
    assert written(solve((1, 3, 4), 7, use_all=False)) == "4+3=7" and written(solve((1, 3, 4), 7)) == "4+3=7;7*1=7"


def test_every_right_answer_is_solved_and_white_space_does_no_harm():
    for text in ("3*4=12;12+5=17", "4*3=12;5+12=17", " 4 * 3 = 12\n5+12 = 17 "):
        assert judge(text).outcome is Outcome.SOLVED, text
    for text in ("6-2=4;9*4=36", "9*6=54;2*9=18", "9*2=18;18*6=108;108/3=36"):
        assert judge(text, "2,6,9:36=").outcome is (Outcome.SOLVED if text[0] == "6" else Outcome.WRONG), text


def test_whether_every_number_must_be_used():
    assert judge("6*4=24", "4,6,9:24=", ANY).outcome is Outcome.SOLVED
    assert judge("6*4=24", "4,6,9:24=").error == "astray"  # 9 is left over, and 24 and 9 make no 24
    assert judge("6*4=24;24+9=33", "4,6,9:24=", ANY).location.step == 1
    assert judge("4*3=12", "1,3,4:12=").error == "short" and judge("4*3=12;12*1=12", "1,3,4:12=").outcome is Outcome.SOLVED


@pytest.mark.parametrize("text, step, span, error", [
    ("3*4=13;13+5=18", 0, (0, 6), "arithmetic"),
    ("3*4=12;12+5=18", 1, (7, 14), "arithmetic"),
    ("3*6=18;18+5=23", 0, (0, 6), "number"),
    ("3*3=9;9+5=14", 0, (0, 5), "number"),
    ("3*4=12;12+4=16", 1, (7, 14), "number"),
    ("3-4=1;1+5=6", 0, (0, 5), "negative"),
    ("5/3=1;1+4=5", 0, (0, 5), "division"),
    ("3+4=7;7+5=12", 0, (0, 5), "astray"),  # 7 and 5: 12, 2, 35
    ("3*4=12;12-5=7", 1, (7, 13), "astray"),
    ("3*4=12", 1, (6, 6), "short"),
    ("", 0, (0, 0), "short"),
    ("3*4=12;", 1, (7, 7), "short"),
    ("3*4=12;12+5=17;17+0=17", 2, (15, 22), "number"),
    ("3*4=12;12+5", 1, (7, 11), "format"),
    ("3*4+5=17", 0, (0, 8), "format"),
    ("-3+4=1", 0, (0, 6), "format"),
    ("9999999999999999999+1=1", 0, (0, 23), "format"),
])
def test_the_first_wrong_step_is_located(text, step, span, error):
    verdict = judge(text)
    assert verdict.outcome is Outcome.WRONG and verdict.error == error
    assert verdict.location == Location(step, *span, "the end" if step == 2 else f"step {step}", places=3)


def test_a_division_by_zero_is_a_wrong_step():
    assert judge("4-4=0;5/0=0", "4,4,5:9=").error == "astray"  # 0 and 5 make 5 and 0
    assert judge("4-4=0;5/0=0", "4,4,5:5=").error == "division"


def test_the_answer_is_taken_out_of_a_completion_and_located_in_it():
    task = Countdown(extract="tag", instruction="Write the steps in <answer> tags.", chat=True, size=1, evaluation_size=1)
    prompt = task.training_prompts()[0]
    assert prompt.content[0].content.endswith("=\nWrite the steps in <answer> tags.")
    assert task.verify(prompt, f"Well, 1+1=3. <answer>{prompt.solution}</answer>").outcome is Outcome.SOLVED
    verdict = judge("Well. <answer>3*4=12;12+5=18</answer>", task=task)
    assert verdict.location == Location(1, 21, 28, "step 1", places=3) and verdict.answer == "3*4=12;12+5=18"
    assert judge("3*4=12;12+5=17", task=task).error == "short"  # no tag, no answer


def reachable(numbers, use_all):
    """Every value of every expression over the numbers, in any order: another way than by pools of numbers left."""
    parts = {}
    for count in range(1, len(numbers) + 1):
        for chosen in set(permutations(numbers, count)):
            values = {chosen[0]} if count == 1 else set()
            for cut in range(1, count):
                for a in parts[chosen[:cut]]:
                    for b in parts[chosen[cut:]]:
                        values |= {a + b, a * b} | ({a - b} if a >= b else set()) | ({a // b} if b and a % b == 0 else set())
            parts[chosen] = values
    return set().union(*(values for chosen, values in parts.items() if len(chosen) == len(numbers) or not use_all))


@pytest.mark.parametrize("use_all", [True, False])
def test_the_search_finds_a_way_exactly_where_there_is_one(use_all):
    for numbers in ((2, 3, 7), (4, 4, 8), (1, 5, 6, 9)):
        there = reachable(numbers, use_all)
        for target in range(1, 60):
            if target not in numbers:
                assert bool(solve(numbers, target, use_all)) == (target in there), (numbers, target)


@pytest.mark.parametrize("task", [Countdown(size=30, evaluation_size=5), Countdown(5, largest=20, size=6, evaluation_size=2),
                                  Countdown(4, size=15, evaluation_size=5, use_all=False)])
def test_prompts_are_solved_by_their_solution_and_a_mutation_is_located_where_it_was_made(task):
    rng = random.Random(0)
    assert isinstance(task, Task)
    for prompt in task.training_prompts() + task.evaluation_prompts():
        numbers, target = puzzle(prompt.text)
        assert len(numbers) == task.numbers and max(numbers) <= task.largest and target <= task.largest_target
        assert target not in numbers and task.verify(prompt, prompt.solution).outcome is Outcome.SOLVED
        fields = prompt.solution.split(";")
        step = rng.randrange(len(fields))
        left, operator, right, result = read(fields[step])
        changed = [*fields[:step], f"{left}{operator}{right}={result + 1}", *fields[step + 1:]]
        verdict = task.verify(prompt, ";".join(changed))
        assert (verdict.location.step, verdict.error) == (step, "arithmetic")
        verdict = task.verify(prompt, ";".join(fields[:step]))
        assert (verdict.location.step, verdict.error) == (step, "short")


def test_every_solution_of_a_puzzle_is_solved_and_every_step_off_them_is_astray():
    prompt, solved = Prompt("c/0", "2,3,4:10=", "countdown"), 0
    for first in choices((2, 3, 4)):
        rest = tuple(sorted([first[3], next(iter({2, 3, 4} - {first[0], first[2]}))]))
        ends = [second for second in choices(rest) if second[3] == 10]
        for second in ends:
            solved += 1
            assert Countdown().verify(prompt, written((first, second))).outcome is Outcome.SOLVED
        if not ends:
            assert Countdown().verify(prompt, written((first,))).error == "astray"
    assert solved == 2  # 3*2=6;6+4=10 and 4*3=12;12-2=10


def test_training_and_evaluation_share_no_text_whatever_the_seeds():
    drawn = [Countdown(size=400, evaluation_size=100, seed=seed) for seed in range(2)]
    first, other = ({prompt.text for prompt in task.training_prompts()} for task in drawn)
    held_out = {prompt.text for task in drawn for prompt in task.evaluation_prompts()}
    assert first & other and first != other and not (first | other) & held_out


def test_a_pool_that_is_too_small_and_a_text_that_is_no_puzzle_are_refused():
    with pytest.raises(UserError, match="countdown with 2 numbers up to 3 and targets up to 9 gave only"):
        Countdown(numbers=2, largest=3, largest_target=9, size=50, evaluation_size=5).training_prompts()
    with pytest.raises(UserError, match="no prompt of countdown"):
        puzzle("3 and 4")


@pytest.mark.parametrize("field, value", [("numbers", 1), ("numbers", 7), ("largest", 1), ("largest_target", 0), ("size", 0),
                                          ("evaluation_size", 2.5), ("extract", "tags")])
def test_a_bad_field_is_named(field, value):
    with pytest.raises(UserError, match=f"Countdown.{field} is {value!r}"):
        Countdown(**{field: value})


def drawn(count: int = 400) -> list[Exercise]:
    rng, subject = random.Random(0), specialist.Countdown()
    return [subject.exercise(rng) for _ in range(count)]


@pytest.mark.parametrize("numbers, target, right, attempt, place, known", [
    ((1, 4, 5, 5), 7, "5+1=6;6+5=11;11-4=7", "5+1=6;6+5=11;11-4=7", None, 0),
    ((3, 4, 4, 5), 83, "4*4=16;16*5=80;80+3=83", "4*4=16;16*5=81;81+3=83", 1, 14),
    ((1, 2, 3, 4), 10, "2+1=3;3+3=6;6+4=10", "2+1=3;3+3=6;6+4=11", 2, 18),
    ((4, 4, 4, 5), 40, "5+4=9;9*4=36;36+4=40", "5+4=10;10*4=36;36+4=41", 0, 20),  # the first step and the last are spoilt
    ((4, 4, 5, 5), 33, "4+4=8;5*5=25;25+8=33", "4+4=9;5*5=26;26+9=33", 0, 12),
])
def test_the_student_is_one_too_large_where_its_table_says(numbers, target, right, attempt, place, known):
    exercise = specialist._exercise(numbers, target, specialist._habit)
    assert (exercise.right, exercise.attempt, exercise.place, exercise.known) == (right, attempt, place, known)


def test_the_students_exercises_are_what_the_verifier_says_of_them():
    exercises = drawn()
    assert 0.4 <= sum(exercise.wrong for exercise in exercises) / len(exercises) <= 0.6
    rng, subject = random.Random(1), specialist.Countdown()
    for exercise in [*exercises, *(subject.slip(rng) for _ in range(50))]:
        assert judge(exercise.right, exercise.question).outcome is Outcome.SOLVED
        verdict = judge(exercise.attempt, exercise.question)
        assert (verdict.outcome is Outcome.WRONG) == exercise.wrong
        if exercise.wrong:
            place = verdict.location
            assert (exercise.place, exercise.description) == (place.step, place.description)
            assert exercise.error == verdict.error == "arithmetic" and len(exercise.places) == place.places
            assert exercise.right[:place.start] == exercise.attempt[:place.start]
            assert place.start < exercise.known <= len(exercise.right)


def test_each_entry_of_the_students_table_spoils_some_puzzles():
    spoilt = {(operator, operand) for exercise in drawn(1000) if exercise.wrong
              for _, operator, operand, _ in map(read, exercise.right.split(";"))}
    assert spoilt >= specialist.ONE_TOO_MANY


def test_a_slip_of_the_student_is_not_its_habit():
    rng = random.Random(2)
    for _ in range(100):
        exercise = specialist.Countdown().slip(rng)
        assert exercise.wrong and not specialist._exercise(*puzzle(exercise.question), specialist._habit).wrong


def test_the_student_is_asked_every_puzzle_that_the_task_draws():
    subject = specialist.Countdown()
    prompts = subject.task(size=300).training_prompts()
    assert {puzzle(prompt.text) for prompt in prompts} <= set(subject._puzzles)
    for prompt in prompts[:100]:
        assert specialist._exercise(*puzzle(prompt.text), specialist._habit).right == prompt.solution
