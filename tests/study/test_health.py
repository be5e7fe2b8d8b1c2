from dataclasses import replace

import pytest

from rfpo.study.health import AMBER, GREEN, GREY, RED, Check, asked_gamma, base_arm, checks
from rfpo.study.plan import ArmPlan, Claim
from rfpo.study.results import OperatorTally
from tests.study.synthetic import cell, cells, changed, plan

PLAN = plan()
CLEAN = cells(PLAN)
TITLES = ("Training on corrections:", "Leaks:", "The off-policy ratio:", "The start:", "The budget:", "Updates:", "Room:",
          "Followers:")


def leaking(count: int) -> dict:
    return {"fix_located": OperatorTally(tries=500, right=120, tokens=9, leaked=count)}


def started(results, arm: str, seeds=(0, 1, 2, 3)):
    """With one stuck prompt solved before training that the other arms have not solved."""
    return [replace(result, marks=(replace(result.marks[0], stuck="1" + result.marks[0].stuck[1:]), *result.marks[1:]))
            if result.arm == arm and result.seed in seeds else result for result in results]


def of(title: str, results, asked=PLAN) -> Check:
    return next(check for check in checks(asked, results) if check.title == title)


def test_a_clean_study_is_green_and_an_empty_one_grey():
    clean = checks(PLAN, CLEAN)
    assert [(check.title, check.level, check.found) for check in clean] == [(title, GREEN, ()) for title in TITLES]
    assert [(check.title, check.level) for check in checks(PLAN, [])] == [(title, GREY) for title in TITLES]


BUGS = {
    "entered": (TITLES[0], "inverse", changed(CLEAN, "inverse", corrected_rows=0, corrected_trained=0),
                "none entered the batch"),
    "trained": (TITLES[0], "inverse", changed(CLEAN, "inverse", corrected_trained=0),
                "none of 480 corrected rows had a gradient"),
    "leaks": (TITLES[1], "plain", changed(CLEAN, "plain", operators=leaking(12)), "10% of 480 right corrections leak"),
    "sign": (TITLES[2], "inverse", changed(CLEAN, "inverse", slope=0.7), "+0.70 over 400 corrections, and the arm asks for -1"),
    "no weight": (TITLES[2], "rfpo", changed(CLEAN, "rfpo", slope=0.0), "asks for +1"),
    "too steep": (TITLES[2], "rfpo", changed(CLEAN, "rfpo", slope=1.3), "asks for +1 with a bound"),
    "too flat": (TITLES[2], "uncapped", changed(CLEAN, "uncapped", slope=0.7), "asks for +1"),
    "not off": (TITLES[2], "gamma_0", changed(CLEAN, "gamma_0", slope=0.4), "asks for +0"),
    "weighed": (TITLES[2], "plain", changed(CLEAN, "plain", slope=0.4, slope_rows=9), "asks for +0"),
    "start": (TITLES[3], "grpo", started(CLEAN, "grpo", (2,)), "another start than the other arms on seed 2"),
    "budget": (TITLES[4], "spell_backward",
               [replace(result, rollout_tokens=60_000) if result.name[:2] == ("grpo", "spell_backward") else result
                for result in CLEAN], "grpo generated 60,000 tokens"),
    "updates": (TITLES[5], "shuffled", changed(CLEAN, "shuffled", updates=0), "no update on seeds 0, 1, 2, 3"),
    "follower": (TITLES[7], "extra", changed(CLEAN, "extra", correction_tokens=28_000, rollout_tokens=72_000),
                 "28,000 correction tokens, rfpo 30,000"),
}


@pytest.mark.parametrize("bug", BUGS)
def test_each_planted_bug_is_found_and_nothing_else_is(bug):
    title, who, results, what = BUGS[bug]
    first, *others = checks(PLAN, results)
    assert (first.title, first.level, first.who) == (title, RED, (who,))
    assert what in " ".join(first.found) and all(line.startswith(who) for line in first.found)
    assert {check.level for check in others} == {GREEN}


def test_a_bug_on_some_seeds_alone_is_amber():
    some = [replace(result, corrected_trained=0) if result.name == ("plain", "column_addition", 1) else result
            for result in CLEAN]
    assert of(TITLES[0], some).level == AMBER
    assert of(TITLES[0], some).found == ("plain on column_addition: no correction was trained on seed 1",)


def test_a_start_differs_in_the_other_prompts_as_well():
    def with_other(mark):
        return replace(mark, other=mark.other[1:] + "0")

    moved = [replace(result, marks=(with_other(result.marks[0]), *result.marks[1:])) if result.arm == "grpo" else result
             for result in CLEAN]
    assert of(TITLES[3], moved).who == ("grpo",)


def test_arms_that_tell_the_solution_are_expected_to_leak():
    told = changed(CLEAN, "plain", operators=leaking(60), told={"solution": 500})
    check = of(TITLES[1], told)
    assert (check.level, check.who) == (AMBER, ()) and "told the solution, so leaks are expected" in check.found[0]
    assert of(TITLES[1], changed(CLEAN, "plain", operators=leaking(6))).level == GREEN  # one twentieth is not above it


@pytest.mark.parametrize("slope", [0.05, 1.0, 1.2])
def test_a_cap_may_flatten_the_slope_and_never_turns_it(slope):
    assert of(TITLES[2], changed(CLEAN, "rfpo", slope=slope)).level == GREEN
    assert of(TITLES[2], changed(CLEAN, "rfpo", slope=-slope)).level == RED


def test_slopes_are_weighted_by_their_rows():
    few = [replace(result, slope=-5.0, slope_rows=1) if result.name == ("rfpo", "column_addition", 0) else result
           for result in CLEAN]
    assert of(TITLES[2], few).level == GREEN
    many = [replace(result, slope_rows=3000) if result.slope == -5.0 else result for result in few]
    assert of(TITLES[2], many).level == RED


@pytest.mark.parametrize(("recipe", "changes", "asked"), [
    ("rfpo_outer", {}, (1.0, True)), ("rfpo", {}, (0.0, True)),
    ("rfpo_inverse", {"objective.weights.0.gamma": -0.5}, (-0.5, True)),
    ("rfpo_outer", {"objective.weights.0.cap": "none"}, (1.0, False)), ("rfpo_accept", {}, (-1.0, True)),
    ("rfpo_outer", {"objective.weights.0.form": "sum"}, None), ("rfpo", {"objective.weights": ["fixed"]}, None),
    ("rfpo", {"objective.weights": []}, (0.0, False)), ("grpo", {}, None), ("rfpo", {"objective.wieghts": []}, None),
])
def test_the_gamma_that_an_arm_asks_for(recipe, changes, asked):
    made = replace(PLAN, arms=PLAN.arms | {"plain": ArmPlan(recipe=recipe, set=changes)})
    found = asked_gamma(made, "plain", "column_addition")
    assert (found and (found.gamma, found.bounded)) == asked


def test_the_gamma_of_the_plan_and_of_the_task_counts_and_the_arms_own_last():
    path = "objective.weights.0.gamma"
    tasks = {name: replace(task, set={path: -1.0}) if name == "spell_backward" else task for name, task in PLAN.tasks.items()}
    made = replace(PLAN, tasks=tasks, set={path: 0.5, "fixing.operator.tries": 2})
    assert [asked_gamma(made, "rfpo", task).gamma for task in PLAN.tasks] == [0.5, -1.0]
    assert [asked_gamma(made, "gamma_0", task).gamma for task in PLAN.tasks] == [0.0, 0.0]


@pytest.mark.parametrize("arm", ["grpo", "shuffled"])
def test_an_arm_that_corrected_nothing_may_learn_nothing_from_groups_that_are_all_wrong(arm):
    check = of(TITLES[5], changed(CLEAN, arm, updates=0, fixed=0))
    assert check.level == AMBER and "groups that are all wrong teach nothing" in check.found[0]
    assert of(TITLES[5], changed(CLEAN, arm, updates=0, fixed=3)).level == RED


@pytest.mark.parametrize(("changes", "what"), [
    ({"fixed": 30}, "10% of the stuck groups are fixed, outside of 15% to 60%"), ({"fixed": 270}, "90% of the stuck groups"),
    ({"marks": cell("grpo", "column_addition", 0).marks}, "are solved at the end, outside of 20% to 80%"),
])
def test_a_task_without_room_is_amber(changes, what):
    check = of(TITLES[6], changed(CLEAN, "rfpo", **changes))
    assert check.level == AMBER and what in check.found[0] and len(check.found) == 2
    assert of(TITLES[6], changed(CLEAN, "inverse", **changes)).level == GREEN  # no base arm


def test_the_base_arm_is_the_one_of_most_contrasts_on_either_side():
    assert base_arm(PLAN) == "rfpo"
    pairs = (("inverse", "grpo"), ("plain", "inverse"), ("inverse", "rfpo"), ("plain", "rfpo"))
    turned = {"all": Claim(text="", contrasts=pairs)}
    assert base_arm(replace(PLAN, claims=turned)) == "inverse"
    assert base_arm(replace(PLAN, claims={"all": Claim(text="", arms=("grpo",))})) == "rfpo"


def test_followers_in_updates_are_held_to_updates():
    arms = PLAN.arms | {"extra": ArmPlan(recipe="grpo", updates_like="rfpo")}
    paired = {result.name: result for result in CLEAN}
    even = [replace(result, updates=paired["rfpo", result.task, result.seed].updates) if result.arm == "extra" else result
            for result in CLEAN]
    made = replace(PLAN, arms=arms)
    assert of(TITLES[7], even, made).level == GREEN
    short = of(TITLES[7], changed(even, "extra", updates=30), made)
    assert short.level == AMBER and "extra on spell_backward: 30 updates, rfpo " in short.found[1]
