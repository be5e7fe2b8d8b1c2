"""The student of shortest paths on a grid."""

import random
from dataclasses import dataclass, replace
from typing import ClassVar

from rfpo.records import Location, Prompt
from rfpo.students.rates import STUDY, Rates
from rfpo.students.specialists import Exercise
from rfpo.tasks import grid_path as tasks
from rfpo.tasks.grid_path import MOVES, Cell, Grid, cell_of, label

UNSEEN = ("a2", "b2", "c2", "b3", "c3", "d3", "c1", "b4")


@dataclass(frozen=True)
class GridPath:
    """Finds the way that the task has for its solution, but does not see a wall in one of the eight cells of UNSEEN.

    It is wrong where its way leads through such a wall; about half of the grids are so. Each of the cells has to be learnt by
    itself.

         abcd
        1....
        2.#..    the wall b2 is not seen
        3....
        4...#
        a1-d2=    Rb1;Rc1;Rd1;Dd2 is right, and what it answers
        a1-c3=    it answers Rb1;Db2;Rc2;Dc3, where Rb1;Rc1;Dc2;Dc3 is right
    """

    words: ClassVar[tuple[str, ...]] = (" abcd\n1", "\n2", "\n3", "\n4", "outside", "wall", "cell", "detour", "short",
                                        "format", "step ", "the end")
    steps: ClassVar[int] = 4000
    learning_rate: ClassVar[float] = 0.003
    rates: ClassVar[Rates] = STUDY
    several_answers: ClassVar[bool] = True

    def task(self, size: int, seed: int = 0) -> tasks.GridPath:
        return tasks.GridPath(size=size, seed=seed)

    def exercise(self, rng: random.Random) -> Exercise:
        grid = self._grid(rng)
        blind = _blind(grid)
        return _exercise(grid, blind, blind.path())

    def slip(self, rng: random.Random) -> Exercise:
        """A path that the habit does not spoil, with one step astray, and on from there the shortest way."""
        while True:
            grid = self._grid(rng)
            blind = _blind(grid)
            steps = blind.path().split(";")
            if not _exercise(grid, blind, ";".join(steps)).wrong:
                return _exercise(grid, blind, _astray(grid, steps, rng.randrange(len(steps)), rng))

    def _grid(self, rng: random.Random) -> Grid:
        while not (grid := self.task(size=1).draw(rng)):
            pass
        return grid


def _blind(grid: Grid) -> Grid:
    return replace(grid, walls=frozenset(wall for wall in grid.walls if label(wall) not in UNSEEN))


def _astray(grid: Grid, steps: list[str], step: int, rng: random.Random) -> str:
    here, left = _reached(grid, steps[:step]), grid.distances
    moves = [move for move in MOVES if grid.inside(there := grid.after(here, move)) and left.get(there, 99) >= left[here]]
    if not moves:
        return ";".join(steps[:step])
    there = grid.after(here, move := rng.choice(moves))
    return ";".join([*steps[:step], move + label(there), *([grid.path(there)] if there in left else [])])


def _reached(grid: Grid, steps: list[str]) -> Cell:
    return cell_of(steps[-1][1:]) if steps else grid.start


def _exercise(grid: Grid, blind: Grid, attempt: str) -> Exercise:
    question, right = grid.text(), grid.path()
    verdict = TASK.verify(Prompt("", question, TASK.name), attempt)
    places = range(grid.distances[grid.start] + 1)
    if not (place := verdict.location):
        return Exercise(question, attempt, attempt, places)
    return Exercise(question, right, attempt, places, place.step, _known(blind, right, place), verdict.error, place.description)


def _known(blind: Grid, right: str, place: Location) -> int:
    """Up to the end of the last step that the student would not take of itself."""
    steps = right.split(";")
    own = [blind.path(_reached(blind, steps[:step])).partition(";")[0] for step in range(len(steps))]
    last = max(step for step in range(len(steps)) if step == place.step or own[step] != steps[step])
    return len(";".join(steps[:last + 1]))


TASK = tasks.GridPath()
