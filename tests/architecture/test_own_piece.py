"""What ARCHITECTURE.md, README.md and the other documents show of pieces of one's own is run as it stands there."""

import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import rfpo
from rfpo.cli import main
from rfpo.reporting.store import RunStore
from rfpo.tasks.column_addition import ColumnAddition

ROOT = Path(rfpo.__file__).parent.parent
SHORT = ["--steps", "1", "--set", "evaluation.prompts=0", "--set", "prompts_per_step=4"]
EVERY = {name: (ROOT / name).read_text(encoding="utf-8")
         for name in ("README.md", "ARCHITECTURE.md", "docs/data.md", "docs/recipes.md")}


def block(document: str, start: str) -> str:
    """The fenced Python block that begins with `start`."""
    found = [text for text in re.findall(r"^```python\n(.*?)^```", EVERY[document], re.S | re.M) if text.startswith(start)]
    assert len(found) == 1, f"{document} has {len(found)} blocks that begin with {start}"
    return found[0]


def lines(document: str, *words: str) -> list[list[str]]:
    """The arguments of the document's command lines that hold all these words."""
    found = [shlex.split(line)[1:] for line in EVERY[document].splitlines()
             if line.startswith("rfpo ") and all(word in line for word in words)]
    assert found, f"{document} has no command with {words}"
    return found


def new_files(diff: str) -> dict[str, str]:
    """Path and text of every file that a diff adds."""
    parts = re.split(r"^--- /dev/null\n\+\+\+ b/(.+)\n@@ .+ @@\n", diff, flags=re.M)[1:]
    return {path: "".join(f"{line[1:]}\n" for line in body.splitlines())
            for path, body in zip(parts[::2], parts[1::2], strict=True)}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to run commands in; modules imported from it are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("my_"):
            del sys.modules[name]


@pytest.fixture
def sums(here):
    """data.jsonl: exercises of the shipped student, as a user would write them."""
    prompts = ColumnAddition(size=64, evaluation_size=8).training_prompts()
    rows = [f'{{"prompt": "{prompt.text}", "answer": "{prompt.solution}"}}\n' for prompt in prompts]
    (here / "data.jsonl").write_text("".join(rows))


def test_the_new_surrogate_is_covered_at_birth_and_trains(tmp_path):
    house = tmp_path / "house"
    for folder in ("rfpo", "tests"):
        shutil.copytree(ROOT / folder, house / folder, ignore=shutil.ignore_patterns("__pycache__", "spell_backward"))
    shutil.copy(ROOT / "pyproject.toml", house)
    (diff,) = re.findall(r"^```diff\n(.*?)^```", EVERY["ARCHITECTURE.md"], re.S | re.M)
    assert len(new_files(diff)) == 2
    for path, text in new_files(diff).items():
        (house / path).write_text(text)

    def python(*arguments: str) -> str:
        done = subprocess.run([sys.executable, "-m", *arguments], cwd=house, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    said = python("pytest", "-p", "no:cacheprovider", "tests/contract", "tests/objective/test_soft_gate.py", "-k", "soft_gate")
    assert int(re.search(r"(\d+) passed", said).group(1)) >= 16
    for number, arguments in enumerate(lines("ARCHITECTURE.md", "soft_gate")):
        python("rfpo", *arguments, *SHORT, "--out", f"runs/{number}")
        assert 'kind = "soft_gate"' in (house / f"runs/{number}/run.toml").read_text()


def test_an_operator_of_ones_own(here, capsys):
    (here / "my_pieces.py").write_text(block("ARCHITECTURE.md", "# my_pieces.py"))
    checked, trained = lines("ARCHITECTURE.md", "my_pieces:Resample")
    assert main(checked) == 0
    assert "CORRECTION prompt of my_pieces:Resample" in capsys.readouterr().out
    assert main([*trained, *SHORT, "--out", "run"]) == 0
    assert 'kind = "my_pieces:Resample"' in (here / "run/run.toml").read_text()
    step = RunStore.open(here / "run").metrics()[-1]
    assert step["tries"] > 0 and step["try_success"] == 0
    assert "0 of " in capsys.readouterr().err


def test_a_verifier_of_ones_own_says_where_the_error_is(sums, here):
    (here / "my_verifier.py").write_text(block("docs/data.md", "# my_verifier.py"))
    (checked,) = lines("docs/data.md", "my_verifier:verify")
    arguments = ["column_addition" if word == "./my-model" else word for word in checked]
    assert main(arguments) == 0
    assert main(["train", *arguments[1:], "--set", "fixing.operator.templates=student", *SHORT, "--out", "run"]) == 0
    tries = RunStore.open(here / "run").rollouts(origin="corrected")
    assert tries and all(row["located"] and row["error_end"] == row["error_start"] + 1 for row in tries)


def test_a_recipe_of_ones_own(sums, here, capsys):
    (here / "my_recipes.py").write_text(block("docs/recipes.md", "# my_recipes.py"))
    (checked,) = lines("docs/recipes.md", "my_recipes:beside")
    assert main(["column_addition" if word == "./my-model" else word for word in checked]) == 0
    assert "CORRECTION prompt" in capsys.readouterr().out


def test_the_example_in_python(here):
    (here / "example.py").write_text(block("README.md", "from dataclasses import replace"))
    runpy.run_path(str(here / "example.py"))
    assert RunStore.open(here / "runs/from_python").metrics()[-1]["corrected_rows"] > 0
