"""What each recipe is made of, and that the correction stage adds one stage and one weight to any of them."""

from dataclasses import replace

import pytest

from rfpo.config.run import DynamicSampling, Run
from rfpo.correction.merge.append import Append
from rfpo.correction.operators.fix_located import FixLocated
from rfpo.correction.operators.fix_wrong_only import FixWrongOnly
from rfpo.errors import UserError
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.weight.engine_mismatch import EngineMismatch
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.pieces import kind_of
from rfpo.recipes import base_names, corrected_names, describe, recipe, recipe_names
from rfpo.recipes._corrected import corrected

PRINTED = {  # advantage, ratio, surrogate, aggregation, as in the papers
    "reinforce": ("group_centred", "on_policy", "unbounded", "sequence_sum"),
    "rloo": ("leave_one_out", "on_policy", "unbounded", "sequence_sum"),
    "reinforce_pp": ("batch_whitened", "token", "clip", "token_mean"),
    "grpo": ("group_zscore", "token", "clip", "sequence_mean"),
    "dr_grpo": ("group_centred", "token", "clip", "constant_length"),
    "dapo": ("group_zscore", "token", "clip", "token_mean"),
    "gspo": ("group_zscore", "sequence", "clip", "sequence_mean"),
    "cispo": ("group_zscore", "token", "detached_cap", "token_mean"),
}


@pytest.mark.parametrize("name", PRINTED)
def test_its_pieces(name):
    made = recipe(name).objective
    assert tuple(map(kind_of, (made.advantage, made.ratio, made.surrogate, made.aggregation))) == PRINTED[name]
    assert made.weights == () and made.regularizers == ()


def test_clip_bounds():
    assert recipe("grpo").objective.surrogate == Clip(low=0.2, high=0.2)
    assert recipe("dapo").objective.surrogate == Clip(low=0.2, high=0.28)
    assert recipe("gspo").objective.surrogate == Clip(low=3e-4, high=4e-4)
    assert recipe("cispo").objective.surrogate.cap == 5.0


def test_dapo_draws_until_mixed_and_punishes_length_but_does_not_mask():
    run = recipe("dapo")
    assert run.dynamic_sampling == DynamicSampling(max_rounds=4) and not run.mask_truncated
    assert [kind_of(reward) for reward in run.rewards] == ["signed", "soft_overlong"]
    assert (run.rewards[1].limit, run.rewards[1].buffer) == (None, None)  # those of the max_tokens in force


def test_every_base_has_a_corrected_form():
    assert set(base_names()) == set(PRINTED)
    assert set(corrected_names()) == {f"rfpo_{name}" for name in PRINTED}
    readings = {"rfpo_outer", "rfpo_printed", "rfpo_inside", "rfpo_inverse"}
    assert {*PRINTED, *corrected_names(), "rfpo", *readings} <= set(recipe_names())


@pytest.mark.parametrize("name", PRINTED)
def test_corrected_adds_the_stage_and_one_weight_and_nothing_else(name):
    base, made = recipe(name), recipe(f"rfpo_{name}")
    assert made.fixing is not None and made.name == f"rfpo_{name}"
    assert made.objective.weights == (*base.objective.weights, OffPolicyRatio(gamma=0.0))
    without = replace(made, name=name, fixing=None, objective=replace(made.objective, weights=base.objective.weights))
    assert without == base


def test_corrected_keeps_the_weights_of_its_base():
    base = recipe("grpo")
    base = replace(base, objective=replace(base.objective, weights=(EngineMismatch(),)))
    assert corrected(base).objective.weights == (EngineMismatch(), OffPolicyRatio(gamma=0.0))
    assert corrected(base, weight=None).objective.weights == (EngineMismatch(),)


def test_corrected_takes_other_pieces():
    made = corrected(recipe("grpo"), operator=FixWrongOnly(tries=2), merge=Append())
    assert made.fixing.operator == FixWrongOnly(tries=2) and made.fixing.merge == Append()


def test_the_recommended_recipe():
    run = recipe("rfpo")
    assert run.objective.weights == (OffPolicyRatio(gamma=0.0, form="mean", link="exp", cap=2.0, snapshot="old"),)
    assert kind_of(run.fixing.merge) == "replace_one" and kind_of(run.fixing.diagnosis) == "all_wrong"
    assert isinstance(run.fixing.operator, FixLocated)
    assert replace(run, name="rfpo_grpo") == recipe("rfpo_grpo")


def test_the_readings_differ_in_the_weights_place_only():
    grpo, rfpo = recipe("grpo").objective, recipe("rfpo")
    outer, printed, inside, inverse = (recipe(f"rfpo_{name}") for name in ("outer", "printed", "inside", "inverse"))
    assert all(run.fixing == rfpo.fixing for run in (outer, printed, inside, inverse))
    assert outer.objective.weights == (replace(rfpo.objective.weights[0], gamma=1.0),)
    assert kind_of(printed.objective.surrogate) == "clip_times_weight" and printed.objective.weights == ()
    assert printed.objective.surrogate.weight == inside.objective.ratio.weight == outer.objective.weights[0]
    assert replace(printed.objective, surrogate=grpo.surrogate) == grpo
    assert kind_of(inside.objective.ratio) == "times_weight" and inside.objective.ratio.base == grpo.ratio
    assert replace(inside.objective, ratio=grpo.ratio) == grpo
    assert inverse.objective.weights == (replace(rfpo.objective.weights[0], gamma=-1.0),)


@pytest.mark.parametrize("name", recipe_names())
def test_it_says_what_it_is(name):
    assert isinstance(recipe(name), Run) and recipe(name).name == name
    assert len(describe(name).split("\n")[0]) > 20


@pytest.mark.parametrize("name, nearest", [("gropo", "grpo"), ("rfpo_dappo", "rfpo_dapo")])
def test_an_unknown_name_suggests_the_nearest(name, nearest):
    with pytest.raises(UserError) as refused:
        recipe(name)
    assert str(refused.value) == f"there is no recipe named {name!r}; did you mean {nearest!r}?"


def test_a_correction_stage_is_not_added_twice():
    with pytest.raises(UserError, match="there is no recipe named 'rfpo_rfpo'"):
        recipe("rfpo_rfpo")


def own() -> Run:
    return replace(recipe("grpo"), group_size=3)


def test_a_recipe_of_ones_own():
    run = recipe("tests.recipes.test_recipes:own")
    assert run.group_size == 3 and run.name == "own"
