"""A plan: what it asks for, and what it refuses."""

from dataclasses import replace

import pytest

from rfpo.errors import UserError
from rfpo.study.plan import ArmPlan, Claim, Plan, Small, TaskPlan, load_plan

PLAN = """
name = "mine"
seeds = 2
[arms.rfpo]
recipe = "rfpo"
[arms.extra]
recipe = "extra_samples"
spends_like = "rfpo"
[arms.grpo]
recipe = "grpo"
[tasks.sums]
student = "column_addition"
token_budget = 1000
"""


@pytest.fixture
def plan(tmp_path) -> Plan:
    (tmp_path / "plan.toml").write_text(PLAN)
    return load_plan(tmp_path / "plan.toml")


def test_every_arm_is_compared_with_the_first_where_nothing_is_claimed(plan):
    assert plan.claims["all"].contrasts == (("extra", "rfpo"), ("grpo", "rfpo"))


def test_cells_come_seed_by_seed_and_followers_after_whom_they_follow(plan):
    assert plan.cells() == [("rfpo", "sums", 0), ("grpo", "sums", 0), ("extra", "sums", 0),
                            ("rfpo", "sums", 1), ("grpo", "sums", 1), ("extra", "sums", 1)]


def test_a_claim_brings_whom_its_arms_follow_and_has_its_own_tasks_and_seeds(plan):
    both = replace(plan, tasks={"sums": plan.tasks["sums"], "words": TaskPlan(student="spell_backward", token_budget=9)},
                   claims={"one": Claim(text="", contrasts=(("extra", "grpo"),), tasks=("words",), seeds=1),
                           "league": Claim(text="", arms=("grpo",), seeds=1)})
    assert set(both.cells()) == {("rfpo", "words", 0), ("extra", "words", 0), ("grpo", "words", 0), ("grpo", "sums", 0)}


def test_the_hash_changes_with_the_plan_alone(plan, tmp_path):
    assert load_plan(tmp_path / "plan.toml").hash == plan.hash
    assert replace(plan, smallest=0.1).hash != plan.hash


def test_the_small_version_keeps_its_arms_and_the_contrasts_between_them(plan):
    small = replace(plan, small=Small(arms=("extra", "grpo"), tasks=("sums",), seeds=1),
                    claims={"a": Claim(text="", contrasts=(("extra", "grpo"), ("rfpo", "grpo")), seeds=2)}).smaller()
    assert small.cells() == [("rfpo", "sums", 0), ("grpo", "sums", 0), ("extra", "sums", 0)]
    assert small.claims["a"].contrasts == (("extra", "grpo"), ("rfpo", "grpo"))
    assert small.name == "mine-small"


def test_no_small_version_is_said(plan):
    with pytest.raises(UserError, match=r"no \[small\] table"):
        plan.smaller()


@pytest.mark.parametrize(("change", "message"), [
    ({"claims": {"c": Claim(text="", contrasts=(("rfpo", "gpro"),))}}, r"claims.c names 'gpro'.*did you mean 'grpo'"),
    ({"claims": {"c": Claim(text="", arms=("rfpo",), tasks=("sum",))}}, r"claims.c.tasks names 'sum'.*'sums'"),
    ({"arms": {"a": ArmPlan(recipe="rfpo", spends_like="b")}}, r"arms.a.spends_like names 'b'"),
    ({"arms": {"a": ArmPlan(recipe="rfpo"), "b": ArmPlan(recipe="rfpo", spends_like="a", updates_like="a")}},
     r"arms.b has both spends_like and updates_like"),
    ({"arms": {"a": ArmPlan(recipe="rfpo"), "b": ArmPlan(recipe="rfpo", spends_like="a"),
               "c": ArmPlan(recipe="rfpo", updates_like="b")}}, r"arms.c follows 'b', which follows another arm itself"),
    ({"seeds": 0}, r"seeds is 0.*at least 1"),
    ({"pilot_seed": 1}, r"pilot_seed is 1, which the study itself uses"),
    ({"primary": "best"}, r"primary is 'best'.*area or end"),
    ({"arms": {}}, r"needs an arm and a task"),
])
def test_what_does_not_fit_is_refused(plan, change, message):
    with pytest.raises(UserError, match=message):
        replace(plan, **({"claims": {}} | change))


@pytest.mark.parametrize(("text", "message"), [
    (PLAN.replace("seeds = 2", 'seeds = "two"'), r"plan.toml: seeds is \"two\"; it must be a whole number"),
    (PLAN.replace("spends_like", "spend_like"), r"arms.extra.spend_like is unknown"),
    (PLAN.replace("token_budget = 1000", ""), r"tasks.sums.token_budget is missing"),
    (PLAN.replace("token_budget = 1000", "token_budget = 0"), r"tasks.sums.token_budget is 0"),
    ("name = ", r"not valid TOML"),
])
def test_a_file_that_does_not_fit_is_named(tmp_path, text, message):
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises(UserError, match=message):
        load_plan(tmp_path / "plan.toml")


def test_a_missing_plan_is_one_line(tmp_path):
    with pytest.raises(UserError, match="there is no plan at"):
        load_plan(tmp_path / "none.toml")
