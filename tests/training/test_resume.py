"""A run that was killed, at whatever moment, and resumed is the run that was never stopped: bit for bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rfpo.cli import main
from rfpo.reporting.diff import diff
from rfpo.reporting.store import RunStore
from rfpo.training import checkpoint
from tests.training.build import STUDENT, at_call, files, sets

PLAIN = ("rfpo_outer", "--steps", "5", *sets(seed=3, group_size=4, prompts_per_step=4, fixing__operator__templates="student",
                                       optimizer__learning_rate=1e-3, optimizer__warmup_steps=3, optimizer__decay="cosine",
                                       evaluation__every=2))
DYNAMIC = ("rfpo_dapo", "--steps", "5", *sets(group_size=4, prompts_per_step=2, fixing__operator__templates="student",
                                              objective__weights__0__gamma=1.0,
                                              optimizer__learning_rate=2e-4, epochs=2, updates_per_step=2,
                                              dynamic_sampling__max_rounds=2, evaluation__prompts=0))
LOOKS_BACK = ("rfpo_outer", "--steps", "6", *sets(tasks__0__size=8, group_size=4, prompts_per_step=4, evaluation__prompts=0,
                                            optimizer__learning_rate=1e-4, fixing__keep=2, fixing__diagnosis="stalled",
                                            fixing__help__solved_at=0.9, fixing__operator=(
    '{kind="chain", operators=["stored_success", {kind="fix_located", templates="student"}]}')))
RUNS = {"plain": PLAIN, "dynamic": DYNAMIC, "looks_back": LOOKS_BACK}

UPDATE, SAMPLE = "rfpo.engines.local:LocalEngine.update", "rfpo.engines.local:LocalEngine.sample"
FSYNC, CHECKSUMS = "rfpo.training.checkpoint:_fsync", "rfpo.training.checkpoint:_checksums"
RENAMED, LINE = "rfpo.training.checkpoint:complete", "rfpo.reporting.store:_line"

SHOT = {  # the process is killed before the n-th call, and has then left its last line of metrics, and checkpoints
    "in a step after a checkpoint": ("dynamic", "rfpo.training.step:_account", 4, 3, ["step-000002"]),
    "while a checkpoint is flushed": ("plain", FSYNC, 16, 4, ["step-000002", "step-000004.tmp"]),
    "after a checkpoint was renamed": ("dynamic", RENAMED, 2, 4, ["step-000002", "step-000004"]),
}
STOPPED = {
    "before the first step": ("plain", SAMPLE, 2, 0, []),
    "before the first checkpoint": ("plain", UPDATE, 2, 1, []),
    "between rollouts and corrections": ("plain", "rfpo.correction.fix:Talks.begin", 4, 2, ["step-000002"]),
    "after half of a checkpoint's files": ("dynamic", "rfpo.training.state:LoopState.save", 2, 4,
                                           ["step-000002", "step-000004.tmp"]),
    "before a checkpoint's checksums": ("plain", CHECKSUMS, 2, 4, ["step-000002", "step-000004.tmp"]),
    "between a step's rollouts and its metrics": ("dynamic", LINE, 9, 3, ["step-000002"]),
    "between a step's metrics and its timings": ("plain", LINE, 12, 5, ["step-000002", "step-000004"]),
    "between a prompt's first and second visit": ("looks_back", SAMPLE, 4, 3, ["step-000002"]),
    "before a kept answer comes back": ("looks_back", SAMPLE, 6, 5, ["step-000002", "step-000004"]),
}


class Killed(BaseException):
    """Stands for a kill: nothing in rfpo catches it."""


def command(kind: str, out: Path) -> list[str]:
    recipe, *rest = RUNS[kind]
    return ["train", recipe, *STUDENT, *rest, "--out", str(out)]


@pytest.fixture(autouse=True, scope="module")
def no_report():
    """Its curves take longer than a run."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("rfpo.training.train.report", lambda directory: directory / "report.html")
        yield


@pytest.fixture(autouse=True, scope="module")
def processes(tmp_path_factory):
    """Those that will be killed, with their run directories; started at once."""
    folder = tmp_path_factory.mktemp("shot")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    started = {moment: (folder / moment, subprocess.Popen(
        [sys.executable, "-m", "tests.training.killed", target, str(number), *command(kind, folder / moment)],
        env=environment, stderr=subprocess.PIPE, text=True)) for moment, (kind, target, number, *_) in SHOT.items()}
    yield started
    for _, process in started.values():
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The runs that nobody stops."""
    folder = tmp_path_factory.mktemp("whole")
    for kind in RUNS:
        assert main(command(kind, folder / kind)) == 0
    return folder


def stop(monkeypatch, kind: str, target: str, number: int, argv: list[str]) -> None:
    def act():
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(*at_call(target, number, act))
        main(argv)


def left(run: Path) -> tuple[int, list[str]]:
    """The last step in metrics.jsonl, and what stands among the checkpoints."""
    return RunStore.open(run).metrics()[-1]["step"], sorted(path.name for path in (run / "checkpoints").glob("*"))


def resume(out: Path) -> None:
    assert main(["train", "--resume", str(out)]) == 0


def assert_same(first: Path, second: Path) -> None:
    assert diff(first, second) == []
    assert (first / "metrics.jsonl").read_bytes() == (second / "metrics.jsonl").read_bytes()
    assert files(first / "checkpoints") == files(second / "checkpoints")


def test_the_runs_do_what_a_resumed_run_could_get_wrong(whole):
    """Corrections, discarded rounds, several updates: or the comparison below would compare nothing."""
    plain, dynamic = (RunStore.open(whole / kind) for kind in ("plain", "dynamic"))
    for store in (plain, dynamic):
        last = store.metrics()[-1]
        assert len(store.metrics()) == 6 and last["updates"] >= 4 and last["correction_tokens"] > 0
        assert any(row["log_r_off"] for step in range(3, 6) for row in store.rollouts(step, origin="corrected"))
    assert any(row["rounds"] > 1 for row in dynamic.metrics()[1:])
    assert dynamic.metrics()[-1]["updates"] > 8


def test_the_run_that_looks_back_has_something_to_see(whole):
    """Nothing is helped at the first visits, the streak is, and what was right then is given at the third ones."""
    store = RunStore.open(whole / "looks_back")
    tries = [row["tries"] for row in store.metrics()[1:]]
    assert tries[:2] == [0, 0] and tries[2] and tries[3]
    assert not any(store.rollouts(step, origin="replayed") for step in range(1, 5))
    assert any(store.rollouts(step, origin="replayed") for step in (5, 6))


@pytest.mark.parametrize("moment", SHOT)
def test_killed(moment, whole, processes):
    kind, _, _, *leaves = SHOT[moment]
    run, process = processes[moment]
    error = process.communicate(timeout=300)[1]
    assert process.returncode == -signal.SIGKILL, error
    assert left(run) == tuple(leaves)
    resume(run)
    assert_same(whole / kind, run)


@pytest.mark.parametrize("moment", STOPPED)
def test_stopped(moment, whole, tmp_path, monkeypatch):
    kind, target, number, *leaves = STOPPED[moment]
    stop(monkeypatch, kind, target, number, command(kind, tmp_path / "run"))
    assert left(tmp_path / "run") == tuple(leaves)
    resume(tmp_path / "run")
    assert_same(whole / kind, tmp_path / "run")


def test_a_line_that_was_torn(whole, tmp_path, monkeypatch):
    run = tmp_path / "run"
    stop(monkeypatch, "plain", UPDATE, 5, command("plain", run))
    for name in ("metrics.jsonl", "timings.jsonl"):
        text = (run / name).read_text()
        (run / name).write_text(text + text.splitlines()[-1][:-9])
    (run / "rollouts" / "step-000005.parquet.tmp").write_bytes(b"PAR1")
    resume(run)
    assert_same(whole / "plain", run)


def test_killed_again_while_it_goes_on(whole, tmp_path, monkeypatch):
    run = tmp_path / "run"
    stop(monkeypatch, "plain", UPDATE, 3, command("plain", run))
    stop(monkeypatch, "plain", FSYNC, 4, ["train", "--resume", str(run)])
    assert checkpoint.newest(run / "checkpoints").name == "step-000002"
    resume(run)
    assert_same(whole / "plain", run)


def test_a_run_that_had_ended_stays_as_it_is(whole):
    before = files(whole / "plain")
    resume(whole / "plain")
    assert files(whole / "plain") == before
