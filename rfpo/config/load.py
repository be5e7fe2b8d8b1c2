"""Plain tables to a Run. Nothing is coerced silently and nothing is dropped: every refusal names the field's full path."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from rfpo.config.run import Run
from rfpo.config.shape import (
    default,
    field_hints,
    fits,
    is_mapping,
    is_tuple,
    item_hint,
    join,
    length,
    options,
    piece_class,
    room_of,
    unknown,
    value_hint,
    word,
)
from rfpo.errors import UserError
from rfpo.schedule import Schedule

CHANGING = ("objective.", "streams.", "fixing.merge.")
"""Where schedules are resolved before each step, or for each group."""


def load(path: Path | str) -> Run:
    """The run written in a TOML file. `load(save(run, path)) == run`.

    A piece is a table `{kind = "clip", high = 0.28}`, or just its name "clip", or "my_module:MyPiece". A field that is
    left out has its default; "none" empties an optional one. Raises UserError, one line, naming the file and the field's
    full path.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"there is no run file at {path}; name a TOML file such as the run.toml of a run directory.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read as a run file: {error}. Name a TOML file.") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not valid TOML: {error}. Mend that line.") from error
    try:
        return from_plain(table)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def from_plain(table: Mapping[str, Any]) -> Run:
    """The run that a plain dictionary describes; see `load`."""
    return record(Run, table, "")


def build(hint, plain, path: str):
    """The value of one field from what stands in the table."""
    optional, _ = options(hint)
    if optional and (plain is None or plain == "none"):
        return None
    hint = fits(hint, plain)
    if hint is Any:
        return plain
    if hint is Schedule and not path.startswith(CHANGING):
        raise UserError(f"{path} holds a table; it must be a number. Only numbers of the objective may follow a schedule.")
    if room_of(hint):
        return piece(hint, plain, path)
    if is_dataclass(hint):
        return record(hint, expect(plain, Mapping, path, "a table", "{...}"), path)
    if is_tuple(hint):
        items = expect(plain, (list, tuple), path, "a list", f"[{shown(plain)}]")
        if length(hint) not in (None, len(items)):
            raise UserError(f"{path} has {len(items)} items; it must have {length(hint)}.")
        return tuple(build(item_hint(hint, i), item, join(path, i)) for i, item in enumerate(items))
    if is_mapping(hint):
        table = expect(plain, Mapping, path, "a table", "{...}")
        return {name: build(value_hint(hint), item, join(path, name)) for name, item in table.items()}
    return scalar(hint, plain, path)


def piece(hint, plain, path: str):
    """A piece from its name or its table."""
    plain = {"kind": plain} if isinstance(plain, str) else plain
    wanted = f"the name of a piece ({word(hint)}) or a table with its kind"
    table = dict(expect(plain, Mapping, path, wanted, '{kind = "..."}'))
    return record(piece_class(hint, table.pop("kind", None), path), table, path)


def record(cls: type, table: Mapping, path: str):
    """A dataclass from its table."""
    hints = field_hints(cls)
    for name in table:
        if name not in hints:
            raise unknown(path, name, hints)
    for field in fields(cls):
        if field.init and field.name not in table and default(field) is MISSING:
            raise UserError(f"{join(path, field.name)} is missing; give it a value.")
    values = {name: build(hints[name], plain, join(path, name)) for name, plain in table.items()}
    try:
        return cls(**values)
    except ValueError as error:
        raise UserError(at(path, cls, str(error))) from error


def at(path: str, cls: type, message: str) -> str:
    """The complaint of a record that checks itself, with the path in the run for the class's name."""
    message = message.removeprefix(f"{cls.__name__}.")
    first = message.split(" ", 1)[0].split(".", 1)[0]
    return join(path, message) if first in field_hints(cls) else f"{path}: {message}" if path else message


def scalar(hint, plain, path: str):
    """A number, a word or a truth value. True is not a number, "3" is not one either; a whole number may stand for a float."""
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    if hint not in names:
        raise UserError(f"{path} is declared as {hint}, which a run file cannot hold. Declare it as a number, a text, a tuple, "
                        "a dataclass or a slot.")
    allowed = {float: (int, float)}.get(hint, hint)
    if not isinstance(plain, allowed) or (isinstance(plain, bool) and hint is not bool):
        raise UserError(f"{path} is {shown(plain)}; it must be {names[hint]}. Try {example(hint, plain)}.")
    return hint(plain)


def example(hint, plain) -> str:
    """A value that would do, close to the one given where that is possible."""
    if hint is str:
        return f'"{plain}"'
    if hint is bool:
        return "true"
    try:
        return str(hint(float(plain))) if not isinstance(plain, bool) else str(hint(1))
    except (TypeError, ValueError, OverflowError):
        return str(hint(1))


def expect(plain, kind, path: str, name: str, suggestion: str):
    if not isinstance(plain, kind):
        raise UserError(f"{path} is {shown(plain)}; it must be {name}. Try {suggestion}.")
    return plain


def shown(plain) -> str:
    """As it would stand in the file."""
    if isinstance(plain, bool):
        return str(plain).lower()
    return f'"{plain}"' if isinstance(plain, str) else str(plain)
