"""The worker process: one JSON line in, one out; the end of the input ends it.

The first line brings the tasks and is answered with {"ready": true} or {"failed": why}. Every other line is one prompt and
one completion, answered with a verdict. Nothing here imports torch.
"""

import contextlib
import json
import os
import resource
import signal

from rfpo.errors import UserError
from rfpo.verification.judge_one import describe, judge_one
from rfpo.verification.wire import prompt_from_json, task_from_json, verdict_to_json


def main() -> None:
    requests, replies = _keep_the_pipes()

    def reply(value: dict) -> None:
        replies.write(json.dumps(value) + "\n")
        replies.flush()

    hello = json.loads(requests.readline())
    try:
        _limit_memory(hello["memory_gib"])
        tasks = _build(hello)
    except UserError as error:
        reply({"failed": str(error)})
        return
    except BaseException as error:  # a user's module may raise anything, SystemExit included, while it is imported
        reply({"failed": describe(error)})
        return
    _silence(2)
    reply({"ready": True})
    for line in requests:
        item = json.loads(line)
        # Should the trainer die while a verifier hangs, nobody is left to kill this process: the kernel does it then.
        signal.setitimer(signal.ITIMER_REAL, hello["seconds"] + 1)
        verdict = judge_one(tasks[item["prompt"]["task"]], prompt_from_json(item["prompt"]), item["text"])
        signal.setitimer(signal.ITIMER_REAL, 0)
        reply(verdict_to_json(verdict))
    os._exit(0)  # a thread that a verifier left behind must not keep the process


def _keep_the_pipes():
    """Take the pipes for ourselves: a verifier that prints or reads gets an empty device instead."""
    requests, replies = os.fdopen(os.dup(0), "r", encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    _silence(0)
    _silence(1)
    return requests, replies


def _silence(descriptor: int) -> None:
    device = os.open(os.devnull, os.O_RDWR)
    os.dup2(device, descriptor)
    os.close(device)


def _limit_memory(gib: float | None) -> None:
    if gib is not None:
        with contextlib.suppress(ValueError, OSError):  # a system that does not know this limit goes without
            # Data, not address space: libraries reserve far more addresses than they ever write to.
            resource.setrlimit(resource.RLIMIT_DATA, (int(gib * 2**30), resource.RLIM_INFINITY))


def _build(hello: dict) -> dict:
    tasks = {name: task_from_json(value) for name, value in hello["tasks"].items()}
    for task in tasks.values():
        if hasattr(task, "warm_up"):
            task.warm_up()
    return tasks
