"""One verdict, whatever the verifier does short of hanging or ending its process."""

import traceback

from rfpo.records import Prompt, Verdict
from rfpo.tasks import Task
from rfpo.verification.wire import verdict_to_json

LONGEST = 300


def judge_one(task: Task, prompt: Prompt, text: str) -> Verdict:
    """The task's verdict. What the verifier raises, sys.exit() and a value that is no verdict make the answer UNGRADED; an
    interrupt from the keyboard goes through."""
    try:
        verdict = task.verify(prompt, text)
        verdict_to_json(verdict)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # math-verify's time-out and SystemExit are no Exceptions
        return Verdict.ungraded(describe(error))
    return verdict


def describe(error: BaseException) -> str:
    """Type and message in one line, of an error whose own str() may be broken."""
    return " ".join("".join(traceback.format_exception_only(error)).split())[:LONGEST]
