"""The documents name only what exists (dotted names, paths, commands, recipes), and all that a reader looks up in them."""

import importlib
import re
import shlex
import shutil
from pathlib import Path

import pytest

import rfpo
from rfpo.cli import parser
from rfpo.commands._making import run_from
from rfpo.correction._templates import SETS
from rfpo.recipes import recipe_names
from rfpo.reporting import ROLLOUT_COLUMNS
from rfpo.tasks._extract import NAMES
from rfpo.training.state import LoopState
from rfpo.training.step import totals

ROOT = Path(rfpo.__file__).parent.parent
DOCUMENTS = [path for path in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md",
                               *sorted((ROOT / "docs").glob("**/*.md"))) if path.exists()]
DOTTED = re.compile(r"\brfpo(?:\.[A-Za-z_]\w*)+")
QUOTED = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"(?:^|[`\s$(])rfpo ((?!is\b|import\b)[a-z][a-z-]*)(?= |`|$|\n|\))", re.M)
PATH = re.compile(r"^(?:rfpo|tests|docs|examples|scripts)/[\w./\-]*$")
ADDED = re.compile(r"^\+\+\+ b/([\w/.]+)$", re.M)  # a file that a diff in the document adds
HOLLOW = ("<", ">", "*", "{", "…", "...", "$")  # a pattern, not a name


def exists(dotted: str) -> bool:
    """An importable module, or an attribute reached from one."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            found = getattr(found, name, None) or getattr(found, "__dataclass_fields__", {}).get(name)
        return found is not None
    return False


def code(text: str) -> str:
    """Only what stands in backticks or in fenced blocks."""
    fenced = re.findall(r"```[a-z]*\n(.*?)```", text, re.S)
    return "\n".join(fenced + [f"`{quoted}`" for quoted in QUOTED.findall(re.sub(r"```.*?```", "", text, flags=re.S))])


def shown_as_diff(text: str) -> set[str]:
    """The dotted names of the modules that the document's own diffs add."""
    return {path.removesuffix(".py").replace("/", ".") for path in ADDED.findall(text)}


def command_lines(path: Path) -> list[str]:
    """The lines `rfpo ...` of the fenced blocks that are not of another language, without redirection."""
    blocks = re.findall(r"^```\n(.*?)^```", path.read_text(encoding="utf-8"), re.S | re.M)
    return [line.partition(" > ")[0] for block in blocks for line in block.splitlines() if line.startswith("rfpo ")]


def commands() -> set[str]:
    folder = ROOT / "rfpo" / "commands"
    return {path.stem for path in folder.glob("*.py") if path.stem[0] != "_"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_dotted_names_exist(path):
    names = set(DOTTED.findall(path.read_text(encoding="utf-8"))) - shown_as_diff(path.read_text(encoding="utf-8"))
    files = {name for name in names if name.rpartition(".")[2] in ("md", "py", "toml", "json", "html")}
    assert sorted(name for name in names - files if not exists(name)) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_paths_exist(path):
    quoted = QUOTED.findall(path.read_text(encoding="utf-8"))
    paths = [q for q in quoted if PATH.match(q) and not any(mark in q for mark in HOLLOW)]
    assert sorted(p for p in paths if not (ROOT / p).exists()) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert sorted(link for link in local if not (path.parent / link).exists()) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_commands_exist(path):
    if not commands():
        pytest.skip("there are no commands yet")
    named = set(COMMAND.findall(code(path.read_text(encoding="utf-8"))))
    assert sorted(named - commands()) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_make_targets_exist(path):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8") if (ROOT / "Makefile").exists() else ""
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", code(path.read_text(encoding="utf-8"))))
    assert sorted(name for name in named if not re.search(rf"^{name}:", makefile, re.M)) == []


@pytest.mark.parametrize("line", [pytest.param(line, id=line) for path in DOCUMENTS for line in command_lines(path)
                                  if "my_" not in line and "soft_gate" not in line])
def test_commands_are_accepted(line, tmp_path, monkeypatch):
    """Their arguments parse and make a run that nothing refuses; those with a piece of one's own are run in test_own_piece."""
    shutil.copytree(SETS / "prose", tmp_path / "my-words")
    monkeypatch.chdir(tmp_path)
    given = parser().parse_args(shlex.split(line, comments=True)[1:])
    if getattr(given, "recipe", None):
        run_from(given)


@pytest.mark.parametrize(("document", "words"), [
    ("docs/recipes.md", recipe_names()),
    ("docs/run_directory.md", [*ROLLOUT_COLUMNS.names, *totals(LoopState())]),
    ("docs/data.md", NAMES),
    ("docs/templates.md", sorted({path.name for path in SETS.glob("*/*.txt")})),
])
def test_all_that_a_reader_looks_up_is_there(document, words):
    quoted = set(QUOTED.findall((ROOT / document).read_text(encoding="utf-8")))
    assert [word for word in words if word not in quoted] == []


@pytest.mark.parametrize(("text", "finder", "wrong"), [
    ("see rfpo.objective.surrogate.clip.Clip and rfpo.objective.surrogate.nothing", DOTTED, "rfpo.objective.surrogate.nothing"),
    ("run `rfpo train grpo` or `rfpo fly`", COMMAND, "fly"),
])
def test_the_finders_find(text, finder, wrong):
    assert wrong in finder.findall(text)
    assert exists("rfpo.objective.surrogate.clip.Clip.high") and not exists("rfpo.objective.surrogate.nothing")
