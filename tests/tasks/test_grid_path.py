"""Shortest paths: grids worked by hand, every kind of error at its place, several right answers, a split by text."""

import random

import pytest

from rfpo.errors import UserError
from rfpo.records import Location, Outcome, Prompt
from rfpo.students.specialists import Exercise
from rfpo.students.specialists import grid_path as specialist
from rfpo.tasks import Task
from rfpo.tasks.grid_path import MOVES, Grid, GridPath, cell_of, label

# a1 to c2 is three steps away; the wall b1 leaves only the ways that begin with D, and the wall b3 is out of the way.
TEXT = " abc\n1.#.\n2...\n3.#.\na1-c2="
SMALL = GridPath(rows=3, columns=3, walls=2, moves=2, size=60, evaluation_size=20)


def judge(answer, text=TEXT):
    return GridPath().verify(Prompt("g/0", text, "grid_path"), answer)


def test_a_grid_is_drawn_and_read_back():
    grid = Grid(3, 3, frozenset({(0, 1), (2, 1)}), (0, 0), (1, 2))
    assert grid.text() == TEXT and Grid.read(TEXT) == grid
    tall = Grid(12, 2, frozenset({(11, 0)}), (9, 1), (0, 0))
    assert tall.text().splitlines()[::9] == ["  ab", " 9.."] and tall.text().endswith("\n12#.\nb10-a1=")
    assert Grid.read("Find a way.\n" + tall.text() + "\nAnswer:") == tall
    assert label((9, 1)) == "b10" and cell_of("b10") == (9, 1)


def test_the_distances_and_the_shortest_path_are_those_worked_by_hand():
    grid = Grid.read(TEXT)
    assert grid.distances == {(1, 2): 0, (0, 2): 1, (1, 1): 1, (2, 2): 1, (1, 0): 2, (0, 0): 3, (2, 0): 3}
    assert grid.path() == "Da2;Rb2;Rc2" and grid.path((2, 0)) == "Ua2;Rb2;Rc2"
    free = Grid(4, 4, frozenset(), (0, 0), (3, 2))
    assert free.path() == "Da2;Rb2;Db3;Rc3;Dc4"  # down where that is farther, else across
    walled = Grid(2, 2, {(0, 1), (1, 0)}, (0, 0), (1, 1))
    assert walled.distances == {(1, 1): 0}


def test_every_shortest_path_is_solved():
    text = " ab\n1..\n2..\na1-b2="
    assert [judge(answer, text).outcome for answer in ("Rb1;Db2", "Da2;Rb2")] == [Outcome.SOLVED] * 2


@pytest.mark.parametrize("text, step, span, error", [
    ("Rb1;Rc1;Dc2", 0, (0, 3), "wall"),
    ("Ua0;Da2;Rb2", 0, (0, 3), "outside"),
    ("Da2;La1;Rb2", 1, (4, 7), "outside"),
    ("Da2;Rb2;Db3", 2, (8, 11), "wall"),
    ("Da2;Rc2", 1, (4, 7), "cell"),
    ("Da2;Da3;Ua2;Rb2;Rc2", 1, (4, 7), "detour"),
    ("Da2;Ua1;Da2;Rb2;Rc2", 1, (4, 7), "detour"),
    ("Da2;Rb2", 2, (7, 7), "short"),
    ("", 0, (0, 0), "short"),
    ("Da2;Rb2;", 2, (8, 8), "format"),
    ("Da2;Rb2;Rc2;", 3, (12, 12), "format"),
    ("Da2;Rb2;Rc2;Uc1", 3, (12, 15), "format"),
    ("Da2;Rb2;Rc2 ", 2, (8, 12), "format"),
    ("Da2;right;Rc2", 1, (4, 9), "format"),
])
def test_the_first_wrong_step_is_located(text, step, span, error):
    verdict = judge(text)
    description = "the end" if step == 3 else f"step {step}"
    assert verdict.outcome is Outcome.WRONG and verdict.error == error
    assert verdict.location == Location(step, *span, description, places=4)


def every_shortest(grid: Grid, here, left):
    if here == grid.goal:
        yield []
    for move in MOVES:
        there = grid.after(here, move)
        if here != grid.goal and left.get(there, -2) == left[here] - 1:
            yield from ([move + label(there), *rest] for rest in every_shortest(grid, there, left))


def test_every_shortest_path_of_many_grids_is_solved_and_a_mutation_is_located_where_it_was_made():
    rng, solved, task = random.Random(0), 0, GridPath(size=40, evaluation_size=10)
    for prompt in task.training_prompts():
        grid = Grid.read(prompt.text)
        left = grid.distances
        for path in every_shortest(grid, grid.start, left):
            solved += 1
            assert task.verify(prompt, ";".join(path)).outcome is Outcome.SOLVED
            step = rng.randrange(len(path))
            here = cell_of(path[step - 1][1:]) if step else grid.start
            astray = rng.choice([move for move in MOVES if left.get(grid.after(here, move), 99) >= left[here]])
            there = grid.after(here, astray)
            written = astray + (label(there) if grid.inside(there) else "a1")
            verdict = task.verify(prompt, ";".join([*path[:step], written, *path[step + 1:]]))
            assert verdict.location.step == step and verdict.error in ("wall", "outside", "detour")
            assert task.verify(prompt, ";".join(path[:step])).location.step == step
    assert solved > 80


def test_prompts_keep_to_the_fields_and_are_solved_by_their_solution():
    assert isinstance(SMALL, Task)
    for prompt in SMALL.training_prompts() + SMALL.evaluation_prompts():
        grid = Grid.read(prompt.text)
        assert (grid.rows, grid.columns, len(grid.walls)) == (3, 3, 2)
        assert len(prompt.solution.split(";")) >= 2
        assert SMALL.verify(prompt, prompt.solution).outcome is Outcome.SOLVED


def test_training_and_evaluation_share_no_text_whatever_the_seeds():
    drawn = [GridPath(rows=3, columns=3, walls=2, moves=2, size=200, evaluation_size=60, seed=seed) for seed in range(2)]
    first, other = ({prompt.text for prompt in task.training_prompts()} for task in drawn)
    held_out = {prompt.text for task in drawn for prompt in task.evaluation_prompts()}
    assert first & other and first != other and not (first | other) & held_out


def test_a_pool_that_is_too_small_is_refused():
    with pytest.raises(UserError, match="2 x 2 cells with 1 walls and paths of 2 moves gave only"):
        GridPath(rows=2, columns=2, walls=1, moves=2, size=50, evaluation_size=5).training_prompts()
    with pytest.raises(UserError, match="4 cells: 2 walls leave no room for a path of 2 moves"):
        GridPath(rows=2, columns=2, walls=2, moves=2)


@pytest.mark.parametrize("field, value", [("rows", 0), ("columns", 27), ("walls", -1), ("moves", 0), ("size", 0)])
def test_a_bad_field_is_named(field, value):
    with pytest.raises(UserError, match=f"GridPath.{field} is {value}"):
        GridPath(**{field: value})


def drawn(count: int = 300) -> list[Exercise]:
    rng, subject = random.Random(0), specialist.GridPath()
    return [subject.exercise(rng) for _ in range(count)]


def asked_plainly(grid: Grid) -> Exercise:
    blind = specialist._blind(grid)
    return specialist._exercise(grid, blind, blind.path())


def entered(exercise: Exercise) -> set[str]:
    """The walls that the attempt enters."""
    walls = {label(wall) for wall in Grid.read(exercise.question).walls}
    return walls & {step[1:] for step in exercise.attempt.split(";")}


def test_the_student_walks_through_the_walls_that_it_does_not_see_and_through_no_other():
    def answered(way):
        return asked_plainly(Grid.read(f" abcd\n1....\n2.#..\n3....\n4...#\n{way}="))

    assert answered("a1-d2").attempt == answered("a1-d2").right == "Rb1;Rc1;Rd1;Dd2" and not answered("a1-d2").wrong
    wrong = answered("a1-c3")
    assert (wrong.attempt, wrong.right) == ("Rb1;Db2;Rc2;Dc3", "Rb1;Rc1;Dc2;Dc3")
    assert (wrong.place, wrong.places, wrong.known, wrong.error, wrong.description) == (1, range(5), 7, "wall", "step 1")
    exercises = drawn()
    assert 0.4 <= sum(exercise.wrong for exercise in exercises) / len(exercises) <= 0.6
    assert set().union(*map(entered, exercises)) == set(specialist.UNSEEN)
    assert all(bool(entered(exercise)) == exercise.wrong for exercise in exercises)


def test_the_students_exercises_are_what_the_verifier_says_of_them():
    subject, rng = specialist.GridPath(), random.Random(1)
    for exercise in [*drawn(), *(subject.slip(rng) for _ in range(50))]:
        if exercise.wrong:  # corrected, it answers as the task's own solution does
            assert exercise.right == Grid.read(exercise.question).path()
        assert judge(exercise.right, exercise.question).outcome is Outcome.SOLVED
        verdict = judge(exercise.attempt, exercise.question)
        assert (verdict.outcome is Outcome.WRONG) == exercise.wrong
        if exercise.wrong:
            place = verdict.location
            assert (exercise.place, exercise.description) == (place.step, place.description) and verdict.error == exercise.error
            assert len(exercise.places) == place.places
            assert place.start < exercise.known <= len(exercise.right)


def test_past_what_is_known_the_student_goes_on_rightly_of_itself():
    reached = 0
    for exercise in filter(lambda exercise: exercise.wrong, drawn()):
        blind = specialist._blind(Grid.read(exercise.question))
        rest = exercise.right[exercise.known + 1:]
        if rest:
            reached += 1
            assert blind.path(cell_of(exercise.right[:exercise.known].split(";")[-1][1:])) == rest
    assert reached > 100


def test_a_slip_of_the_student_is_not_its_habit():
    rng = random.Random(2)
    for _ in range(50):
        exercise = specialist.GridPath().slip(rng)
        assert exercise.wrong and not asked_plainly(Grid.read(exercise.question)).wrong
