"""Answers that are kept on disk, one file each, so that nothing is asked for twice."""

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from rfpo.errors import UserError


class Kept:
    """A folder of JSON files, each named after what was asked. A file is there whole or not at all, and the first one that
    is written stays: two runs that ask the same at once go on with the same answer."""

    def __init__(self, folder: str):
        self.folder = Path(folder).expanduser()

    def check(self) -> None:
        """Raises UserError when nothing can be written there."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                return
        except OSError as error:
            raise UserError(f"the critic's cache {str(self.folder)!r} cannot be written ({error.strerror}). Name a folder of "
                            "your own.") from error

    def get(self, name: str) -> dict | None:
        """None when it was never asked. Raises UserError for a file that is not what was written."""
        path = self._path(name)
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            record["text"]  # noqa: B018
            return record
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"the critic's cache file {path} cannot be read. Delete it, and it is asked for again.") from error

    def put(self, name: str, record: dict) -> dict:
        """What is kept from now on: this record, or the one that came first. Raises UserError when it cannot be written."""
        path = self._path(name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, written = tempfile.mkstemp(dir=path.parent, prefix=f".{name}.")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(json.dumps(record, ensure_ascii=True) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
                _give_name(written, path)
            finally:
                with suppress(FileNotFoundError):
                    os.unlink(written)
        except OSError as error:
            raise UserError(f"the critic's answer cannot be kept in {str(path.parent)!r} ({error.strerror}). Make room there, "
                            "or name another cache.") from error
        return self.get(name) or record

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / f"{name}.json"


def _give_name(written: str, path: Path) -> None:
    """Never over a file that is there, where the file system has links."""
    try:
        os.link(written, path)
    except FileExistsError:
        return
    except OSError:
        os.replace(written, path)
