"""A task from one word of the command line."""

import os

from rfpo.errors import UserError, near_miss
from rfpo.pieces import find, names
from rfpo.tasks import Task
from rfpo.tasks._rows import HUB, SUFFIXES

ROOM = "rfpo.tasks"
NEED_AN_ARGUMENT = ("data", "reasoning_gym")


def task_from_text(text: str) -> Task:
    """`column_addition` is a task of the room with its default fields, `reasoning_gym:spell_backward` a data set of
    reasoning_gym, `data.jsonl`, `data.parquet` or `hub:owner/name` the user's data, `module:Class` a task of one's own.
    Raises UserError with the nearest name."""
    kind, _, rest = text.partition(":")
    if text.startswith(HUB):
        return find(ROOM, "data")(path=text)
    if text.endswith(SUFFIXES):
        return find(ROOM, "data")(path=os.path.abspath(text))  # a run may be resumed from another folder
    if kind == "reasoning_gym":
        if not rest:
            raise UserError("the task 'reasoning_gym' needs a data set. Write reasoning_gym:spell_backward.")
        return find(ROOM, kind)(dataset=rest)
    known = [name for name in names(ROOM) if name not in NEED_AN_ARGUMENT]
    if text in known or (rest and "." not in rest and "/" not in text):
        return find(ROOM, text)()
    raise UserError(f"there is no task {text!r}; {near_miss(text, [*known, 'reasoning_gym:NAME'])} Data of your own is a path "
                    f"that ends in .jsonl or .parquet, or hub:owner/name.")
