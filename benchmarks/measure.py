"""What the measurements have in common: their options, their spreads, and how they are shown and kept."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from benchmarks.work import Work, write_model
from rfpo.engines.local.loading import quiet


def spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": median(values), "lowest": min(values), "highest": max(values)}


def ranged(values: dict[str, float], form: str = ".2f") -> str:
    return f"{values['median']:{form}} ({values['lowest']:{form}} - {values['highest']:{form}})"


def arguments(text: str, file: str, repeats: int) -> argparse.ArgumentParser:
    """A parser with what the measurements have in common; `text` is its help."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=repeats, help="measured turns (default %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("runs/bench") / file, help="default %(default)s")
    return parser


def show(*tables: Table) -> None:
    """On a terminal as wide as it is; wide in a file."""
    console = Console()
    console = console if console.is_terminal else Console(width=160)
    for shown in tables:
        console.print(shown)


def write(path: Path, record) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(f"written to {path}")


def save(work: Work, folder: Path) -> Path:
    """write_model, without a progress bar."""
    with quiet():
        write_model(work, folder)
    return folder
