import sys
from pathlib import Path

import pytest

import rfpo.objective.surrogate
from rfpo.errors import UserError
from rfpo.pieces import find, kind_of, names, summary

ROOM = "rfpo.objective.surrogate"


@pytest.fixture
def room(tmp_path, monkeypatch):
    """A room of one's own, with a helper and a file that holds two pieces."""
    folder = tmp_path / "my_house" / "my_room"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("")
    (folder / "__init__.py").write_text("")
    (folder / "_helper.py").write_text("")
    (folder / "good.py").write_text(
        "from dataclasses import dataclass\nfrom rfpo.errors import UserError\n\n"
        "@dataclass(frozen=True)\nclass _Inner:\n    '''Not this one.'''\n\n"
        "@dataclass(frozen=True)\nclass Good:\n    '''First line.\n\n    Second.'''\n    x: int = 1\n")
    (folder / "double.py").write_text(
        "from dataclasses import dataclass\n\n@dataclass\nclass A: pass\n\n@dataclass\nclass B: pass\n")
    (folder / "broken.py").write_text("raise RuntimeError('half written')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "my_house.my_room"
    for name in [name for name in sys.modules if name.split(".")[0] == "my_house"]:
        del sys.modules[name]


def refused(kind: str, room: str = ROOM) -> str:
    with pytest.raises(UserError) as caught:
        find(room, kind)
    return str(caught.value)


def test_the_folder_is_the_registry():
    folder = Path(rfpo.objective.surrogate.__file__).parent
    assert names(ROOM) == sorted(p.stem for p in folder.glob("*.py") if p.stem[0] != "_")
    assert "clip" in names(ROOM)


def test_names_and_summaries_import_nothing(room):
    assert names(room) == ["broken", "double", "good"]
    assert summary(room, "good") == "First line."
    assert "my_house.my_room.good" not in sys.modules


@pytest.mark.parametrize("kind", names(ROOM))
def test_a_piece_is_found_by_its_name_and_gives_it_back(kind):
    cls = find(ROOM, kind)
    assert cls.__module__ == f"{ROOM}.{kind}" and kind_of(cls) == kind


def test_a_new_file_is_a_new_piece(room):
    assert find(room, "good")().x == 1


def test_an_unknown_name_is_met_with_the_nearest():
    assert refused("clipp").startswith("there is no surrogate named 'clipp'; did you mean 'clip'?")
    assert "module:Class" in refused("clipp")


def test_a_file_with_two_pieces_is_refused(room):
    with pytest.raises(UserError, match="holds 2 public dataclasses"):
        find(room, "double")


def test_a_helper_is_not_a_piece(room):
    assert refused("_helper", room).startswith("there is no my_room named '_helper'")


def test_a_dotted_path_brings_ones_own(room):
    cls = find(ROOM, "my_house.my_room.good:Good")
    assert cls.__name__ == "Good" and kind_of(cls()) == "my_house.my_room.good:Good" and find(ROOM, kind_of(cls)) is cls


@pytest.mark.parametrize(("kind", "said"), [
    ("no_such_module:Thing", "cannot be imported: ModuleNotFoundError"),
    ("my_house.my_room.broken:Thing", "RuntimeError: half written"),
    ("my_house.my_room.good:Goood", "did you mean 'Good'?")])
def test_a_dotted_path_that_leads_nowhere_is_one_line(room, kind, said):
    line = refused(kind)
    assert said in line and "\n" not in line
