"""Shortest paths on a small grid with walls, with a verifier that also finds the first wrong step."""

import random
import re
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from string import ascii_lowercase
from typing import ClassVar

from rfpo.checks import require
from rfpo.errors import UserError
from rfpo.records import Location, Prompt, Verdict
from rfpo.tasks._split import Drawn, Pools, fill, most_draws

Cell = tuple[int, int]
"""(row, column), from 0."""

MOVES = {"R": (0, 1), "D": (1, 0), "L": (0, -1), "U": (-1, 0)}
STEP = re.compile(r"([RDLU])([a-z]\d+)")


@dataclass(frozen=True)
class GridPath(Drawn):
    """Walk from one cell of a grid of `rows` times `columns` cells to another, round `walls` walls, in as few steps as can be.

    The prompt draws the grid, `#` a wall, and names start and goal: columns are letters from the left, rows numbers from the
    top. They are at least `moves` steps apart. The answer has one field a step: the direction (R, D, L, U) and the cell
    reached. Every shortest path is SOLVED.

         abcd
        1..#.
        2.#..
        3....
        4....
        b1-c2=    Db2 would be the wall b2, Rc1 the wall c1; La1;Da2;Da3;Rb3;Rc3;Uc2 is a shortest path

    A wrong answer is located at the first step after which the goal cannot be reached in the fewest steps any more: `step`
    counts from 0; a missing step is the end of the text, and what follows the goal is the step after the last. `error` is
    one word: "outside" (it leaves the grid), "wall", "cell" (not the cell that the direction leads to), "detour", "short"
    (the text ends before the goal) or "format". One verdict costs a search over the cells.
    """

    rows: int = 4
    columns: int = 4
    walls: int = 3
    moves: int = 4
    size: int = 2048
    evaluation_size: int = 512
    seed: int = 0
    isolated: ClassVar[bool] = False
    room: ClassVar[str] = "rfpo.tasks"

    def __post_init__(self):
        limits = {"rows": (1, 99, 4), "columns": (1, 26, 4), "walls": (0, 99 * 26, 3), "moves": (1, 99 * 26, 4),
                  "size": (1, 10**7, 2048), "evaluation_size": (1, 10**7, 512)}
        for name, (low, high, example) in limits.items():
            require(self, name, lambda x, low=low, high=high: isinstance(x, int) and low <= x <= high,
                    f"a whole number from {low} to {high}", example)
        if self.walls + self.moves >= self.rows * self.columns:
            raise UserError(f"GridPath has {self.rows * self.columns} cells: {self.walls} walls leave no room for a path of "
                            f"{self.moves} moves. Ask for fewer walls or moves.")

    @property
    def name(self) -> str:
        return "grid_path"

    def verify(self, prompt: Prompt, text: str) -> Verdict:
        grid = Grid.read(prompt.text)
        left = grid.distances
        length, here, fields = left[grid.start], grid.start, text.split(";") if text else []
        for step in range(length):
            error = "short" if step == len(fields) else grid.error(here, fields[step], left)
            if error:
                return Verdict.wrong(text, error=error, location=_place(text, fields, step, length))
            here = grid.after(here, fields[step][0])
        if len(fields) > length:
            return Verdict.wrong(text, error="format", location=_place(text, fields, length, length))
        return Verdict.solved(text)

    @cached_property
    def _pools(self) -> Pools:
        of = f"{self.name} of {self.rows} x {self.columns} cells with {self.walls} walls and paths of {self.moves} moves"
        return fill(self._draws(), self.size, self.evaluation_size, of=of)

    def _draws(self) -> Iterator[tuple[str, Prompt]]:
        rng = random.Random(f"{self.name}/{self.seed}")
        for index in range(most_draws(self.size, self.evaluation_size)):
            if grid := self.draw(rng):
                text = grid.text()
                yield text, Prompt(f"{self.name}/{self.seed}/{index}", text, self.name, grid.path())

    def draw(self, rng: random.Random) -> "Grid | None":
        """Walls and a start at random, and one of the goals that are far enough; None if there is none."""
        cells = [(row, column) for row in range(self.rows) for column in range(self.columns)]
        walls = frozenset(rng.sample(cells, self.walls))
        start = rng.choice([cell for cell in cells if cell not in walls])
        far = Grid(self.rows, self.columns, walls, start, start).distances
        goals = [cell for cell in cells if far.get(cell, 0) >= self.moves]
        return Grid(self.rows, self.columns, walls, start, rng.choice(goals)) if goals else None


@dataclass(frozen=True)
class Grid:
    """The cells, the walls among them, and where a path starts and ends."""

    rows: int
    columns: int
    walls: Collection[Cell]
    start: Cell
    goal: Cell

    @classmethod
    def read(cls, text: str) -> "Grid":
        """The inverse of `text`; lines before the grid and after the start and the goal do no harm."""
        rows = re.findall(r"^ *[1-9]\d?([.#]+)$", text, re.MULTILINE)
        start, goal = re.findall(r"^([a-z][1-9]\d?)-([a-z][1-9]\d?)=", text, re.MULTILINE)[-1]
        walls = frozenset((row, column) for row, line in enumerate(rows) for column, mark in enumerate(line) if mark == "#")
        return cls(len(rows), len(rows[0]), walls, cell_of(start), cell_of(goal))

    def text(self) -> str:
        wide = len(str(self.rows))
        lines = [" " * wide + ascii_lowercase[:self.columns]]
        for row in range(self.rows):
            marks = "".join("#" if (row, column) in self.walls else "." for column in range(self.columns))
            lines.append(f"{row + 1:{wide}}{marks}")
        return "\n".join([*lines, f"{label(self.start)}-{label(self.goal)}="])

    def inside(self, at: Cell) -> bool:
        return 0 <= at[0] < self.rows and 0 <= at[1] < self.columns

    def after(self, here: Cell, move: str) -> Cell:
        return here[0] + MOVES[move][0], here[1] + MOVES[move][1]

    @cached_property
    def distances(self) -> dict[Cell, int]:
        """Steps from each cell to the goal; a cell from which it cannot be reached is left out."""
        found, waiting = {self.goal: 0}, deque([self.goal])
        while waiting:
            here = waiting.popleft()
            for down, right in MOVES.values():
                there = here[0] + down, here[1] + right
                if there not in found and self.inside(there) and there not in self.walls:
                    found[there] = found[here] + 1
                    waiting.append(there)
        return found

    def path(self, here: Cell | None = None) -> str:
        """A shortest path from `here` (None: the start) to the goal; of several the one whose next step goes to the side where
        the goal is farther (columns where both are alike), or else to another side in the order of `_order`.

        >>> Grid(2, 3, {(0, 1)}, (0, 0), (0, 2)).path()
        'Da2;Rb2;Rc2;Uc1'
        """
        left, here, steps = self.distances, here or self.start, []
        while here != self.goal:
            move = next(move for move in self._order(here) if left.get(self.after(here, move)) == left[here] - 1)
            here = self.after(here, move)
            steps.append(move + label(here))
        return ";".join(steps)

    def _order(self, here: Cell) -> str:
        down, right = abs(self.goal[0] - here[0]), abs(self.goal[1] - here[1])
        return "RLDU" if right >= down else "DURL"

    def error(self, here: Cell, field: str, left: dict[Cell, int]) -> str:
        """What is wrong with a step from `here`, in a word; "" for one that lies on a shortest path."""
        if not (found := STEP.fullmatch(field)):
            return "format"
        there = self.after(here, found[1])
        if not self.inside(there):
            return "outside"
        if there in self.walls:
            return "wall"
        if label(there) != found[2]:
            return "cell"
        return "" if left[there] < left[here] else "detour"


def label(at: Cell) -> str:
    """A letter for the column and a number for the row.

    >>> label((2, 0)), cell_of("a3")
    ('a3', (2, 0))
    """
    return f"{ascii_lowercase[at[1]]}{at[0] + 1}"


def cell_of(named: str) -> Cell:
    return int(named[1:]) - 1, ascii_lowercase.index(named[0])


def _place(text: str, fields: list[str], step: int, length: int) -> Location:
    start = min(len(text), sum(len(field) + 1 for field in fields[:step]))
    end = len(text) if step == length else start + len("".join(fields[step:step + 1]))
    return Location(step, start, end, "the end" if step == length else f"step {step}", places=length + 1)
