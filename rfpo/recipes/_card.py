"""A recipe's card: what it is, where it comes from, its place in the space of methods, and what it needs."""

import re
from dataclasses import fields

from rfpo.config.run import Run
from rfpo.pieces import kind_of
from rfpo.recipes import describe, recipe

REWARD = ("progress", "help_discount", "leak_penalty", "bonus", "discount")
"""What a merge makes of a correction's reward."""


def card(name: str) -> dict:
    """Plain values, for `rfpo recipes --json`."""
    run, text = recipe(name), describe(name)
    paper, census = re.search(r"arXiv (\d{4}\.\d{4,5})", text), re.search(r"census row (\d+)", text)
    return {"name": name, "corrects": run.fixing is not None, "summary": text.split("\n")[0],
            "paper": paper.group(1) if paper else None, "census_row": int(census.group(1)) if census else None,
            "unverified": "UNVERIFIED" in text, "place": place(run), "needs": needs(run)}


def place(run: Run) -> dict:
    """Where the method stands: trigger, operator, merge, reward, conditioning, weight, and what else is trained."""
    fixing, objective = run.fixing, run.objective
    held = [*objective.weights, *(getattr(piece, "weight", None) for piece in (objective.ratio, objective.surrogate))]
    where = dict.fromkeys(("trigger", "operator", "merge", "beside", "conditioning", "trained", "baseline", "reward", "help"))
    if fixing:
        merge, beside = fixing.merge, getattr(fixing.merge, "beside", None)
        where = {"trigger": kind_of(fixing.diagnosis), "operator": kind_of(fixing.operator), "merge": kind_of(merge),
                 "beside": kind_of(beside) if beside else None,
                 **{name: getattr(merge, name, None) for name in ("conditioning", "trained", "baseline")},
                 "reward": {f.name: getattr(merge, f.name) for f in fields(merge)
                            if f.name in REWARD and getattr(merge, f.name) != f.default},
                 "help": f"{fixing.help.after:g}-{fixing.help.until:g}, fading {fixing.help.fading}"}
    return where | {"advantage": kind_of(objective.advantage), "ratio": kind_of(objective.ratio),
                    "surrogate": kind_of(objective.surrogate), "weights": [kind_of(weight) for weight in held if weight],
                    "streams": {name: kind_of(stream.pairs or stream.objective.surrogate)
                                for name, stream in sorted(run.streams.items())}}


def needs(run: Run) -> list[str]:
    """What must be there besides a model and prompts: reference answers ("solution"), worked solutions ("worked"), another
    model ("critic"), a frozen copy of the policy ("reference")."""
    losses = [run.objective, *(stream.loss for stream in run.streams.values())]
    reads = set(run.fixing.operator.reads) - {"offsets", "stored"} if run.fixing else set()
    return sorted(reads | ({"reference"} if any("reference" in loss.needs for loss in losses) else set()))
