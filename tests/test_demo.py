"""The demo, at a size for a test: what it compares is comparable, and what it writes is what it measured."""

import json

import pytest

from rfpo import demo as module
from rfpo.demo import demo, run_of, size
from rfpo.errors import UserError
from rfpo.recipes import recipe
from rfpo.records import RandomKey
from rfpo.reporting.store import RunStore
from rfpo.study.base import Student, sort
from rfpo.training.evaluate import score
from rfpo.training.prepare import load_engine, verifier

SMALL = {"PER_CLASS": 6, "STUCK_DRAWS": 8, "MARKS": 2, "END_SAMPLES": 2, "MARK_SAMPLES": 1}


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in SMALL.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setitem(module.BUDGETS, "column_addition", 6000)


def test_both_arms_get_the_same_start_prompts_and_tokens(tmp_path):
    grpo, rfpo = demo([7], tmp_path / "out")
    assert (grpo.arm, rfpo.arm) == ("grpo", "rfpo")
    assert grpo.stuck_pass1_before == rfpo.stuck_pass1_before == 0.0
    assert grpo.other_pass1_before == rfpo.other_pass1_before > 0.5
    assert all(6000 <= arm.generated_tokens < 12_000 for arm in (grpo, rfpo))
    first = {arm: {row["prompt_id"] for row in RunStore.open(tmp_path / f"out/runs/{arm}-seed7").rollouts(1)}
             for arm in ("grpo", "rfpo")}
    assert first["grpo"] == first["rfpo"] and len(first["grpo"]) == 16
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert [arm["arm"] for arm in summary["arms"]] == ["grpo", "rfpo"]
    assert summary["arms"][1]["generated_tokens"] == rfpo.generated_tokens
    assert rfpo.curve[0].tokens == 0 and rfpo.curve[-1].tokens == rfpo.generated_tokens
    assert rfpo.examples and all(example.before != example.after for example in rfpo.examples)
    with pytest.raises(UserError, match="out"):
        demo([7], tmp_path / "out")


def test_the_classes_are_what_their_names_say():
    run = run_of("rfpo", "column_addition", 0)
    engine, task = load_engine(run.model), run.tasks[0]
    with verifier([task]) as judge:
        classes = sort(Student(engine, judge.judge, run.sampling), task.evaluation_prompts(), size())
        again, _ = score(engine, judge.judge, classes.stuck + classes.other, run.sampling, 4, RandomKey(purpose="test"))
    assert len(classes.stuck) == len(classes.other) == 6
    assert not {p.text for p in classes.stuck} & {p.text for p in classes.other}
    assert not {p.text for p in classes.stuck + classes.other} & {p.text for p in task.training_prompts()}
    assert sum(again.solved[:6]) == 0 and sum(again.solved[6:]) > 20


@pytest.mark.parametrize("name", ["grpo", "rfpo", "rfpo_shuffled"])
def test_an_arm_is_the_recipe_with_what_the_student_needs(name):
    run, base = run_of(name, "column_addition", 3), recipe(name)
    assert run.objective == base.objective and run.seed == 3
    assert run.fixing == base.fixing or run.fixing.operator.templates == "student"
    assert run_of(name, "column_addition", 3, long=True).token_budget == 4 * run.token_budget
