"""What crosses the pipe between the trainer and a worker: tasks, prompts and verdicts as plain JSON."""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from rfpo.errors import UserError
from rfpo.pieces import find, kind_of
from rfpo.records import Location, Message, Outcome, Prompt, Verdict
from rfpo.tasks import Task

ROOM = "rfpo.tasks"


def task_to_json(task: Task) -> dict:
    """The class by name and the fields by value. Raises UserError for a task that a process of its own cannot rebuild."""
    kind = kind_of(task)
    if kind.startswith("__main__:"):
        raise UserError(f"the task {kind!r} is written in the script that is being run, where a worker process cannot find "
                        f"it. Move its class to a module of its own.")
    if not is_dataclass(task):
        raise UserError(f"the task {kind!r} is no dataclass, so a worker process cannot rebuild it. Make it a dataclass.")
    values = {field.name: getattr(task, field.name) for field in fields(task)}
    try:
        json.dumps(values)
    except (TypeError, ValueError) as error:
        raise UserError(f"the task {kind!r} has a field that is not plain JSON ({error}), so a worker process cannot rebuild "
                        f"it. Use numbers, texts, lists and dicts.") from error
    return {"kind": kind, "fields": values}


def task_from_json(value: Mapping) -> Task:
    return find(ROOM, value["kind"])(**value["fields"])


def prompt_to_json(prompt: Prompt) -> dict:
    content = prompt.content if isinstance(prompt.content, str) else [[turn.role, turn.content] for turn in prompt.content]
    return {"id": prompt.id, "content": content, "task": prompt.task, "solution": prompt.solution, "data": dict(prompt.data)}


def prompt_from_json(value: Mapping) -> Prompt:
    content = value["content"]
    content = content if isinstance(content, str) else tuple(Message(role, text) for role, text in content)
    return Prompt(value["id"], content, value["task"], value["solution"], value["data"])


def verdict_to_json(verdict: Verdict) -> dict:
    """Raises ValueError for what is no verdict, or holds a field that is not what the record says."""
    if not isinstance(verdict, Verdict):
        raise ValueError(f"the verifier returned {verdict!r:.60} in place of a Verdict")
    score, place = verdict.score, verdict.location
    words = [verdict.feedback, verdict.error] + ([] if verdict.answer is None else [verdict.answer])
    if not (isinstance(verdict.outcome, Outcome) and isinstance(score, (int, float)) and math.isfinite(score)
            and all(isinstance(word, str) for word in words) and (place is None or isinstance(place, Location))):
        raise ValueError(f"the verifier returned a Verdict with a field of the wrong kind: {verdict!r:.200}")
    return {"outcome": verdict.outcome.value, "score": score, "answer": verdict.answer, "feedback": verdict.feedback,
            "error": verdict.error, "location": place and [place.step, place.start, place.end, place.description]}


def verdict_from_json(value: Mapping) -> Verdict:
    place = value["location"]
    return Verdict(Outcome(value["outcome"]), value["score"], value["answer"], value["feedback"], value["error"],
                   place and Location(*place))
