"""The study's directory: what is done, kept so that a kill at any moment costs no finished cell.

    studies/first/plan.toml      the plan, as it was given
                  cells.jsonl    one finished cell a line
                  base/TASK.json what the student does before training
                  work/          cells that are under way; removed when they are done
                  versions.json  machine and versions that made the cells
                  summary.json, tables.md, report.html
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from rfpo.errors import UserError
from rfpo.study.results import CellResult, from_line, to_line


class Table:
    """The finished cells of a study. A cell counts as done when its key is the one that the plan gives it now; lines of other
    keys are kept and passed over."""

    def __init__(self, directory: Path):
        self.directory = Path(directory)
        self.lines: list[CellResult] = _read(self.path)
        self._by_key = {(line.name, line.key): line for line in self.lines}

    @property
    def path(self) -> Path:
        return self.directory / "cells.jsonl"

    @property
    def work(self) -> Path:
        return self.directory / "work"

    def base_path(self, task: str) -> Path:
        return self.directory / "base" / f"{task}.json"

    def find(self, name: tuple[str, str, int], key: str) -> CellResult | None:
        """The newest line of this cell with this key."""
        return self._by_key.get((name, key))

    def others(self, name: tuple[str, str, int]) -> list[CellResult]:
        """Every line of the cell, whatever its key, newest first."""
        return [line for line in reversed(self.lines) if line.name == name]

    def add(self, result: CellResult) -> None:
        """Written and flushed to the disk before it counts."""
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a", encoding="utf-8") as file:
            file.write(to_line(result) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.lines.append(result)
        self._by_key[result.name, result.key] = result


def _read(path: Path) -> list[CellResult]:
    """The whole lines; a last one that was torn by a kill is cut off. Raises UserError for a line that is no cell."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return list(_parsed(path, whole.splitlines()))


def _parsed(path: Path, lines: Iterable[str]) -> Iterable[CellResult]:
    for number, line in enumerate(lines, start=1):
        try:
            yield from_line(line)
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise UserError(f"{path} line {number} is no cell of a study ({error}); it was written by another version, or by "
                            "hand. Delete that line: its cell will be run again.") from error
