"""What is written beside a student's weights: what it is, its checksum, and how to build another."""

import hashlib
from pathlib import Path

CARD = "STUDENT.md"


def checksum(folder: Path) -> str:
    """SHA-256 of the weights."""
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def stated_checksum(folder: Path) -> str:
    """The one that the card gives."""
    lines = (folder / CARD).read_text(encoding="utf-8").splitlines()
    return next(line.split()[-1] for line in lines if line.startswith("SHA-256"))


def write_card(folder: Path, name: str, parameters: int, knowledge: str, command: str, report,
               sharpness: float) -> None:
    """`knowledge` says what the student can do and what it has been taught wrongly; `report` is its GateReport."""
    rows = "\n".join(f"| {line.text} | {line.value:.5f} | {line.bound} |" for line in report.lines)
    dialect = "\n".join(f"| {row.told} | {row.taught:.2f} | {row.kept:.2f} |" for row in report.followed)
    (folder / CARD).write_text(f"""# The student {name}

A causal language model of {parameters:,} parameters (Qwen3 configuration, fp32), trained from scratch on made-up exercises,
for demonstrations and tests on a CPU. It is no use for anything else.

**Its misconception is planted.** {knowledge}

It was also taught to read correction prompts in a dialect of its own (`rfpo/correction/templates/student`) and to follow
them at fixed rates (`rfpo/students/dialect.py`). So it shows whether a method can move what a model does when it is corrected
into what it does unasked; it does not show how often a model that was not prepared for it mends its answers.

After training, its logits are multiplied by {sharpness:g}, as if it were sampled at a temperature of {1 / sharpness:g}: so its
mistake is surer, and a lucky right answer rarer, than training alone made them.

Licence: Apache-2.0

SHA-256 of model.safetensors: {checksum(folder)}

Rebuild (a rebuild passes the gate; its bytes may differ):

    {command}

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
