"""Checkpoints are whole or absent, survive a full disk, and load with transformers alone."""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from rfpo.cli import main
from rfpo.errors import UserError
from rfpo.reporting.diff import diff
from rfpo.reporting.store import RunStore
from rfpo.training import checkpoint
from tests.bad_input.files import SUMS, write
from tests.tiny_models import save_tiny_model
from tests.training.build import at_call, files, sets


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    monkeypatch.setattr("rfpo.training.train.report", lambda directory: directory / "report.html")


def fill(text: str = "weights"):
    def write_files(path: Path) -> None:
        (path / "trainer").mkdir()
        (path / "model.safetensors").write_text(text)
        (path / "trainer" / "loop.json").write_text("{}")

    return write_files


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*"))


def test_the_newest_are_kept(tmp_path):
    for step in (2, 4, 100, 1000):
        written = checkpoint.write(tmp_path, step, fill(str(step)), keep=2)
    assert names(tmp_path) == ["step-000100", "step-001000"] and written == checkpoint.newest(tmp_path)
    assert (written / "model.safetensors").read_text() == "1000"


def test_a_checkpoint_that_is_written_again_replaces_itself(tmp_path):
    for text in ("old", "new"):
        checkpoint.write(tmp_path, 2, fill(text), keep=2)
    assert names(tmp_path) == ["step-000002"] and (tmp_path / "step-000002" / "model.safetensors").read_text() == "new"


@pytest.mark.parametrize("damage", [
    lambda path: path.write_bytes(b"wEights"), lambda path: path.write_bytes(b"weight"), lambda path: path.unlink(),
    lambda path: (path.parent / "trainer" / "loop.json").write_text("[]"), lambda path: (path.parent / "more").write_text("")])
def test_a_checkpoint_that_has_changed_is_passed_over(tmp_path, damage):
    for step in (2, 4):
        checkpoint.write(tmp_path, step, fill(), keep=5)
    damage(tmp_path / "step-000004" / "model.safetensors")
    assert checkpoint.newest(tmp_path).name == "step-000002"


@pytest.mark.parametrize("text", ["", "{", "[]"])
def test_a_checkpoint_whose_checksums_are_broken_is_passed_over(tmp_path, text):
    for step in (2, 4):
        checkpoint.write(tmp_path, step, fill(), keep=5)
    (tmp_path / "step-000004" / checkpoint.MANIFEST).write_text(text)
    assert checkpoint.newest(tmp_path).name == "step-000002"


def test_one_that_is_unfinished_does_not_count_and_is_cleared(tmp_path):
    checkpoint.write(tmp_path, 2, fill(), keep=5)
    for name in ("step-000004.tmp", "step-000006"):  # killed while it was filled; a folder without checksums
        (tmp_path / name).mkdir()
        fill()(tmp_path / name)
    assert checkpoint.newest(tmp_path).name == "step-000002"
    checkpoint.clear_unfinished(tmp_path)
    assert names(tmp_path) == ["step-000002", "step-000006"]
    assert checkpoint.newest(tmp_path / "nowhere") is None


def test_a_full_disk_leaves_the_older_ones_alone(tmp_path):
    def full(path: Path) -> None:
        fill()(path)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    directory = tmp_path / "checkpoints"
    with pytest.raises(UserError, match="could not be written: .*No space left on device; there is no earlier checkpoint"):
        checkpoint.write(directory, 2, full, keep=1)
    checkpoint.write(directory, 2, fill(), keep=1)
    before = files(directory)
    with pytest.raises(UserError) as refused:
        checkpoint.write(directory, 4, full, keep=1)
    assert str(refused.value) == (
        f"checkpoint {directory}/step-000004 could not be written: [Errno 28] No space left on device; the checkpoint of "
        f"step-000002 is whole. Free some space, then `rfpo train --resume {tmp_path}`.")
    assert files(directory) == before and names(directory) == ["step-000002"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A tiny Qwen3, a tiny Llama and data in the current folder."""
    for architecture in ("qwen3", "llama"):
        save_tiny_model(tmp_path / architecture, architecture)
    monkeypatch.chdir(tmp_path)
    write("data.jsonl", *SUMS)
    return tmp_path


def train(out: str, *changes: str, model: str = "qwen3") -> list[str]:
    """Half of the group is right, by a verifier of one's own: every step trains."""
    return ["train", "rfpo_dapo", "--model", model, "--tasks", "data.jsonl", "--max-tokens", "24", "--steps", "3", "--out", out,
            *sets(model__device="cpu", group_size=4, prompts_per_step=3, checkpoint_every=1, keep_checkpoints=3,
                  optimizer__learning_rate=1e-2, evaluation__prompts=0, fixing__operator__templates="student",
                  tasks__0__verifier="tests.training.even:even", verifier_seconds=60),
            *changes]


@pytest.mark.parametrize("full", ["rfpo.engines.local.storing:save_file", "rfpo.training.state:LoopState.save"])
def test_a_run_whose_disk_is_full_says_so_and_goes_on_when_there_is_room(full, folder, monkeypatch, capsys):
    def raise_full():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert main(train("whole")) == 0
    with monkeypatch.context() as patched:
        patched.setattr(*at_call(full, 2, raise_full))
        assert main(train("run")) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "rfpo: checkpoint run/checkpoints/step-000002 could not be written: [Errno 28] No space left on device; the checkpoint "
        "of step-000001 is whole. Free some space, then `rfpo train --resume run`.")
    assert names(Path("run/checkpoints")) == ["step-000001"]
    AutoModelForCausalLM.from_pretrained("run/checkpoints/step-000001")
    assert main(["train", "--resume", "run"]) == 0
    assert diff(Path("whole"), Path("run")) == []
    assert files(Path("whole/checkpoints")) == files(Path("run/checkpoints"))


def test_a_disk_that_is_full_while_a_step_is_recorded(folder, monkeypatch, capsys):
    def raise_full():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    assert main(train("whole")) == 0
    with monkeypatch.context() as patched:
        patched.setattr(*at_call("rfpo.reporting.store:pq.write_table", 2, raise_full))
        assert main(train("run")) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        "rfpo: step 2 could not be written to run: [Errno 28] No space left on device. Free some space, then `rfpo train "
        "--resume run`.")
    assert main(["train", "--resume", "run"]) == 0
    assert diff(Path("whole"), Path("run")) == []


def test_a_file_that_the_system_refuses_to_let_grow(folder):
    """The limit on a file's size stands for a full disk: the library that writes the weights meets a real error."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))

    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-m", "rfpo", *train("run")], env=environment, preexec_fn=limit, capture_output=True,
                          text=True, timeout=120)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("rfpo: checkpoint run/checkpoints/step-000001 could not be written: ") and last.endswith(
        "there is no earlier checkpoint. Free some space, then `rfpo train --resume run`.")
    assert names(Path("run/checkpoints")) == []
    assert main(["train", "--resume", "run"]) == 0
    assert main(train("whole")) == 0
    assert diff(Path("whole"), Path("run")) == []


def test_a_damaged_checkpoint_is_passed_over_and_named(folder, capsys):
    assert main(train("run")) == 0
    before = files(Path("run"))
    file = Path("run/checkpoints/step-000003/trainer/trainer.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    capsys.readouterr()
    assert main(["train", "--resume", "run"]) == 0
    assert capsys.readouterr().err.splitlines()[0] == (
        "resuming from step-000002; step-000003 is damaged and was passed over")
    assert {name: text for name, text in files(Path("run")).items() if name != "timings.jsonl"} == {
        name: text for name, text in before.items() if name != "timings.jsonl"}


@pytest.mark.parametrize("architecture", ["qwen3", "llama"])
def test_trained_end_to_end_and_loaded_by_transformers(architecture, folder, capsys):
    assert main(train("run", model=architecture)) == 0
    newest = checkpoint.newest(RunStore.open("run").checkpoints)
    trained, base = (AutoModelForCausalLM.from_pretrained(path) for path in (newest, architecture))
    assert trained.config.model_type == architecture
    assert any(not torch.equal(a, b) for a, b in zip(trained.parameters(), base.parameters(), strict=True))
    assert AutoTokenizer.from_pretrained(newest)("12+34=")["input_ids"] == AutoTokenizer.from_pretrained(architecture)(
        "12+34=")["input_ids"]
    metrics = RunStore.open("run").metrics()
    assert metrics[-1]["updates"] == 3 and metrics[-1]["step"] == 3
    capsys.readouterr()
    assert main(["eval", str(newest), "--tasks", "data.jsonl", "--samples", "2", "--ks", "1,2", "--max-tokens", "8"]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["task", "prompts", "pass@1", "pass@2"]
