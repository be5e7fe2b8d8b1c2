"""Verifiers that hang, die and lie: each costs its own completion and no other."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from typing import ClassVar

import pytest

from rfpo.errors import UserError
from rfpo.pieces import find
from rfpo.records import Location, Outcome, Prompt, Verdict
from rfpo.tasks.data import Data
from rfpo.tasks.state_machine import StateMachine
from rfpo.verification import Verifier

NASTY = '''
import ctypes, os, re, signal, subprocess, sys, threading, time

def verify(completion, answer, row):
    if completion == "loop":
        while True: pass
    if completion == "sleep": time.sleep(60)
    if completion == "regex": re.match(r"(a+)+$", "a" * 60 + "b")
    if completion == "exit": os._exit(3)
    if completion == "sys.exit": sys.exit("enough")
    if completion == "segfault": ctypes.string_at(0)
    if completion == "kill": os.kill(os.getpid(), signal.SIGSEGV)
    if completion == "raise": raise KeyError("no such thing")
    if completion == "memory": bytearray(10 ** 12)
    if completion == "banana": return "banana"
    if completion == "nan": return float("nan")
    if completion == "two": return 2
    if completion == "none": return None
    if completion == "keys": return {"solved": True, "colour": "red"}
    if completion == "print":
        print("noise"); os.write(1, b"{}\\n"); os.write(2, b"noise\\n"); os.system("echo noise")
    if completion == "read": return sys.stdin.read() == ""
    if completion == "later": threading.Timer(0.05, os._exit, (7,)).start()
    if completion == "child":
        with open("child.pid", "w") as file: file.write(str(subprocess.Popen(["sleep", "60"]).pid))
        time.sleep(60)
    if completion == "torch": return "torch" not in sys.modules
    if completion == "pid": return {"score": 0, "feedback": str(os.getpid())}
    if completion == "half": return 0.5
    if completion == "place": return {"solved": False, "error": "sign", "location": {"step": 1, "start": 2, "end": 3}}
    if completion == "row": return row["n"] == 5 and answer == "7"
    return True
'''


@pytest.fixture
def nasty(tmp_path, monkeypatch):
    """A user's verifier, found from the current folder."""
    (tmp_path / "nasty.py").write_text(NASTY)
    monkeypatch.chdir(tmp_path)
    return Data("data.jsonl", verifier="nasty:verify")


def items(task, *texts):
    return [(Prompt(f"p{n}", "q", task.name, "7", {"row": {"n": 5}}), text) for n, text in enumerate(texts)]


@pytest.mark.parametrize("text, reason", [
    ("loop", "took longer than 0.8 s"),
    ("sleep", "took longer than 0.8 s"),
    ("regex", "took longer than 0.8 s"),
    ("exit", "its process ended with exit code 3"),
    ("segfault", "its process was ended by SIGSEGV"),
    ("kill", "its process was ended by SIGSEGV"),
    ("sys.exit", "SystemExit: enough"),
    ("raise", "KeyError: 'no such thing'"),
    ("memory", "MemoryError"),
    ("banana", "ValueError: the verifier returned 'banana'"),
    ("nan", "ValueError: the verifier returned nan"),
    ("two", "ValueError: the verifier returned 2"),
    ("none", "ValueError: the verifier returned None"),
    ("keys", "ValueError: the verifier returned a dict with the keys ['solved', 'colour']"),
])
def test_a_nasty_verifier_costs_its_own_completion_only(nasty, text, reason):
    with Verifier((nasty,), seconds=0.8) as verifier:
        before, bad, after, last = verifier.judge(items(nasty, "fine", text, "fine", "half"))
    assert bad.outcome is Outcome.UNGRADED and bad.feedback.startswith(reason)
    assert [before.outcome, after.outcome, last.outcome] == [Outcome.SOLVED, Outcome.SOLVED, Outcome.WRONG]
    assert verifier.judged == 4 and verifier.ungraded == {reason.partition(":")[0]: 1}


def test_noise_and_what_a_user_may_return(nasty):
    texts = ("print", "read", "torch", "half", "place", "row")
    with Verifier((nasty,), seconds=5.0, workers=1) as verifier:
        printed, read, torchless, half, place, row = verifier.judge(items(nasty, *texts))
    assert all(verdict.outcome is Outcome.SOLVED for verdict in (printed, read, torchless, row))
    assert half == Verdict.wrong(score=0.5)
    assert place == Verdict.wrong(error="sign", location=Location(1, 2, 3))
    assert not verifier.ungraded


def test_a_worker_that_dies_while_idle_costs_nothing(nasty):
    with Verifier((nasty,), seconds=5.0, workers=1) as verifier:
        first = verifier.judge(items(nasty, "later"))
        verifier._running[0]._process.wait(timeout=10)
        second = verifier.judge(items(nasty, "fine"))
    assert first[0].outcome is second[0].outcome is Outcome.SOLVED


def test_verdicts_come_in_the_order_of_the_items_from_both_workers(nasty):
    texts = ["pid", "half"] * 10
    with Verifier((nasty,), seconds=5.0, workers=2) as verifier:
        verdicts = verifier.judge(items(nasty, *texts))
    assert [verdict.score for verdict in verdicts] == [0.0, 0.5] * 10
    assert all(verdict.feedback.isdigit() == (text == "pid") for verdict, text in zip(verdicts, texts, strict=True))


def test_a_long_completion_crosses_the_pipe_in_both_directions(tmp_path, monkeypatch):
    (tmp_path / "echo.py").write_text("def verify(completion, answer, row):\n    return {'score': 0, 'feedback': completion}\n")
    monkeypatch.chdir(tmp_path)
    task, text = Data("data.jsonl", verifier="echo:verify"), "é\n\ud800" * 200_000
    with Verifier((task,), seconds=30.0) as verifier:
        assert verifier.judge(items(task, text))[0].feedback == text


def test_what_isolation_needs_is_refused_before_the_first_item(nasty, tmp_path):
    with pytest.raises(UserError, match="two tasks are named 'data.jsonl'"):
        Verifier((nasty, Data("elsewhere/data.jsonl")))
    with pytest.raises(UserError, match="0 seconds and 2 workers"):
        Verifier((nasty,), seconds=0)
    (tmp_path / "broken.py").write_text("raise SystemExit('do not import me')\n")
    for name, part in (("broken:verify", "do not import me"), ("nowhere:verify", "No module named"),
                       ("nasty:verifi", "did you mean 'verify'?")):
        task = Data("data.jsonl", verifier=name)
        with Verifier((task,)) as verifier, pytest.raises(UserError, match=part.replace("?", r"\?")):
            verifier.judge(items(task, "fine"))


def test_a_short_verifier_of_ours_is_judged_in_this_process():
    task = StateMachine(size=2, evaluation_size=1)
    prompt = task.training_prompts()[0]
    with Verifier((task,)) as verifier:
        right, wrong = verifier.judge([(prompt, prompt.solution), (prompt, "")])
        assert not verifier._running
    assert right.outcome is Outcome.SOLVED and wrong.outcome is Outcome.WRONG


OWN_TASK = '''
from dataclasses import dataclass
from typing import ClassVar
from rfpo.records import Verdict

@dataclass(frozen=True)
class Own:
    word: object = "yes"
    name: str = "own"
    isolated: ClassVar[bool] = True

    def verify(self, prompt, text):
        return Verdict.solved(text) if text == self.word else Verdict.wrong(text)
'''


def test_a_task_of_the_users_own_is_rebuilt_with_its_fields(tmp_path, monkeypatch):
    (tmp_path / "own_task.py").write_text(OWN_TASK)
    monkeypatch.syspath_prepend(tmp_path)
    own_class = find("rfpo.tasks", "own_task:Own")
    with Verifier((own_class("no"),)) as verifier:
        right, wrong = verifier.judge([(Prompt("p", "q", "own"), text) for text in ("no", "yes")])
    assert right == Verdict.solved("no") and wrong.outcome is Outcome.WRONG
    with pytest.raises(UserError, match="'own_task:Own' has a field that is not plain JSON"):
        Verifier((own_class({1, 2}),))
    monkeypatch.setattr(own_class, "__module__", "__main__")
    with pytest.raises(UserError, match="Move its class to a module of its own"):
        Verifier((own_class(),))


@dataclass(frozen=True)
class Raising:
    """A task of a user's own in this very process."""

    value: object = None
    name: str = "raising"
    isolated: ClassVar[bool] = False

    def verify(self, prompt, text):
        if text == "raise":
            raise ZeroDivisionError("oh")
        return self.value


def test_in_this_process_too_an_exception_and_nonsense_are_ungraded():
    with Verifier((Raising("banana"),)) as verifier:
        raised, nonsense = verifier.judge([(Prompt("p", "q", "raising"), text) for text in ("raise", "")])
    assert raised == Verdict.ungraded("ZeroDivisionError: oh")
    assert nonsense.feedback.startswith("ValueError: the verifier returned 'banana' in place of a Verdict")


SCRIPT = '''
import sys
from rfpo.records import Prompt
from rfpo.tasks.data import Data
from rfpo.verification import Verifier

task = Data("data.jsonl", verifier="nasty:verify")
verifier = Verifier((task,), seconds=float(sys.argv[1]), workers=1)
prompt = Prompt("p", "q", task.name, "7", {"row": {}})
print(verifier.judge([(prompt, "pid")])[0].feedback, flush=True)
for text in sys.argv[2:]:
    verifier.judge([(prompt, text)])
'''


def run_script(folder, *arguments):
    (folder / "script.py").write_text(textwrap.dedent(SCRIPT))
    return subprocess.Popen([sys.executable, "script.py", *arguments], cwd=folder, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True)


def wait_until_gone(pid):
    """A process that stays makes the test fail after ten seconds."""
    for _ in range(200):
        try:
            with open(f"/proc/{pid}/stat") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":  # ended, and nobody has asked how
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} is still there")


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="reads /proc")
@pytest.mark.parametrize("number", [None, signal.SIGINT, signal.SIGKILL])
def test_a_script_without_a_guard_leaves_no_orphan_however_it_ends(nasty, tmp_path, number):
    hang = ("60", "loop") if number is signal.SIGINT else ("0.3", "fine")
    if number is signal.SIGKILL:
        hang = ("0.8", "loop", "loop", "loop", "loop", "loop")
    process = run_script(tmp_path, *hang)
    worker = int(process.stdout.readline())
    if number is not None:
        process.send_signal(number)
    process.wait(timeout=20)
    process.stdout.close()
    wait_until_gone(worker)


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="reads /proc")
def test_what_a_hanging_verifier_started_is_ended_with_it(nasty, tmp_path):
    with Verifier((nasty,), seconds=0.8, workers=1) as verifier:
        assert verifier.judge(items(nasty, "child"))[0].outcome is Outcome.UNGRADED
        wait_until_gone(int((tmp_path / "child.pid").read_text()))
