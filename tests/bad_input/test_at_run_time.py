"""What goes wrong only while a run is on its way: it is counted and shown, and too much of it stops the run in a state from
which it can be resumed."""

import sys

import pytest
import torch

from rfpo.cli import main
from rfpo.engines.local import LocalEngine, learning
from rfpo.reporting.store import RunStore
from rfpo.training import checkpoint
from tests.bad_input.files import SUMS, write
from tests.tiny_models import save_tiny_model
from tests.training.build import sets

VERIFIERS = """
import time

def raises(completion, answer, row):
    if completion[:1] in "0123456789abcdef":
        raise KeyError("no such row")
    return len(completion) % 2 == 0

def nonsense(completion, answer, row):
    return "yes" if completion[:1] in "0123456789abcdef" else len(completion) % 2 == 0

def hangs(completion, answer, row):
    if row["prompt"] == "1+1=":
        time.sleep(60)
    return len(completion) % 2 == 0

def broken(completion, answer, row):
    raise RuntimeError("the sandbox is down")
"""
REASONS = {"raises": "KeyError", "nonsense": "ValueError", "hangs": "took longer than 0.2 s"}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A model, data and verifiers in the current folder."""
    save_tiny_model(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("rfpo.training.train.report", lambda directory: directory / "report.html")
    write("data.jsonl", *SUMS)
    (tmp_path / "verifiers.py").write_text(VERIFIERS)
    yield tmp_path
    sys.modules.pop("verifiers", None)


def train(*changes: str, verifier: str = "exact", name: str = "grpo") -> list[str]:
    return ["train", name, "--model", "model", "--tasks", "data.jsonl", "--max-tokens", "8", "--out", "run", "--steps", "3",
            *sets(model__device="cpu", group_size=4, prompts_per_step=4, tasks__0__verifier=verifier, evaluation__prompts=0,
                  optimizer__learning_rate=1e-3), *changes]


@pytest.mark.parametrize("verifier", REASONS)
def test_a_verifier_that_fails_now_and_then_leaves_answers_ungraded(verifier, capsys):
    code = main(train(*sets(verifier_seconds=0.2, max_ungraded_share=0.9), verifier=f"verifiers:{verifier}"))
    err = capsys.readouterr().err
    store = RunStore.open("run")
    rows = store.rollouts()
    ungraded = [row for row in rows if row["outcome"] == "ungraded"]
    assert code == 0 and len(rows) == 48 and 0 < len(ungraded) < 48
    assert f"{len(ungraded)} answers could not be judged: " in err.splitlines()[-1]
    assert REASONS[verifier] in err.splitlines()[-1]
    assert all(row["reward"] is None and not row["trained"] for row in ungraded)
    shares = [metrics["ungraded_share"] for metrics in store.metrics()[1:]]
    assert shares == [sum(row["step"] == step for row in ungraded) / 16 for step in (1, 2, 3)]


def test_a_verifier_that_fails_most_of_the_time_stops_the_run_with_its_reason(capsys, folder):
    assert main(train(verifier="verifiers:broken")) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "rfpo: step 1: 100% of the answers could not be judged, more than max_ungraded_share=0.5: RuntimeError (16). Mend the "
        "verifier. The state is saved in run/checkpoints/step-000001; `rfpo train --resume run` goes on.")
    (folder / "verifiers.py").write_text(VERIFIERS.replace('raise RuntimeError("the sandbox is down")', "return True"))
    assert main(["train", "--resume", "run"]) == 0
    metrics = RunStore.open("run").metrics()
    assert [line["step"] for line in metrics] == [0, 1, 2, 3]
    assert [line["ungraded_share"] for line in metrics[1:]] == [1.0, 0.0, 0.0]


@pytest.fixture
def losses(monkeypatch):
    """Factors of the losses to come: the loss of an update is multiplied by the next of them, by 1 when there is none."""
    factors: list[float] = []

    def accumulate(streams, network, forward, budget):
        tally = original(streams, network, forward, budget)
        factor = factors.pop(0) if factors else 1.0
        tally.loss *= factor
        for parameter in network.parameters():
            if parameter.grad is not None:
                parameter.grad *= factor
        return tally

    original = learning.accumulate
    monkeypatch.setattr(learning, "accumulate", accumulate)
    return factors


HALF, NAN = "verifiers:half", float("nan")


@pytest.fixture
def half(folder):
    """A verifier that finds about half of the answers right, of those that end, so that every step trains."""
    (folder / "verifiers.py").write_text("def half(completion, answer, row):\n    return sum(map(ord, completion)) % 2 == 0\n")


def test_an_update_that_is_not_finite_is_skipped_and_counted(losses, half, monkeypatch):
    weights = []
    original = LocalEngine.update

    def update(engine, streams, rate):
        report = original(engine, streams, rate)
        weights.append(torch.cat([parameter.detach().flatten().clone() for parameter in engine.network.parameters()]))
        return report

    monkeypatch.setattr(LocalEngine, "update", update)
    losses += [1.0, NAN, 1.0]
    assert main(train("--max-tokens", "32", verifier=HALF)) == 0
    metrics = RunStore.open("run").metrics()
    assert [line["nan_updates"] for line in metrics[1:]] == [0, 1, 0]
    assert (metrics[-1]["updates"], metrics[-1]["skipped_updates"]) == (2, 1)
    assert metrics[2]["loss"] is None and metrics[2]["step_trained_rows"] == 0
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[1], weights[2])
    assert torch.isfinite(weights[2]).all()


def test_too_many_of_them_in_a_row_stop_the_run_and_it_can_be_resumed(losses, half, capsys):
    losses += [NAN, 1.0, NAN, float("inf")]
    command = train("--steps", "5", "--max-tokens", "32", *sets(max_bad_updates=2), verifier=HALF)
    assert main(command) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "rfpo: step 4: the last 2 updates had a loss or gradient that is not finite, which is max_bad_updates; they were "
        "skipped. Lower optimizer.learning_rate. The state is saved in run/checkpoints/step-000004; `rfpo train --resume run` "
        "goes on.")
    assert checkpoint.newest(RunStore.open("run").checkpoints).name == "step-000004"
    assert main(["train", "--resume", "run"]) == 0
    metrics = RunStore.open("run").metrics()
    assert (metrics[-1]["step"], metrics[-1]["updates"], metrics[-1]["skipped_updates"]) == (5, 2, 3)
