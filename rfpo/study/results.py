"""What is kept of a cell: one arm on one task with one seed. One line of cells.jsonl."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
BIN, BINS = 0.1, 60
"""The histogram of log R_off: bin i counts values in [(i - 30) / 10, (i - 29) / 10); the first and the last take the rest."""


@dataclass(frozen=True)
class Mark:
    """A measurement during training: after `step` steps and `tokens` generated tokens. `stuck` has a digit (base 36) a stuck
    prompt, in the task's order: how many of its `samples` answers were right; `other` likewise."""

    step: int
    tokens: int
    samples: int
    stuck: str
    other: str

    def counts(self) -> list[int]:
        return [DIGITS.index(digit) for digit in self.stuck]

    @property
    def stuck_share(self) -> float:
        """pass@1 of the stuck prompts."""
        return sum(self.counts()) / max(1, self.samples * len(self.stuck))

    @property
    def other_share(self) -> float:
        return sum(DIGITS.index(digit) for digit in self.other) / max(1, self.samples * len(self.other))


@dataclass(frozen=True)
class OperatorTally:
    """Answers tried, those that were right, the tokens of all of them, and the corrections in which a leak was found."""

    tries: int = 0
    right: int = 0
    tokens: int = 0
    leaked: int = 0


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """`key` is a hash of everything that decides the cell: the resolved run, how it was measured, and whom it followed.

    Groups: `stuck` were recognised, `fixed` got a correction that was right. Rows: `corrected_rows` that were not plain answers
    entered the batch, of which `corrected_trained` had a gradient. `told` counts tries by what they gave away. `r_off` is the
    histogram of log R_off over trained corrections. `slope` is the measured gamma: the regression slope, through the origin, of
    the corrections' log weight on mean log pi_old(o | q) - mean log pi_old(o_f | q), over `slope_rows` of them (None: no
    weight, or nothing corrected). `correction_tokens_by_step` and `updates_by_step` are the ledger that other arms may follow.
    `scored_tokens` were passed through the model for their log-probs alone (None: a cell made before that was kept).
    `seconds` are of training alone, `core_seconds` of the whole cell.
    """

    arm: str
    task: str
    seed: int
    key: str
    marks: tuple[Mark, ...]
    steps: int
    updates: int
    trained_rows: int
    idle_steps: int
    rollout_tokens: int
    correction_tokens: int
    trained_tokens: int
    prompt_tokens: int
    evaluation_tokens: int
    critic_tokens: int = 0
    scored_tokens: int | None = None
    stuck: int = 0
    fixed: int = 0
    corrected_rows: int = 0
    corrected_trained: int = 0
    told: dict[str, int] = field(default_factory=dict)
    leaks: dict[str, int] = field(default_factory=dict)
    operators: dict[str, OperatorTally] = field(default_factory=dict)
    r_off: tuple[int, ...] = ()
    slope: float | None = None
    slope_rows: int = 0
    correction_tokens_by_step: tuple[int, ...] = ()
    updates_by_step: tuple[int, ...] = ()
    examples: tuple[dict, ...] = ()
    seconds: float = 0.0
    core_seconds: float = 0.0
    commit: str = ""

    @property
    def name(self) -> tuple[str, str, int]:
        return self.arm, self.task, self.seed

    @property
    def generated_tokens(self) -> int:
        return self.rollout_tokens + self.correction_tokens

    @property
    def end(self) -> float:
        """Solved share of the stuck prompts when the budget was spent."""
        return self.marks[-1].stuck_share

    @property
    def fix_rate(self) -> float | None:
        """Share of the stuck groups that got a correction."""
        return self.fixed / self.stuck if self.stuck else None

    def areas(self, budget: int) -> list[float]:
        """Of each stuck prompt: area under its solved share over generated tokens from 0 to the budget, divided by the budget
        (trapezoids between the marks; after the last mark its share holds, and what is past the budget is cut off)."""
        return [_area([mark.tokens for mark in self.marks], shares, budget) for shares in self._curves()]

    def area(self, budget: int) -> float:
        """The mean of `areas`."""
        areas = self.areas(budget)
        return sum(areas) / len(areas)

    def tokens_to(self, share: float) -> float | None:
        """Generated tokens at which the stuck prompts' solved share first reached `share`, straight between marks; None when
        it never did."""
        return first_at([(mark.tokens, mark.stuck_share) for mark in self.marks], share)

    def _curves(self) -> list[list[float]]:
        """A solved share a mark, of each stuck prompt."""
        counts = [mark.counts() for mark in self.marks]
        return [[row[prompt] / mark.samples for row, mark in zip(counts, self.marks, strict=True)]
                for prompt in range(len(counts[0]))]


def first_at(curve: Sequence[tuple[float, float]], share: float) -> float | None:
    """Where a curve of (tokens, share) points first reaches `share`, straight between them; None when it never does."""
    if curve and curve[0][1] >= share:
        return float(curve[0][0])
    for (x0, y0), (x1, y1) in pairwise(curve):
        if y0 < share <= y1:
            return x0 + (x1 - x0) * (share - y0) / (y1 - y0)
    return None


def _area(tokens: Sequence[int], shares: Sequence[float], budget: int) -> float:
    tokens, shares = [*tokens, max(budget, tokens[-1])], [*shares, shares[-1]]
    total = 0.0
    for x0, x1, y0, y1 in zip(tokens, tokens[1:], shares, shares[1:], strict=False):
        if x1 <= x0 or x0 >= budget:
            continue
        end = min(x1, budget)
        total += (end - x0) * (y0 + y0 + (y1 - y0) * (end - x0) / (x1 - x0)) / 2
    return total / budget


def digits(counts: Sequence[int]) -> str:
    """Counts below 36, a digit each."""
    return "".join(DIGITS[count] for count in counts)


def to_line(result: CellResult) -> str:
    return json.dumps(asdict(result), ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def from_line(line: str) -> CellResult:
    table = json.loads(line)
    table["marks"] = tuple(Mark(**mark) for mark in table["marks"])
    table["operators"] = {name: OperatorTally(**tally) for name, tally in table["operators"].items()}
    for name in ("r_off", "correction_tokens_by_step", "updates_by_step", "examples"):
        table[name] = tuple(table[name])
    return CellResult(**table)


@dataclass(frozen=True, kw_only=True)
class Base:
    """What the student does on a task before any training, the same for every arm. `beyond` has, for each stuck prompt, how
    many of `beyond_draws` plain draws were right; () when that was not measured."""

    task: str
    stuck: tuple[str, ...]
    other: tuple[str, ...]
    stuck_draws: int
    beyond: tuple[int, ...] = ()
    beyond_draws: int = 0
