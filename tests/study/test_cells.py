"""A cell: its numbers are its own, come again bit for bit, and survive a kill."""

from dataclasses import asdict, replace

import pytest

from rfpo import students
from rfpo.errors import UserError
from rfpo.study.cells import cell, run_of, task_of
from rfpo.study.course import Course
from rfpo.study.foresight import UNSTABLE
from rfpo.study.results import from_line, to_line
from rfpo.study.table import Table
from rfpo.study.work import BaseWork, run_base, run_cell
from rfpo.tasks.reasoning_gym import ReasoningGym
from tests.study.small import TEXT, tiny


class Killed(BaseException):
    """Stands for a kill: nothing in rfpo catches it."""


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return tiny(tmp_path_factory.mktemp("plan"))


@pytest.fixture(scope="module")
def base(plan):
    return run_base(BaseWork("sums", run_of(plan, "rfpo", "sums", 0), plan.measure))


@pytest.fixture(scope="module")
def rfpo(plan, base, tmp_path_factory):
    return run_cell(cell(plan, ("rfpo", "sums", 0), base), tmp_path_factory.mktemp("cell") / "work")


def numbers(result) -> dict:
    return {name: value for name, value in asdict(result).items() if name not in UNSTABLE}


def test_the_base_has_both_classes_and_their_pass_at_n(base):
    assert len(base.stuck) == 4 and len(base.other) == 2 and not set(base.stuck) & set(base.other)
    assert base.beyond == (0, 0, 0, 0) and base.beyond_draws == 6


def test_a_cell_says_what_its_run_did(rfpo):
    assert [mark.samples for mark in rfpo.marks] == [1, 1, 2] and rfpo.marks[0].stuck == "0000"
    assert rfpo.marks[0].tokens == 0 and rfpo.marks[-1].tokens == rfpo.generated_tokens >= 2000
    assert sum(rfpo.correction_tokens_by_step) == rfpo.correction_tokens > 0
    assert sum(rfpo.updates_by_step) == rfpo.updates and len(rfpo.updates_by_step) == rfpo.steps
    assert rfpo.stuck >= rfpo.fixed > 0 and rfpo.corrected_trained == rfpo.corrected_rows == rfpo.fixed
    assert set(rfpo.told) == {"place"} and rfpo.operators["fix_located"].right == rfpo.fixed
    assert rfpo.slope == pytest.approx(1.0, abs=0.01) and sum(rfpo.r_off) == rfpo.slope_rows == rfpo.fixed
    assert from_line(to_line(rfpo)) == rfpo


def test_a_weight_of_another_gamma_measures_as_that(plan, base, tmp_path):
    turned = replace(plan, arms=plan.arms | {"turned": replace(plan.arms["rfpo"], set={"objective.weights.0.gamma": -1.0})})
    result = run_cell(cell(turned, ("turned", "sums", 0), base), tmp_path / "work")
    assert result.slope == pytest.approx(-1.0, abs=0.01)


def test_a_cell_that_was_killed_and_resumed_has_the_numbers_of_one_that_was_not(plan, base, rfpo, tmp_path):
    def kill(share: float, solved: float | None) -> None:
        if share > 0.6:
            raise Killed

    work, wanted = tmp_path / "work", cell(plan, ("rfpo", "sums", 0), base)
    with pytest.raises(Killed):
        run_cell(wanted, work, kill)
    assert list((work / "run" / "checkpoints").iterdir()), "nothing to go on from: the test would prove nothing"
    assert numbers(run_cell(wanted, work)) == numbers(rfpo)
    assert not work.exists()


def test_an_arm_that_follows_spends_what_its_pair_spent(plan, base, rfpo, tmp_path):
    extra = run_cell(cell(plan, ("extra", "sums", 0), base, rfpo), tmp_path / "work")
    assert extra.told == {"nothing": extra.operators["resample"].tries}
    assert 0.8 * rfpo.correction_tokens <= extra.correction_tokens <= rfpo.correction_tokens + 64
    assert extra.marks[0] == rfpo.marks[0]
    with pytest.raises(ValueError, match="follows rfpo"):
        cell(plan, ("extra", "sums", 0), base)


def test_the_key_changes_with_what_decides_the_numbers(plan, base):
    def key(plan, base=base) -> str:
        return cell(plan, ("rfpo", "sums", 0), base).key

    first = key(plan)
    assert key(replace(plan, name="other", claims={})) == first
    assert key(replace(plan, set=plan.set | {"optimizer.learning_rate": 2e-4})) != first
    assert key(replace(plan, measure=replace(plan.measure, marks=3))) != first
    assert key(plan, replace(base, stuck=base.stuck[:3])) != first


def test_a_change_for_all_arms_passes_over_those_without_a_correction_stage(plan):
    assert run_of(plan, "grpo", "sums", 0).fixing is None
    assert run_of(plan, "rfpo", "sums", 0).fixing.operator.tries == 2


@pytest.mark.parametrize(("old", "new", "where"), [
    ('"fixing.operator.tries" = 2', '"fixing.operator.trys" = 2', r"set has 'fixing.operator.trys'"),
    ("token_budget = 2000", 'token_budget = 2000\nset = { "objective.weights.1.gamma" = 0.0 }',
     r"tasks.sums.set has 'objective.weights.1.gamma'"),
])
def test_a_change_that_fits_no_arm_is_refused(tmp_path, old, new, where):
    with pytest.raises(UserError, match=where):
        Course(tiny(tmp_path, TEXT.replace(old, new)), Table(tmp_path)).refuse()


OWN = TEXT.replace("token_budget = 2000", 'token_budget = 2000\nset = { "fixing.operator.tries" = 3 }') + """
[arms.swapped]
recipe = "rfpo"
set = { "fixing.operator" = { kind = "rewrite_plain" }, "objective.weights" = ["importance"] }
[arms.says]
recipe = "rfpo"
set = { "fixing.operator" = { kind = "rewrite_plain", tries = 7, templates = "prose" }, "objective.weights.0.gamma" = 0.5 }
"""


def test_what_an_arm_says_wins_and_what_it_leaves_open_the_task_and_the_plan_say(tmp_path):
    plan = tiny(tmp_path, OWN.replace('"fixing.operator.tries" = 2\n', '"fixing.operator.tries" = 2\n'
                                      '"objective.weights.0.gamma" = -1.0\n'))
    operators = {arm: run_of(plan, arm, "sums", 0).fixing.operator for arm in ("rfpo", "extra", "swapped", "says")}
    assert {arm: operator.tries for arm, operator in operators.items()} == {"rfpo": 3, "extra": 50, "swapped": 3, "says": 7}
    assert type(operators["swapped"]).__name__ == type(operators["says"]).__name__ == "RewritePlain"
    assert (operators["swapped"].templates, operators["says"].templates) == ("student", "prose")
    weights = {arm: run_of(plan, arm, "sums", 0).objective.weights for arm in (*operators, "grpo")}
    assert (weights["rfpo"][0].gamma, weights["says"][0].gamma) == (-1.0, 0.5)
    assert [type(weight).__name__ for weight in weights["swapped"]] == ["Importance"] and weights["grpo"] == ()


def test_a_task_without_a_student_says_its_model_and_its_tasks(tmp_path):
    own = '{ kind = "column_addition", digits = 3, size = 64, evaluation_size = 64 }'
    mine = f'set = {{ "model.path" = "column_addition", tasks = [{own}] }}'
    text = TEXT.replace('"tasks.0.size" = 64\n"tasks.0.evaluation_size" = 64\n', "")
    plan = tiny(tmp_path, text.replace('student = "column_addition"', mine))
    run = run_of(plan, "rfpo", "sums", 0)
    assert run.tasks[0].digits == 3 and run.model.path == "column_addition" and run.fixing.operator.templates == "prose"
    found = run_base(BaseWork("sums", run, replace(plan.measure, beyond_draws=0)))
    assert found.other or found.stuck


@pytest.mark.parametrize(("old", "new", "message"), [
    ('recipe = "grpo"', 'recipe = "gpro"', r"arms.grpo on tasks.sums: there is no recipe named 'gpro'; did you mean"),
    ('"optimizer.learning_rate" = 1e-4', '"optimizer.learning_rat" = 1e-4', r"optimizer.learning_rat is unknown"),
    ('recipe = "grpo"', 'recipe = "grpo"\nset = { group_size = 1 }', r"arms.grpo on tasks.sums: group_size is 1"),
    ('student = "column_addition"', 'student = "column"', r"column_addition"),
])
def test_what_cannot_run_is_refused_with_the_arm_and_the_task(tmp_path, old, new, message):
    plan = tiny(tmp_path, TEXT.replace(old, new))
    with pytest.raises(UserError, match=message):
        run_of(plan, "grpo", "sums", 0)


@pytest.mark.parametrize("student", students.names())
def test_every_shipped_student_has_prompts_enough_for_a_study(student):
    task = task_of(student)
    if isinstance(task, ReasoningGym):
        pytest.importorskip("reasoning_gym")
    assert len(task.training_prompts()) >= 1000 and len(task.evaluation_prompts()) >= 300


def test_a_student_that_is_not_shipped_is_to_be_built(tmp_path, monkeypatch):
    shipped = [name for name in students.names() if name != "multiplication"]
    monkeypatch.setattr(students, "names", lambda: shipped)
    plan = tiny(tmp_path, TEXT.replace('student = "column_addition"', 'student = "multiplication"'))
    with pytest.raises(UserError, match="grpo on tasks.sums: there is no student 'multi.*rfpo students build multiplication"):
        run_of(plan, "grpo", "sums", 0)


def test_a_torn_last_line_is_cut_off_and_a_broken_one_is_named(rfpo, tmp_path):
    table = Table(tmp_path)
    table.add(rfpo)
    with open(table.path, "a") as file:
        file.write(to_line(rfpo)[:100])
    assert Table(tmp_path).lines == [rfpo] and Table(tmp_path).find(rfpo.name, rfpo.key) == rfpo
    assert Table(tmp_path).find(rfpo.name, "another") is None
    table.path.write_text('{"arm": 1}\n')
    with pytest.raises(UserError, match="cells.jsonl line 1 is no cell"):
        Table(tmp_path)
