"""Tiny runs of the shipped student, and a bench with scripted answers."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from rfpo import students

STUDENT = ("--model", str(students.path("column_addition")), "--tasks", "column_addition", "--set", "tasks.0.size=32",
           "--set", "tasks.0.evaluation_size=4", "--set", "model.device=cpu", "--set", "checkpoint_every=2", "--set",
           "evaluation.samples=1")


def sets(**changes) -> list[str]:
    """`--set path=value` for each; a dot in a path is written as two underscores."""
    return [word for path, value in changes.items() for word in ("--set", f"{path.replace('__', '.')}={value}")]


def at_call(target: str, number: int, act: Callable[[], None]) -> tuple[object, str, Callable]:
    """Where `target` ("module:name" or "module:Class.name") lives, and a stand-in that acts before its call `number`,
    counted from 1, and otherwise does what the original does."""
    module, _, path = target.partition(":")
    *owners, name = path.split(".")
    owner = import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    original, calls = getattr(owner, name), iter(range(1, 1_000_000))

    def stand_in(*args, **kwargs):
        if next(calls) == number:
            act()
        return original(*args, **kwargs)

    return owner, name, stand_in


def files(directory: Path) -> dict[str, bytes]:
    """Every file below a directory, with its bytes."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
