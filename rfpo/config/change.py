"""`--set objective.surrogate.high=0.28`: one field of a run, named by its path."""

import tomllib
from collections.abc import Iterable
from dataclasses import MISSING, is_dataclass

from rfpo.config.load import from_plain
from rfpo.config.run import Run
from rfpo.config.save import plain as plain_form
from rfpo.config.save import to_plain
from rfpo.config.shape import (
    default,
    field_hints,
    fits,
    is_mapping,
    is_tuple,
    item_hint,
    join,
    options,
    piece_class,
    room_of,
    unknown,
    value_hint,
    word,
)
from rfpo.errors import UserError


def change(run: Run, assignments: Iterable[str]) -> Run:
    """The run with each `path=value` applied in order, checked once at the end.

    The value is read as TOML, and as a text where that fails. Setting a slot to a name swaps the piece, with its
    defaults; items of a list are named by their number.

    >>> change(run, ["objective.surrogate=clip", "objective.surrogate.high=0.28", "objective.weights.0.gamma=-1"])

    Raises UserError for a path that does not exist, with the nearest name that does.
    """
    pairs = []
    for assignment in assignments:
        path, equals, text = assignment.partition("=")
        if not equals or not path.strip():
            raise UserError(f"--set {assignment} has no '='; write it as --set path=value, as in --set group_size=8.")
        pairs.append((path.strip(), value_of(text.strip())))
    return put(run, pairs)


def put(run: Run, pairs: Iterable[tuple[str, object]]) -> Run:
    """The run with each plain value put at its path, in order, checked once at the end."""
    table = to_plain(run)
    for path, value in pairs:
        table = assign(Run, table, "", path.split("."), value)
    return from_plain(table)


def value_of(text: str):
    """`0.28`, `true`, `[1, 4]` and `{kind = "linear", end = 0.1}` as TOML reads them; anything else is a text."""
    try:
        table = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return table["value"] if list(table) == ["value"] else text


def assign(hint, plain, path: str, names: list[str], value):
    """`plain` with the value at the place that the names lead to."""
    if not names:
        return value
    name, rest = names[0], names[1:]
    hint = fits(hint, {} if plain is None else plain)
    if is_tuple(hint):
        return assign_item(hint, plain, path, name, rest, value)
    if is_mapping(hint):
        table = dict(plain or {})
        return table | {name: assign(value_hint(hint), table.get(name), join(path, name), rest, value)}
    return assign_field(hint, plain, path, name, rest, value)


def assign_item(hint, plain: list, path: str, name: str, rest: list[str], value) -> list:
    if not name.isdigit() or int(name) >= len(plain):
        have = f"numbers 0 to {len(plain) - 1}" if plain else "nothing in it"
        raise UserError(f"{join(path, name)} is unknown: {path} is a list with {have}. Set it whole: --set '{path}=[...]'.")
    index = int(name)
    items = list(plain)
    items[index] = assign(item_hint(hint, index), items[index], join(path, name), rest, value)
    return items


def assign_field(hint, plain, path: str, name: str, rest: list[str], value) -> dict:
    table = {"kind": plain} if isinstance(plain, str) and room_of(hint) else dict(plain) if isinstance(plain, dict) else {}
    cls = class_of(hint, table, path, name)
    hints = field_hints(cls)
    if name not in hints:
        raise unknown(path, name, hints)
    current = table.get(name, default_of(cls, name))
    return table | {name: assign(hints[name], current, join(path, name), rest, value)}


def class_of(hint, table: dict, path: str, name: str) -> type:
    """The record that is being changed."""
    if room_of(hint):
        if "kind" not in table:
            raise UserError(f"{join(path, name)} cannot be set: {path} is empty. "
                            f"Name its {word(hint)} first: --set {path}=NAME.")
        return piece_class(hint, table["kind"], path)
    if is_dataclass(hint):
        return hint
    raise UserError(f"{join(path, name)} is unknown: {path} is a single value. Set it with --set {path}=VALUE.")


def default_of(cls: type, name: str):
    """The plain form of a field's default; None where there is none."""
    value = default(cls.__dataclass_fields__[name])
    hint = field_hints(cls)[name]
    if value is MISSING or value is None:
        return [] if is_tuple(options(hint)[1][0]) else None
    return plain_form(hint, value)
