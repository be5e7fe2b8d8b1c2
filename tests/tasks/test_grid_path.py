"""Shortest paths: grids worked by hand, every kind of error at its place, several right answers, a split by text."""

import random

import pytest

from rfpo.errors import UserError
from rfpo.records import Location, Outcome, Prompt
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


def test_the_distances_and_the_first_shortest_path_are_those_worked_by_hand():
    grid = Grid.read(TEXT)
    assert grid.distances == {(1, 2): 0, (0, 2): 1, (1, 1): 1, (2, 2): 1, (1, 0): 2, (0, 0): 3, (2, 0): 3}
    assert grid.path() == "Da2;Rb2;Rc2" and grid.path((2, 0)) == "Ua2;Rb2;Rc2"
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
