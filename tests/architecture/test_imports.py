"""Who may import whom, and what an import brings in."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import rfpo

ROOT = Path(rfpo.__file__).parent
GROUND = {"errors", "checks", "pieces", "schedule"}
EARLY = GROUND | {"records"}
MATHS = EARLY | {"batch", "objective"}
BELOW_CONFIG = MATHS | {"rewards", "diagnosis", "correction", "allocation", "tasks", "engines", "verification", "students",
                         "critics"}
MAY_IMPORT = {
    **dict.fromkeys(GROUND, GROUND), "records": EARLY, "batch": EARLY, "objective": EARLY | {"batch"},
    **dict.fromkeys(("rewards", "diagnosis", "correction", "allocation", "tasks"), EARLY),
    "verification": EARLY | {"tasks"}, "engines": MATHS, "critics": MATHS | {"engines", "students"},
    "students": MATHS | {"tasks", "engines", "correction"},
    "config": BELOW_CONFIG, "reporting": BELOW_CONFIG | {"config"},
    "training": BELOW_CONFIG | {"config", "reporting"},
    "recipes": BELOW_CONFIG | {"config", "reporting", "training"},
    "study": BELOW_CONFIG | {"config", "reporting", "training", "recipes"},
}
FREE = {"cli", "commands", "demo", "integrations", "__main__", "__init__"}  # the top of the house


def imports(path: Path) -> list[tuple[int, str]]:
    """(line, dotted name) of everything that a file imports, inside functions too."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def room(name: str) -> str:
    return (name.split(".") + [""])[1]


def files(*rooms: str) -> list[Path]:
    return [path for path in sorted(ROOT.rglob("*.py")) if not rooms or path.relative_to(ROOT).parts[0] in rooms]


def may(own: str, name: str) -> bool:
    """Whether a file in the room `own` may import this dotted name."""
    if not name.startswith("rfpo.") or own in FREE:
        return True
    return room(name) in MAY_IMPORT[own] | {own, "__version__"}


def test_rooms_import_downwards_only():
    own = {path: path.relative_to(ROOT).with_suffix("").parts[0] for path in files()}
    assert set(own.values()) <= set(MAY_IMPORT) | FREE, "a new room needs its place in MAY_IMPORT"
    assert [f"{path.relative_to(ROOT)}:{line} imports {name}" for path in files() for line, name in imports(path)
            if not may(own[path], name)] == []


@pytest.mark.parametrize(("own", "name", "allowed"), [
    ("objective", "rfpo.batch.Batch", True), ("batch", "rfpo.objective.Objective", False),
    ("correction", "rfpo.diagnosis.Diagnosis", False), ("engines", "rfpo.correction.Operator", False),
    ("engines", "rfpo.config.Run", False), ("records", "torch", True), ("config", "rfpo.training.train", False),
    ("cli", "rfpo.recipes.grpo", True), ("pieces", "rfpo.records.Sample", False),
])
def test_the_order_of_rooms(own, name, allowed):
    assert may(own, name) is allowed


def test_no_relative_imports():
    relative = [path for path in files() for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                if isinstance(node, ast.ImportFrom) and node.level]
    assert relative == []


def test_only_their_engines_import_vllm_and_ray():
    wrong = [f"{path.relative_to(ROOT)}:{line}" for path in files() for line, name in imports(path)
             if name.split(".")[0] in ("vllm", "ray") and path.relative_to(ROOT).parts[:2] != ("engines", name.split(".")[0])]
    assert wrong == []


def loaded_by(statement: str, after: str = "") -> set[str]:
    """Modules that the statement loads in a fresh interpreter, beyond those that `after` loads."""
    code = (f"import sys, json\n{after}\nbefore = set(sys.modules)\n{statement}\n"
            "print(json.dumps(sorted(set(sys.modules) - before)))")
    return set(json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout))


def test_the_maths_bring_in_torch_and_nothing_else():
    every_piece = "\n".join(f"import {'.'.join(('rfpo', *path.relative_to(ROOT).with_suffix('').parts))}"
                            for path in files("objective") if path.stem != "__init__")
    foreign = {name for name in loaded_by(every_piece, after="import torch")
               if name.split(".")[0] not in sys.stdlib_module_names | {"rfpo"}}
    assert foreign == set()
    inside = {room(name) for name in loaded_by(every_piece, after="import torch") if name.startswith("rfpo.")}
    assert inside <= MATHS


@pytest.mark.parametrize("name", ["records", "tasks", "verification", "rewards", "diagnosis", "correction", "allocation"])
def test_imports_without_torch(name):
    if not (ROOT / name).exists():
        pytest.skip(f"there is no rfpo/{name} yet")
    modules = loaded_by("\n".join(f"import {'.'.join(('rfpo', *path.relative_to(ROOT).with_suffix('').parts))}"
                                  for path in files(name) if path.stem not in ("__init__", "__main__", "worker")) or "pass")
    assert not modules & {"torch", "transformers"}


def test_importing_the_package_loads_nothing_of_weight():
    assert not loaded_by("import rfpo") & {"torch", "transformers", "numpy", "rich"}
