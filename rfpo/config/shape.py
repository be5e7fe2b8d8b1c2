"""What a field may hold, read from its type hint: the one place that knows how hints map to the tables of a run file."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from rfpo.errors import UserError, near_miss
from rfpo.pieces import find
from rfpo.schedule import Schedule


@cache
def field_hints(cls: type) -> dict[str, Any]:
    """Name to resolved type hint of every field that the constructor takes."""
    hints = get_type_hints(cls)
    return {f.name: hints[f.name] for f in fields(cls) if f.init}


def options(hint) -> tuple[bool, tuple]:
    """Whether None is allowed, and the other members of the union (one, when it is none)."""
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return NoneType in members, tuple(member for member in members if member is not NoneType)


def room_of(hint) -> str | None:
    """The room of a slot: `rfpo.objective.surrogate` for Surrogate; None for anything that is not a slot."""
    return getattr(hint, "room", None) if isinstance(hint, type) and getattr(hint, "_is_protocol", False) else None


def is_tuple(hint) -> bool:
    return hint is tuple or get_origin(hint) is tuple


def is_mapping(hint) -> bool:
    return (get_origin(hint) or hint) in (dict, Mapping)


def item_hint(hint, index: int) -> Any:
    """The hint of one item of a tuple: `tuple[X, ...]` has X everywhere, `tuple[X, Y]` its own at each place."""
    arguments = get_args(hint)
    if not arguments:
        return Any
    return arguments[0] if len(arguments) == 2 and arguments[1] is Ellipsis else arguments[min(index, len(arguments) - 1)]


def length(hint) -> int | None:
    """How many items a tuple must have; None for any number."""
    arguments = get_args(hint)
    return len(arguments) if arguments and arguments[-1] is not Ellipsis else None


def value_hint(hint) -> Any:
    """The hint of a mapping's values."""
    return get_args(hint)[1] if get_args(hint) else Any


def fits(hint, plain) -> Any:
    """The member of a union that a plain value is meant for. A table in a float's place is a schedule.

    Falls back to the first member, whose error is then the one that is told.
    """
    members = options(hint)[1]
    tests = {
        dict: lambda m: room_of(m) or is_dataclass(m) or is_mapping(m),
        list: is_tuple,
        bool: lambda m: m is bool,
        int: lambda m: m in (int, float),
        float: lambda m: m is float,
        str: lambda m: m is str or (room_of(m) and str not in members),
    }
    test = tests.get(type(plain), lambda m: False)
    chosen = next((member for member in members if test(member)), members[0])
    return Schedule if chosen is float and isinstance(plain, dict) else chosen


def piece_class(hint, kind, path: str) -> type:
    """The class that `kind` names in the room of a slot, with the field's path in front of the complaint."""
    if not isinstance(kind, str):
        raise UserError(f'{path} has no kind; say which {word(hint)} it is: kind = "...".')
    try:
        cls = find(room_of(hint), kind)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    lacks = [name for name in slot_members(hint) if not hasattr(cls, name)]
    if not is_dataclass(cls) or lacks:
        reason = f"it has no {lacks[0]!r}" if lacks else "it is not a dataclass"
        raise UserError(f"{path}: {kind!r} cannot be the {word(hint)}: {reason}. See {hint.__name__} in {hint.__module__}.")
    return cls


def slot_members(hint) -> list[str]:
    """What a piece must have to fill the slot."""
    return [name for name in vars(hint) if name == "__call__" or (name[0] != "_" and name not in ("room", "isolated"))]


def word(slot: type) -> str:
    """What a piece of this slot is called: "surrogate" for Surrogate."""
    return slot.__name__.lower()


def join(path: str, name) -> str:
    return f"{path}.{name}" if path else str(name)


def unknown(path: str, name: str, known) -> UserError:
    """There is no such field: with the nearest one."""
    where = f"{path} has no field" if path else "a run has no field"
    return UserError(f"{join(path, name)} is unknown: {where} {name!r}; {near_miss(name, known)}")


def default(field: Field) -> Any:
    """The field's default, or MISSING."""
    return field.default_factory() if field.default_factory is not MISSING else field.default
