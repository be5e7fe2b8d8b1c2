"""The folder is the registry: a piece's name is its file's name in the room of its slot.

`find("rfpo.objective.surrogate", "clip")` is the one public dataclass of rfpo/objective/surrogate/clip.py. A user's own
piece is named by a dotted path, "my_package.my_module:MyPiece". Files that begin with an underscore are helpers.
Standard library only; listing reads docstrings without importing anything.
"""

import ast
import importlib
import os
import re
import sys
from dataclasses import is_dataclass
from importlib.util import find_spec
from pathlib import Path

from rfpo.errors import UserError, near_miss


def names(room: str) -> list[str]:
    """The pieces of a room, without importing them."""
    return sorted(path.stem for path in _folder(room).glob("*.py") if not path.stem.startswith("_"))


def find(room: str, kind: str) -> type:
    """The class of a piece. Raises UserError for a name that is neither in the room nor an importable dotted path."""
    if ":" in kind:
        return _own(kind)
    if kind not in names(room):
        raise UserError(f"there is no {room.rsplit('.', 1)[1]} named {kind!r}; {near_miss(kind, names(room))} "
                        f"A piece of your own is named module:Class.")
    return _public_dataclass(importlib.import_module(f"{room}.{kind}"))


def kind_of(piece) -> str:
    """The name under which `find` gives the piece's class back."""
    cls = piece if isinstance(piece, type) else type(piece)
    if cls.__module__.startswith("rfpo."):
        return cls.__module__.rsplit(".", 1)[1]
    return f"{cls.__module__}:{cls.__qualname__}"


def summary(room: str, kind: str) -> str:
    """First sentence of the piece's docstring, read from the file."""
    tree = ast.parse((_folder(room) / f"{kind}.py").read_text(encoding="utf-8"))
    for node in tree.body:
        piece = isinstance(node, ast.ClassDef) and not node.name.startswith("_") and any(map(_dataclass, node.decorator_list))
        if piece and ast.get_docstring(node):
            return first_sentence(ast.get_docstring(node))
    return first_sentence(ast.get_docstring(tree) or "")


def first_sentence(text: str) -> str:
    """On one line: up to the full stop that ends it, or to the end of its paragraph."""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=[^.\s]\.) (?=[A-Z`])", paragraph)[0]


def _dataclass(decorator) -> bool:
    return getattr(getattr(decorator, "func", decorator), "id", "") == "dataclass"


def _folder(room: str) -> Path:
    return Path(find_spec(room).submodule_search_locations[0])


def _public_dataclass(module) -> type:
    found = [value for name, value in vars(module).items()
             if isinstance(value, type) and is_dataclass(value) and value.__module__ == module.__name__ and name[0] != "_"]
    if len(found) != 1:
        raise UserError(f"{module.__name__} holds {len(found)} public dataclasses; a piece's file holds exactly one.")
    return found[0]


def _own(kind: str) -> type:
    module_name, _, name = kind.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # whatever the user's module raises while it is imported is the user's to mend
        absent = isinstance(error, ModuleNotFoundError) and module_name.startswith(error.name or module_name)
        mend = "Put the module's folder on PYTHONPATH or run from it." if absent else f"Mend {module_name}."
        raise UserError(f"{kind!r} cannot be imported: {type(error).__name__}: {error}. {mend}") from error
    if not hasattr(module, name):
        raise UserError(f"{module_name} has no {name!r}; {near_miss(name, [n for n in vars(module) if n[0] != '_'])}")
    return getattr(module, name)
