"""The run directory: what a run leaves behind, in files that anybody can read.

run.toml, metrics.jsonl (no clock in it: two equal runs are equal bit for bit), timings.jsonl, rollouts/step-000010.parquet,
checkpoints/. Steps are whole numbers; whatever was measured before training carries step 0.
"""

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from rfpo.errors import UserError

ROLLOUT_COLUMNS = pa.schema([
    ("step", pa.int64()),
    ("prompt_id", pa.string()),
    ("visit", pa.int64()),  # (prompt_id, visit) is the group
    ("task", pa.string()),
    ("prompt", pa.string()),
    ("text", pa.string()),
    ("outcome", pa.string()),  # solved, wrong, ungraded
    ("score", pa.float64()),  # the verifier's number
    ("reward", pa.float64()),  # after shaping
    ("advantage", pa.float64()),
    ("origin", pa.string()),  # sampled, corrected, given, replayed
    ("operator", pa.string()),  # "" for an answer that was not corrected, as the next three
    ("tries", pa.int64()),
    ("help", pa.string()),
    ("located", pa.bool_()),
    ("parent_text", pa.string()),
    ("error_start", pa.int64()),  # first error of parent_text, character offsets; null when the verifier gave no place
    ("error_end", pa.int64()),
    ("leaks", pa.list_(pa.string())),
    ("log_r_off", pa.float64()),  # log of the off-policy ratio; null for a row that was not corrected
    ("weight", pa.float64()),  # what a corrected row's loss was multiplied by; null for others
    ("mean_logp_old", pa.float64()),  # nats a token, in the trained context; null when it was not scored
    ("mean_logp_behaviour", pa.float64()),  # nats a token, in the context it was sampled in
    ("tokens", pa.int64()),
    ("truncated", pa.bool_()),
    ("trained", pa.bool_()),
])
"""One row is one completion. Every column may be null where nothing is known."""


class RunStore:
    """A run directory, opened. One writer at a time; readers may look on while it grows.

    >>> store = RunStore.create(Path("runs/first"), run_toml)
    >>> store.append(1, {"reward": 0.25}, {"seconds": 1.7}, rollouts)
    """

    def __init__(self, directory: Path):
        self.directory = Path(directory)

    @classmethod
    def create(cls, directory: Path, run_toml: str) -> "RunStore":
        """A new run. Raises UserError, and changes nothing, when the directory already holds anything."""
        directory = Path(directory)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if any(directory.iterdir()):
                raise UserError(_occupied(directory))
            _replace(directory / "run.toml", lambda path: path.write_text(run_toml, encoding="utf-8"))
        except OSError as error:
            raise UserError(f"the run directory {str(directory)!r} cannot be made: {error.strerror}. "
                            "Choose another --out.") from error
        return cls(directory)

    @staticmethod
    def refuse_used(directory: Path) -> None:
        """Raises UserError when `create` would: said early, before a model is loaded for minutes."""
        directory = Path(directory)
        if directory.is_dir() and any(directory.iterdir()):
            raise UserError(_occupied(directory))
        if directory.exists() and not directory.is_dir():
            raise UserError(f"--out {str(directory)!r} is a file; choose another --out.")

    @classmethod
    def open(cls, directory: Path) -> "RunStore":
        """A run that exists. Raises UserError when `directory` is none."""
        if not (Path(directory) / "run.toml").is_file():
            raise UserError(f"{str(directory)!r} is no run: it has no run.toml. Give the directory that `rfpo train` wrote.")
        return cls(directory)

    @property
    def run_toml(self) -> str:
        return (self.directory / "run.toml").read_text(encoding="utf-8")

    @property
    def checkpoints(self) -> Path:
        return self.directory / "checkpoints"

    def append(self, step: int, metrics: Mapping, timings: Mapping, rollouts: Sequence[Mapping] = ()) -> None:
        """Records one step. Floats keep every bit (repr); NaN and the infinities, which JSON lacks, become null.

        Raises UserError when the disk is full.
        """
        try:
            if rollouts:
                _replace(self._rollout_file(step), lambda path: pq.write_table(_table(step, rollouts), path))
            for name, values in (("metrics.jsonl", metrics), ("timings.jsonl", timings)):
                with open(self.directory / name, "a", encoding="utf-8") as file:
                    file.write(_line(step, values))
        except OSError as error:
            raise UserError(f"step {step} could not be written to {self.directory}: {error}. Free some space, then `rfpo train "
                            f"--resume {self.directory}`.") from error

    def cut_back(self, step: int) -> None:
        """Forgets whatever came after `step`, and a last line that was torn by a kill: the state to resume from."""
        for name in ("metrics.jsonl", "timings.jsonl"):
            kept = "".join(_line(record["step"], record) for record in self._records(name) if record["step"] <= step)
            if (self.directory / name).exists():
                _replace(self.directory / name, lambda path, kept=kept: path.write_text(kept, encoding="utf-8"))
        for path in (self.directory / "rollouts").glob("*.tmp"):
            path.unlink()
        for number, path in self._rollout_files():
            if number > step:
                path.unlink()

    def metrics(self) -> list[dict]:
        return self._records("metrics.jsonl")

    def timings(self) -> list[dict]:
        return self._records("timings.jsonl")

    def rollouts(self, step: int | None = None, origin: str | None = None) -> list[dict]:
        """The completions of one step, or of all of them, of one origin or of any; [] where none were kept."""
        wanted = [("origin", "=", origin)] if origin else None
        return [row for number, path in self._rollout_files() if step in (None, number)
                for row in pq.read_table(path, filters=wanted).to_pylist()]

    def rollout_steps(self) -> list[int]:
        return [number for number, _ in self._rollout_files()]

    def _rollout_file(self, step: int) -> Path:
        return self.directory / "rollouts" / f"step-{step:06d}.parquet"

    def _rollout_files(self) -> list[tuple[int, Path]]:
        return sorted((int(path.stem.split("-")[1]), path) for path in (self.directory / "rollouts").glob("step-*.parquet"))

    def _records(self, name: str) -> list[dict]:
        path = self.directory / name
        if not path.exists():
            return []
        *whole, _torn = path.read_text(encoding="utf-8", errors="replace").split("\n")
        return [_parsed(path, number, line) for number, line in enumerate(whole, start=1)]


def _line(step: int, values: Mapping) -> str:
    rest = {key: _finite(values[key]) for key in sorted(values) if key != "step"}
    return json.dumps({"step": step, **rest}, ensure_ascii=False, allow_nan=False) + "\n"


def _finite(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _parsed(path: Path, number: int, line: str) -> dict:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise UserError(f"{path} line {number} is broken: {error.msg}. Delete the lines from there on and resume.") from error


def _table(step: int, rows: Iterable[Mapping]) -> pa.Table:
    rows = [{**row, "step": step} for row in rows]
    unknown = {key for row in rows for key in row} - set(ROLLOUT_COLUMNS.names)
    if unknown:
        raise ValueError(f"a rollout has no column {', '.join(sorted(unknown))}; known are {', '.join(ROLLOUT_COLUMNS.names)}.")
    return pa.Table.from_pylist(rows, schema=ROLLOUT_COLUMNS)


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Writes beside the file and renames, so that a kill leaves the old file or the new one."""
    path.parent.mkdir(exist_ok=True)
    beside = path.with_name(path.name + ".tmp")
    write(beside)
    os.replace(beside, path)


def _occupied(directory: Path) -> str:
    if (directory / "run.toml").exists():
        return (f"--out {str(directory)!r} holds another run; resume it with `rfpo train --resume {directory}` "
                "or choose another --out.")
    return f"--out {str(directory)!r} holds other files; choose another --out."
