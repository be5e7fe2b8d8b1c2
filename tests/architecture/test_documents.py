"""The documents name only what exists: dotted names, paths, commands, recipes."""

import importlib
import re
from pathlib import Path

import pytest

import rfpo

ROOT = Path(rfpo.__file__).parent.parent
DOCUMENTS = [path for path in (ROOT / "README.md", ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md",
                               *sorted((ROOT / "docs").glob("**/*.md"))) if path.exists()]
DOTTED = re.compile(r"\brfpo(?:\.[A-Za-z_]\w*)+")
QUOTED = re.compile(r"`([^`\n]+)`")
COMMAND = re.compile(r"(?:^|[`\s$(])rfpo ((?!is\b)[a-z][a-z-]*)(?= |`|$|\n|\))", re.M)
PATH = re.compile(r"^(?:rfpo|tests|docs|examples|scripts)/[\w./\-]*$")
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


def commands() -> set[str]:
    folder = ROOT / "rfpo" / "commands"
    return {path.stem for path in folder.glob("*.py") if path.stem[0] != "_"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_dotted_names_exist(path):
    names = set(DOTTED.findall(path.read_text(encoding="utf-8")))
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


@pytest.mark.parametrize(("text", "finder", "wrong"), [
    ("see rfpo.objective.surrogate.clip.Clip and rfpo.objective.surrogate.nothing", DOTTED, "rfpo.objective.surrogate.nothing"),
    ("run `rfpo train grpo` or `rfpo fly`", COMMAND, "fly"),
])
def test_the_finders_find(text, finder, wrong):
    assert wrong in finder.findall(text)
    assert exists("rfpo.objective.surrogate.clip.Clip.high") and not exists("rfpo.objective.surrogate.nothing")
