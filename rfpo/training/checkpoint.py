"""Checkpoints that are whole or absent: written beside the old one, fsynced, checksummed, renamed."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError

from rfpo.errors import UserError

MANIFEST = "checksums.json"


def write(directory: Path, step: int, fill: Callable[[Path], None], keep: int) -> Path:
    """`directory/step-000100`, filled by `fill(path)`. The newest `keep` checkpoints stay.

    Raises UserError when the disk is full or the folder cannot be written; older checkpoints are then untouched.
    """
    final = directory / f"step-{step:06d}"
    building = directory / f"{final.name}.tmp"
    try:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        fill(building)
        (building / MANIFEST).write_bytes(_checksums(building))
        for path in (*building.rglob("*"), building):
            _fsync(path)
        if final.exists():
            shutil.rmtree(final)
        building.rename(final)
        _fsync(directory)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(building, ignore_errors=True)
        previous = newest(directory)
        rest = f"the checkpoint of {previous.name} is whole" if previous else "there is no earlier checkpoint"
        raise UserError(f"checkpoint {final} could not be written: {error}; {rest}. Free some space, then "
                        f"`rfpo train --resume {directory.parent}`.") from error
    for old in complete(directory)[:-keep]:
        shutil.rmtree(old)
    return final


def complete(directory: Path) -> list[Path]:
    """Finished checkpoints, oldest first. What was being written when the process died still bears `.tmp`."""
    return sorted(p for p in directory.glob("step-*") if p.suffix != ".tmp" and (p / MANIFEST).is_file())


def newest(directory: Path) -> Path | None:
    """The newest checkpoint whose files still have their checksums, or None."""
    for path in reversed(complete(directory)):
        if (path / MANIFEST).read_bytes() == _checksums(path):
            return path
    return None


def clear_unfinished(directory: Path) -> None:
    for path in directory.glob("step-*.tmp"):
        shutil.rmtree(path)


def _checksums(directory: Path) -> bytes:
    """The manifest: JSON, a checksum for each file by its path."""
    files = sorted(p for p in directory.rglob("*") if p.is_file() and p.name != MANIFEST)
    return json.dumps({p.relative_to(directory).as_posix(): _sha256(p) for p in files}, indent=1, sort_keys=True).encode()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
