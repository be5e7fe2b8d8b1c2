"""--set."""

import pytest

from rfpo.config.change import change, value_of
from rfpo.errors import UserError
from rfpo.objective.ratio.sequence import Sequence
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.surrogate.detached_cap import DetachedCap
from rfpo.objective.surrogate.unbounded import Unbounded
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes import recipe
from rfpo.schedule.linear import Linear
from rfpo.tasks.column_addition import ColumnAddition


@pytest.mark.parametrize("assignment, get, value", [
    ("group_size=16", lambda run: run.group_size, 16),
    ("token_budget=1000", lambda run: run.token_budget, 1000),
    ("token_budget=none", lambda run: run.token_budget, None),
    ("name=first run", lambda run: run.name, "first run"),
    ('name="7"', lambda run: run.name, "7"),
    ("mask_truncated=true", lambda run: run.mask_truncated, True),
    ("model.path=a=b", lambda run: run.model.path, "a=b"),
    ("model.lora.rank=4", lambda run: run.model.lora.rank, 4),
    ("optimizer.learning_rate = 1e-4", lambda run: run.optimizer.learning_rate, 1e-4),
    ("optimizer.betas.1=0.99", lambda run: run.optimizer.betas, (0.9, 0.99)),
    ("evaluation.ks=[1, 4]", lambda run: run.evaluation.ks, (1, 4)),
    ("objective.surrogate=unbounded", lambda run: run.objective.surrogate, Unbounded()),
    ("objective.surrogate.high=0.28", lambda run: run.objective.surrogate, Clip(high=0.28)),
    ('objective.surrogate={kind="detached_cap", cap=3}', lambda run: run.objective.surrogate, DetachedCap(cap=3.0)),
    ('objective.surrogate.high={kind="linear", start=0.2, end=0.3}', lambda run: run.objective.surrogate.high,
     Linear(start=0.2, end=0.3)),
    ("objective.weights.0.gamma=-1", lambda run: run.objective.weights, (OffPolicyRatio(gamma=-1.0),)),
    ("objective.weights.0.cap=none", lambda run: run.objective.weights, (OffPolicyRatio(gamma=0.0, cap=None),)),
    ("objective.weights=[]", lambda run: run.objective.weights, ()),
    ('objective.weights=["off_policy_ratio"]', lambda run: run.objective.weights, (OffPolicyRatio(),)),
    ("fixing=none", lambda run: run.fixing, None),
    ("fixing.operator=fix_wrong_only", lambda run: run.fixing.operator.tries, 4),
    ("dynamic_sampling.max_rounds=2", lambda run: run.dynamic_sampling.max_rounds, 2),
    ('tasks=["column_addition"]', lambda run: run.tasks, (ColumnAddition(),)),
])
def test_one_field(assignment, get, value):
    assert get(change(recipe("rfpo"), [assignment])) == value


def test_nothing_else_changes():
    assert change(recipe("rfpo"), ["objective.surrogate.high=0.2"]) == recipe("rfpo")


def test_changes_apply_in_order_and_are_checked_together():
    run = change(recipe("rfpo"), ["objective.surrogate=clip_times_weight", "objective.surrogate.weight.gamma=-1",
                                  "evaluation.ks=[16]", "evaluation.samples=16"])
    assert run.objective.surrogate.weight == OffPolicyRatio(gamma=-1.0)
    assert run.evaluation.ks == (16,)


def test_a_piece_inside_a_piece_that_was_just_chosen():
    run = change(recipe("grpo"), ["objective.ratio=times_weight", "objective.ratio.base=sequence"])
    assert run.objective.ratio.base == Sequence()


@pytest.mark.parametrize("assignment, line", [
    ("grop_size=4", "grop_size is unknown: a run has no field 'grop_size'; did you mean 'group_size'?"),
    ("objective.surrogate.hihi=1",
     "objective.surrogate.hihi is unknown: objective.surrogate has no field 'hihi'; did you mean 'high'?"),
    ("objective.surrogate.zzz=1",
     "objective.surrogate.zzz is unknown: objective.surrogate has no field 'zzz'; known are: dual, high, low."),
    ("objective.weights.1.gamma=1",
     "objective.weights.1 is unknown: objective.weights is a list with numbers 0 to 0. "
     "Set it whole: --set 'objective.weights=[...]'."),
    ("objective.regularizers.0.coefficient=1",
     "objective.regularizers.0 is unknown: objective.regularizers is a list with nothing in it. "
     "Set it whole: --set 'objective.regularizers=[...]'."),
    ("seed.x=1", "seed.x is unknown: seed is a single value. Set it with --set seed=VALUE."),
    ("group_size", "--set group_size has no '='; write it as --set path=value, as in --set group_size=8."),
    ("=3", "--set =3 has no '='; write it as --set path=value, as in --set group_size=8."),
    ("objective.surrogate.high=0,28", 'objective.surrogate.high is "0,28"; it must be a number. Try 1.0.'),
    ("streams.pairs.objective.ratio=token", "streams.pairs.objective.advantage is missing; give it a value."),
    ("group_size=none", 'group_size is "none"; it must be a whole number. Try 1.'),
])
def test_refused_in_one_line(assignment, line):
    with pytest.raises(UserError) as refused:
        change(recipe("rfpo"), [assignment])
    assert str(refused.value) == line


def test_a_piece_that_is_not_there_is_named_first():
    with pytest.raises(UserError) as refused:
        change(recipe("grpo"), ["fixing.operator.tries=2"])
    assert str(refused.value) == ("fixing.operator.tries cannot be set: fixing.operator is empty. "
                                  "Name its operator first: --set fixing.operator=NAME.")


@pytest.mark.parametrize("text, value", [
    ("3", 3), ("0.5", 0.5), ("1e-4", 1e-4), ("true", True), ("[1, 2]", [1, 2]), ('"3"', "3"), ("clip", "clip"),
    ("a b", "a b"), ("1\nseed = 2", "1\nseed = 2"), ("", ""),
])
def test_values_are_toml_and_texts_otherwise(text, value):
    assert value_of(text) == value and type(value_of(text)) is type(value)
