"""Rows of a user's file or of a data set on the Hugging Face Hub. Every complaint names the place in one line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rfpo.errors import UserError, near_miss

HUB = "hub:"
SUFFIXES = (".jsonl", ".parquet")


class Row(NamedTuple):
    """`number` counts from 1: the line of a JSONL file, else the row. `place` is for messages."""

    number: int
    place: str
    values: dict[str, Any]


def short_name(source: str) -> str:
    """The file's name without its folder, or the data set's name on the Hub."""
    return source.removeprefix(HUB) if source.startswith(HUB) else Path(source).name


def read_rows(source: str) -> Iterator[Row]:
    """Raises UserError for a source that is missing, of another kind, or broken, at the first broken line."""
    if source.startswith(HUB):
        return _hub(source)
    path = Path(source)
    if path.suffix not in SUFFIXES:
        raise UserError(f"the data {source!r} is neither a .jsonl or .parquet file nor hub:owner/name. Convert or rename it.")
    if not path.is_file():
        beside = [other.name for other in path.parent.glob("*") if other.suffix in SUFFIXES] if path.parent.is_dir() else []
        hint = near_miss(path.name, beside) if beside else "its folder holds no .jsonl or .parquet file."
        raise UserError(f"the data file {source} does not exist; {hint}")
    return _jsonl(path) if path.suffix == ".jsonl" else _parquet(path)


def _jsonl(path: Path) -> Iterator[Row]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            place = f"{path}, line {number}"
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            try:
                values = json.loads(line.decode().rstrip("\r\n"))
            except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
                why = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else error
                raise UserError(f"{place} is not JSON: {why}. Mend or remove the line.") from error
            if not isinstance(values, dict):
                raise UserError(f"{place} is not a JSON object but {json.dumps(values)[:40]}; write {{\"prompt\": ...}}.")
            yield Row(number, place, values)


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow
    import pyarrow.parquet

    try:
        batches = pyarrow.parquet.ParquetFile(path).iter_batches()
        number = 0
        for batch in batches:
            for values in batch.to_pylist():
                number += 1
                yield Row(number, f"{path}, row {number}", values)
    except (pyarrow.ArrowException, OSError) as error:
        raise UserError(f"{path} is not a readable Parquet file: {' '.join(str(error).split())}. Write it again.") from error


def _hub(source: str) -> Iterator[Row]:
    """hub:owner/name[:configuration][@split], the split being "train" unless it is named."""
    name, _, split = source.removeprefix(HUB).partition("@")
    name, _, configuration = name.partition(":")
    try:
        import datasets
    except ImportError as error:
        raise UserError(f"{source} needs the datasets library ({error}). Install it with: pip install 'rfpo[hub]'.") from error
    try:
        rows = datasets.load_dataset(name, configuration or None, split=split or "train")
    except Exception as error:  # the library raises its own, the Hub's, pyarrow's and the network's errors
        raise UserError(f"{source} cannot be loaded: {type(error).__name__}: {' '.join(str(error).split())[:200]}. "
                        f"Write hub:owner/name:configuration@split.") from error
    for number, values in enumerate(rows, start=1):
        yield Row(number, f"{source}, row {number}", values)
