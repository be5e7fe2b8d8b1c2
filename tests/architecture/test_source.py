"""Rules that hold for every file of the library."""

import ast
import re
from pathlib import Path

import pytest

import rfpo

ROOT = Path(rfpo.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def places(kind, holds) -> list[str]:
    """file:line of the nodes of a kind for which `holds`."""
    return [f"{path.relative_to(ROOT)}:{node.lineno}" for path, tree in TREES.items() for node in ast.walk(tree)
            if isinstance(node, kind) and holds(node)]


def test_no_file_is_longer_than_400_lines():
    assert [path.name for path in FILES if len(path.read_text(encoding="utf-8").splitlines()) > 400] == []


def test_nothing_is_left_undone():
    words = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    assert [f"{path.relative_to(ROOT)}:{i}" for path in FILES
            for i, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if words.search(line)] == []


def test_no_exception_is_swallowed():
    """A handler that only passes, or that catches everything without a name for it and says nothing."""
    def silent(handler):
        return all(isinstance(node, ast.Pass) for node in handler.body)

    assert places(ast.ExceptHandler, silent) == []
    assert places(ast.ExceptHandler, lambda handler: handler.type is None) == []


def test_nothing_is_unpickled():
    def loads_code(call):
        name = ast.unparse(call.func)
        if name == "torch.load":
            return not any(k.arg == "weights_only" and getattr(k.value, "value", None) is True for k in call.keywords)
        return name in ("pickle.load", "pickle.loads", "dill.loads", "cloudpickle.loads", "eval", "exec")

    assert places(ast.Call, loads_code) == []


def test_no_mutable_default_and_no_print_in_the_maths():
    assert places(ast.FunctionDef, lambda f: any(isinstance(d, ast.List | ast.Dict | ast.Set) for d in f.args.defaults)) == []
    maths = [place for place in places(ast.Call, lambda call: ast.unparse(call.func) == "print")
             if place.split("/")[0] in ("records", "batch", "objective")]
    assert maths == []


@pytest.mark.parametrize("room", ["records", "batch", "objective"])
def test_everything_public_has_a_docstring(room):
    bare = []
    for path, tree in TREES.items():
        if path.relative_to(ROOT).parts[0] != room:
            continue
        assert ast.get_docstring(tree), f"{path} has no docstring"
        for node in tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name[0] != "_" and not ast.get_docstring(node):
                bare.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert bare == []


def test_every_piece_of_the_objective_is_one_frozen_dataclass():
    for path, tree in TREES.items():
        inside = path.relative_to(ROOT).parts
        if inside[0] != "objective" or len(inside) != 3 or path.stem.startswith("_"):
            continue
        public = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
        assert len(public) == 1, f"{path} holds {len(public)} public classes"
        assert [ast.unparse(d) for d in public[0].decorator_list] in (
            ["dataclass(frozen=True)"], ["dataclass(frozen=True, kw_only=True)"]), path
