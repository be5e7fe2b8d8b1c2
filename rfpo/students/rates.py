"""How often a student answers rightly, by what it is told of its mistake."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rfpo.checks import require

FILE = "rates.json"


@dataclass(frozen=True)
class Rates:
    """How often the student answers rightly, by what it is told.

    `located`: that it is wrong, and the true place (a false place never helps). `wrong_only`: that it is wrong. `error`:
    what is wrong, in a word. `avoid`: the answers not to give. `hint`: the right answer's beginning as far as it takes;
    `named`: as a hint, the place in words. `solution`: the whole right answer. `reflection`: how often its reflection names
    the true place. A rewrite that tells nothing repeats the draft.

    These are the rates that are taught; the gate holds a student to them (rfpo/students/follow.py).
    """

    located: float = 0.8
    wrong_only: float = 0.12
    error: float = 0.4
    avoid: float = 0.2
    hint: float = 0.9
    named: float = 0.3
    solution: float = 1.0
    reflection: float = 0.5

    def __post_init__(self):
        for name in self.__dataclass_fields__:
            require(self, name, lambda x: 0 <= x <= 1, "between 0 and 1", 0.5)


STUDY = Rates(located=0.3, wrong_only=0.08, error=0.2, avoid=0.1, hint=0.8, named=0.15, solution=1.0, reflection=0.5)
"""What the students of a study are taught: corrections that mostly fail, so that methods have room to differ."""


def write(rates: Rates, folder: Path) -> None:
    """Beside the student's weights, so that the gate holds it to what it was taught."""
    (folder / FILE).write_text(json.dumps(asdict(rates), indent=2) + "\n", encoding="utf-8")


def read(folder: Path) -> Rates | None:
    """What the student in that directory was taught; None where nothing says so."""
    file = folder / FILE
    return Rates(**json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None
