"""A run written as TOML loads back equal."""

import tomllib
from dataclasses import replace

import pytest

from rfpo.config.load import load
from rfpo.config.run import DynamicSampling, Evaluation, ExtraStream
from rfpo.config.save import save, to_plain, to_toml
from rfpo.engines.settings import Lora, Model
from rfpo.objective.ratio.times_weight import TimesWeight
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes import recipe, recipe_names
from rfpo.schedule.linear import Linear
from tests.config.build import OwnSurrogate, OwnTask, complete, with_objective


def again(run, tmp_path):
    return load(save(run, tmp_path / "run.toml"))


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe(name, tmp_path):
    assert again(recipe(name), tmp_path) == recipe(name)


@pytest.mark.parametrize("run", [
    complete(token_budget=12_345, seed=7, loggers=("tensorboard",)),
    complete(evaluation=Evaluation(every=5, samples=16, ks=(1, 4, 16)), dynamic_sampling=DynamicSampling(max_rounds=2)),
    replace(complete(), model=Model(path="x", revision="main", lora=Lora(rank=8))),
    replace(complete(), tasks=(OwnTask(solutions=True), OwnTask(label="other"))),
    with_objective(surrogate=OwnSurrogate(strength=0.5)),
    with_objective(surrogate=Clip(high=Linear(start=0.2, end=0.28))),
    with_objective(weights=(OffPolicyRatio(cap=None),)),
    with_objective(weights=(), ratio=TimesWeight(weight=OffPolicyRatio(gamma=-0.5, form="suffix"))),
    replace(complete(), streams={"pairs": ExtraStream(objective=recipe("reinforce").objective, coefficient=0.1)}),
], ids=["numbers", "tuples", "optional", "own tasks", "own piece", "schedule", "none", "nested", "streams"])
def test_everything_a_run_can_hold(run, tmp_path):
    assert again(run, tmp_path) == run


def test_none_is_left_out_where_it_is_the_default_and_written_elsewhere():
    table = to_plain(with_objective(weights=(OffPolicyRatio(cap=None),)))
    assert "token_budget" not in table and "lora" not in table["model"]
    assert table["objective"]["weights"][0]["cap"] == "none"


def test_what_is_written_is_resolved_and_named():
    table = tomllib.loads(to_toml(complete("rfpo_dapo")))
    assert table["objective"]["surrogate"] == {"kind": "clip", "low": 0.2, "high": 0.28}
    assert table["fixing"]["merge"]["kind"] == "replace_one"
    assert table["tasks"] == [{"kind": "column_addition", "digits": 5, "size": 2048, "evaluation_size": 512, "seed": 0}]


def test_a_piece_of_ones_own_is_named_by_its_dotted_path():
    objective = to_plain(with_objective(surrogate=OwnSurrogate(strength=2.0)))["objective"]
    assert objective["surrogate"] == {"kind": "tests.config.build:OwnSurrogate", "strength": 2.0}
