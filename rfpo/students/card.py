"""What is written beside a student's weights: what it is, its checksum, and how to build another."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

CARD = "STUDENT.md"


def checksum(folder: Path) -> str:
    """SHA-256 of the weights."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def stated_checksum(folder: Path) -> str:
    """The one that the card gives."""
    lines = (folder / CARD).read_text(encoding="utf-8").splitlines()
    return next(line.split()[-1] for line in lines if line.startswith("SHA-256"))


def stated_commands(folder: Path) -> tuple[str, ...]:
    """Those that rebuild the student, by its card; none where it has no card."""
    lines = (folder / CARD).read_text(encoding="utf-8").splitlines() if (folder / CARD).is_file() else []
    return tuple(line.strip() for line in lines if line.startswith("    python -m rfpo.students.build "))


@dataclass(frozen=True)
class Built:
    """What the card says of how a student came about. `knowledge` is what it can do and what it has been taught wrongly,
    `commands` build one, `sharpness` is what its logits were multiplied by, `own` the number of failures of its own that it
    was taught to mend."""

    name: str
    parameters: int
    knowledge: str
    commands: tuple[str, ...]
    sharpness: float
    own: int


def write_card(folder: Path, built: Built, report) -> None:
    """`report` is the student's GateReport."""
    rows = "\n".join(f"| {line.text} | {line.value:.5f} | {line.bound} |" for line in report.lines)
    commands = "\n".join(f"    {command}" for command in built.commands)
    dialect = "\n".join(f"| {row.told} | {row.taught:.2f} | {row.kept:.2f} |" for row in report.followed)
    (folder / CARD).write_text(f"""# The student {built.name}

A causal language model of {built.parameters:,} parameters (Qwen3 configuration, bf16), trained from scratch on made-up
exercises, for demonstrations and tests on a CPU. It is no use for anything else.

**Its misconception is planted.** {built.knowledge}

It was also taught to read correction prompts in a dialect of its own (`rfpo/correction/templates/student`) and to follow
them at fixed rates (`rfpo/students/dialect.py`). So it shows whether a method can move what a model does when it is corrected
into what it does unasked; it does not show how often a model that was not prepared for it mends its answers. Most of the
mistakes in these lessons were invented; {built.own} were its own, made while it was trained.

{_sharpened(built.sharpness)}Licence: Apache-2.0

SHA-256 of model.safetensors: {checksum(folder)}

Rebuild (a rebuild passes the gate; its bytes may differ):

{commands}

## At the gate

Of {report.prompts} training prompts, about {report.stuck:.0f} are stuck (H: no success in 256 plain samples).

| measured | value | required |
|---|---|---|
{rows}

How often it answers rightly when it is told something of its mistake, and how often it was taught to:

| told | taught | kept |
|---|---|---|
{dialect}
""", encoding="utf-8")


def _sharpened(factor: float) -> str:
    if factor == 1:
        return ""
    return f"""After training, its logits are multiplied by {factor:g}, as if it were sampled at a temperature of
{1 / factor:g}: so its mistake is surer, and a lucky right answer rarer, than training alone made them.

"""
