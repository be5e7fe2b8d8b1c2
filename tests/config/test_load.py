"""What a run file may say, and the line for each thing that it may not."""

import pytest

from rfpo.config.load import from_plain, load
from rfpo.config.save import to_plain
from rfpo.errors import UserError
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.surrogate.unbounded import Unbounded
from rfpo.recipes import recipe
from rfpo.schedule.linear import Linear


def table(**objective) -> dict:
    """grpo's table with some of its objective replaced."""
    plain = to_plain(recipe("grpo"))
    return plain | {"objective": plain["objective"] | objective}


def test_a_piece_is_its_name_or_a_table():
    assert from_plain(table(surrogate="unbounded")).objective.surrogate == Unbounded()
    assert from_plain(table(surrogate="clip")).objective.surrogate == Clip()
    assert from_plain(table(surrogate={"kind": "clip", "high": 0.28})).objective.surrogate == Clip(high=0.28)


def test_a_whole_number_stands_for_a_float():
    high = from_plain(table(surrogate={"kind": "clip", "high": 1})).objective.surrogate.high
    assert high == 1.0 and isinstance(high, float)


def test_a_number_of_the_objective_may_follow_a_schedule():
    high = {"kind": "linear", "start": 0.2, "end": 0.28}
    assert from_plain(table(surrogate={"kind": "clip", "high": high})).objective.surrogate.high == Linear(start=0.2, end=0.28)


def test_none_empties_an_optional_field():
    assert from_plain(table(surrogate={"kind": "clip", "dual": "none"})).objective.surrogate.dual is None


@pytest.mark.parametrize("change, line", [
    ({"grop_size": 4}, "grop_size is unknown: a run has no field 'grop_size'; did you mean 'group_size'?"),
    ({"group_size": 4.5}, "group_size is 4.5; it must be a whole number. Try 4."),
    ({"group_size": True}, "group_size is true; it must be a whole number. Try 1."),
    ({"group_size": "4"}, 'group_size is "4"; it must be a whole number. Try 4.'),
    ({"group_size": 0}, "group_size is 0; it must be a whole number of at least 1. Try 8."),
    ({"mask_truncated": 1}, "mask_truncated is 1; it must be true or false. Try true."),
    ({"verifier_seconds": True}, "verifier_seconds is true; it must be a number. Try 1.0."),
    ({"name": 3}, 'name is 3; it must be a text. Try "3".'),
    ({"loggers": "wandb"}, 'loggers is "wandb"; it must be a list. Try ["wandb"].'),
    ({"loggers": [1]}, 'loggers.0 is 1; it must be a text. Try "1".'),
    ({"model": "qwen"}, 'model is "qwen"; it must be a table. Try {...}.'),
    ({"model": {"precision": "bf"}},
     "model.precision is 'bf'; it must be one of auto, fp32, bf16; did you mean 'bf16'?"),
    ({"sampling": {"max_tokens": 0}}, "sampling.max_tokens is 0; it must be at least 1."),
    ({"sampling": {"temperature": 0}}, "sampling.temperature is 0; a group of greedy completions is one completion, from "
                                       "which nothing can be learned. Set it to 1.0."),
    ({"optimizer": {"betas": [0.9]}}, "optimizer.betas has 1 items; it must have 2."),
    ({"optimizer": {"betas": [0.9, "x"]}}, 'optimizer.betas.1 is "x"; it must be a number. Try 1.0.'),
    ({"optimizer": {"learning_rate": {"kind": "linear"}}},
     "optimizer.learning_rate holds a table; it must be a number. Only numbers of the objective may follow a schedule."),
    ({"streams": {"pairs": {"coefficient": 1.0}}},
     "streams.pairs: a further stream has neither objective nor pairs; it is trained with one of the two. Give it pairs=dpo "
     "for pairs of answers, or an objective for single ones."),
    ({"fixing": {"diagnosis": "all_wrong"}}, "fixing.operator is missing; give it a value."),
])
def test_refused_in_one_line(change, line):
    with pytest.raises(UserError) as refused:
        from_plain(to_plain(recipe("grpo")) | change)
    assert str(refused.value) == line


@pytest.mark.parametrize("surrogate, line", [
    ({"kind": "clip", "hihi": 0.1},
     "objective.surrogate.hihi is unknown: objective.surrogate has no field 'hihi'; did you mean 'high'?"),
    ({"kind": "clip", "high": -1}, "objective.surrogate.high is -1.0; it must be at least 0. Try 0.2."),
    ({"kind": "clip", "high": "0.28"}, 'objective.surrogate.high is "0.28"; it must be a number. Try 0.28.'),
    ({"kind": "clip", "high": True}, "objective.surrogate.high is true; it must be a number. Try 1.0."),
    ({"high": 0.1}, 'objective.surrogate has no kind; say which surrogate it is: kind = "...".'),
    (0.2, 'objective.surrogate is 0.2; it must be the name of a piece (surrogate) or a table with its kind. '
          'Try {kind = "..."}.'),
    ("tests.config.build:NotASurrogate",
     "objective.surrogate: 'tests.config.build:NotASurrogate' cannot be the surrogate: it has no 'needs'. "
     "See Surrogate in rfpo.objective.slots."),
])
def test_a_piece_refused_in_one_line(surrogate, line):
    with pytest.raises(UserError) as refused:
        from_plain(table(surrogate=surrogate))
    assert str(refused.value) == line


def test_an_unknown_piece_suggests_the_nearest():
    with pytest.raises(UserError, match=r"^objective\.surrogate: there is no surrogate named 'clup'; did you mean 'clip'\?"):
        from_plain(table(surrogate="clup"))


def test_a_piece_of_ones_own_with_a_field_that_no_file_can_hold():
    with pytest.raises(UserError, match=r"^objective\.surrogate\.names is declared as list\[str\], which a run file"):
        from_plain(table(surrogate={"kind": "tests.config.build:OwnList", "names": ["a"]}))


def test_a_file_that_is_missing_or_no_toml(tmp_path):
    with pytest.raises(UserError, match="there is no run file at .*absent.toml; name a TOML file"):
        load(tmp_path / "absent.toml")
    (tmp_path / "broken.toml").write_text("name = \nseed = 1")
    with pytest.raises(UserError, match=r"broken.toml is not valid TOML: .*line 1"):
        load(tmp_path / "broken.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="binary.toml cannot be read as a run file"):
        load(tmp_path / "binary.toml")
    with pytest.raises(UserError, match="cannot be read as a run file"):
        load(tmp_path)
