"""The students: tiny language models for the CPU demo and the tests, each with a planted misconception.

`path("column_addition")` is a directory that transformers' `from_pretrained` loads. Standard library only.
"""

from pathlib import Path

from rfpo.errors import UserError, near_miss

SHIPPED = Path(__file__).parent / "shipped"


def names() -> list[str]:
    """The students shipped with the package; each is named after the task it has learnt."""
    return sorted(folder.name for folder in SHIPPED.iterdir() if (folder / "model.safetensors").is_file())


def path(name: str) -> Path:
    """The model directory of a shipped student. Raises UserError for a name that is not shipped."""
    if name not in names():
        raise UserError(f"there is no student named {name!r}; {near_miss(name, names())}")
    return SHIPPED / name


def resolve(name: str) -> str:
    """The directory of a shipped student, when `name` is one and no directory here is called so; else `name` unchanged."""
    return str(path(name)) if not Path(name).is_dir() and name in names() else name
