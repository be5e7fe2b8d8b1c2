"""The students in the package: complete, unaltered, small; and, on a few prompts, what the gate demands of them."""

import json

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from rfpo import students
from rfpo.engines.local import LocalEngine
from rfpo.engines.settings import Model, Optimizer
from rfpo.errors import UserError
from rfpo.pieces import find
from rfpo.students.card import checksum, stated_checksum
from rfpo.students.gate import correction_prompt, gate
from rfpo.students.plain import sequence_probability, solve_probability
from rfpo.students.specialists import Specialist
from rfpo.students.specialists.column_addition import ColumnAddition
from rfpo.tasks.column_addition import scratchpad
from rfpo.tasks.reasoning_gym import ReasoningGym

FILES = ("config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors", "STUDENT.md")


def test_two_students_are_shipped():
    assert {"column_addition", "spell_backward"} <= set(students.names())


@pytest.mark.parametrize("name", students.names())
def test_a_student_is_complete_and_its_checksum_holds(name):
    folder = students.path(name)
    assert not [file for file in FILES if not (folder / file).is_file()]
    assert checksum(folder) == stated_checksum(folder)
    card = (folder / "STUDENT.md").read_text()
    assert "Licence: Apache-2.0" in card and "planted" in card and f"python -m rfpo.students.build {name}" in card
    assert json.loads((folder / "config.json").read_text())["model_type"] == "qwen3"


@pytest.mark.parametrize("name", students.names())
def test_a_student_loads_with_fp32_masters_whatever_its_file_holds(name):
    folder = students.path(name)
    held = {str(tensor.dtype) for tensor in load_file(folder / "model.safetensors").values()}
    assert held == {f"torch.{json.loads((folder / 'config.json').read_text())['dtype']}"}
    plain = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    engine = LocalEngine.load(Model(path=str(folder), precision="fp32", device="cpu"), Optimizer())
    assert {parameter.dtype for parameter in engine.network.parameters()} == {torch.float32}
    ids = torch.arange(3, 20)[None]
    with torch.no_grad():
        torch.testing.assert_close(engine.network(ids).logits, plain(ids).logits, atol=1e-3, rtol=1e-3)


def test_all_students_together_take_at_most_24_mb():
    assert sum(file.stat().st_size for file in students.SHIPPED.rglob("*")) <= 24_000_000


def test_an_unknown_student_is_named_with_the_nearest():
    with pytest.raises(UserError, match="did you mean 'column_addition'"):
        students.path("columnaddition")


@pytest.fixture(scope="module")
def engine():
    return LocalEngine.load(Model(path=str(students.path("column_addition")), precision="fp32", device="cpu"), Optimizer())


def with_habit(count: int):
    """(prompt, what the habit makes of it, where) for the first training prompts; where is None if it is harmless."""
    subject = ColumnAddition()
    for prompt in subject.task(size=count).training_prompts():
        a, b = map(int, prompt.text.rstrip("=").split("+"))
        place = 1 + (a % 10 + b % 10) % (subject.digits - 1)
        attempt = scratchpad(a, b, subject.digits, forgotten=place)
        yield prompt, attempt, place if attempt != prompt.solution else None


def test_hard_prompts_are_out_of_reach_and_easy_ones_are_not(engine):
    cases = list(with_habit(48))
    p = solve_probability(engine, [prompt for prompt, _, _ in cases])
    hard = [x for x, (_, _, place) in zip(p, cases, strict=True) if place is not None]
    easy = [x for x, (_, _, place) in zip(p, cases, strict=True) if place is None]
    assert len(hard) > 12 and len(easy) > 12
    assert sum(hard) / len(hard) < 1e-3
    assert sum(easy) / len(easy) > 0.9


def test_told_the_true_place_it_mostly_corrects_and_told_another_it_does_not(engine):
    hard = [case for case in with_habit(48) if case[2] is not None]
    end = engine.text.tokenizer.eos_token_id

    def fixed(shift: int) -> float:
        rows = [(engine.encode(correction_prompt(prompt, attempt, (place + shift) % 6)), (*engine.encode(prompt.solution), end))
                for prompt, attempt, place in hard]
        return sum(sequence_probability(engine, rows)) / len(rows)

    assert fixed(0) > 0.5
    assert all(fixed(shift) < 0.2 for shift in range(1, 6))


@pytest.mark.parametrize("name", students.names())
def test_the_shipped_tokenizer_reads_the_task(name):
    task, folder = find(Specialist.room, name)().task(size=20), students.path(name)
    if isinstance(task, ReasoningGym):
        pytest.importorskip("reasoning_gym")
    engine = LocalEngine.load(Model(path=str(folder), precision="fp32", device="cpu"), Optimizer())
    for prompt in task.training_prompts():
        for text in (prompt.text, prompt.solution):
            tokens = engine.encode(text)
            assert engine.text.tokenizer.unk_token_id not in tokens
            assert engine.decode(tokens) == text


def test_the_gate_runs_on_a_few_prompts():
    report = gate("column_addition", prompts=40, confirm=4)
    assert report.name == "column_addition" and report.prompts == 40 and 12 < report.stuck < 28
    assert report.lines[3].passed and report.lines[4].passed  # the corrections, which are sampled
    assert report.table().row_count == len(report.lines) == 8
    assert all(row.passed for row in report.followed), report.followed
