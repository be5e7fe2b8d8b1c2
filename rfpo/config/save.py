"""A Run to plain tables and TOML: fully resolved, so that a later change of a default does not change an old run."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path

import tomli_w

from rfpo.config.run import Run
from rfpo.config.shape import default, field_hints, is_mapping, is_tuple, item_hint, options, value_hint
from rfpo.pieces import kind_of


def save(run: Run, path: Path | str) -> Path:
    """Write the resolved run as TOML. Returns the path."""
    Path(path).write_text(to_toml(run), encoding="utf-8")
    return Path(path)


def to_toml(run: Run) -> str:
    return tomli_w.dumps(to_plain(run))


def to_plain(run: Run) -> dict:
    """The run as dictionaries, lists, texts and numbers; `from_plain` gives the equal run back.

    TOML has no null: a field that is None is left out where None is its default, and is "none" elsewhere.
    """
    return plain(Run, run)


def plain(hint, value):
    """The plain form of a value that stands in a field with this hint."""
    members = options(hint)[1]
    if is_dataclass(value):
        table = {} if type(value) in members else {"kind": kind_of(value)}
        return table | named(value)
    if isinstance(value, tuple):
        own = next((member for member in members if is_tuple(member)), tuple)
        return [plain(item_hint(own, i), item) for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        own = next((member for member in members if is_mapping(member)), dict)
        return {name: plain(value_hint(own), item) for name, item in value.items()}
    return value


def named(record) -> dict:
    """The fields of a record by name."""
    hints, table = field_hints(type(record)), {}
    for field in fields(record):
        if not field.init:
            continue
        value = getattr(record, field.name)
        if value is not None:
            table[field.name] = plain(hints[field.name], value)
        elif default(field) is not None:
            table[field.name] = "none"
    return table
