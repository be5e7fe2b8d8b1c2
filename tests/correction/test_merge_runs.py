"""Merges in a run: set from the command line, written and read again, and one step with scripted answers."""

from dataclasses import replace

import pytest

from rfpo.config.change import change
from rfpo.config.load import from_plain
from rfpo.config.run import ExtraStream
from rfpo.config.save import to_plain
from rfpo.correction.merge.append import Append
from rfpo.correction.merge.leave import Leave
from rfpo.correction.merge.pairs import Pairs
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.errors import UserError
from rfpo.objective.advantage.constant import Constant
from rfpo.pieces import names
from rfpo.recipes import recipe
from tests.config.build import complete
from tests.training.scripted import CARRY, RESULT, RIGHT, bench, says, step

FAILED = [CARRY, RESULT, "1", "2"]
TRIES = [RIGHT, RESULT, RIGHT, "3"]  # four at once, one for each wrong answer
AT_ONCE = {"fixing__operator__tries": 4, "fixing__operator__at_once": 4}
IMITATE = ExtraStream(objective=replace(recipe("reinforce_pp").objective, advantage=Constant()))


def learned(merge, operator="fix_located", **options):
    """Of a stuck group with two corrections: the batches of the step's update, and the rollout rows."""
    run = replace(recipe("rfpo"), streams={name: IMITATE for name in ("first_turn", "imitation", "pairs", "distillation")})
    changes = {"fixing__operator": operator} | AT_ONCE | {"fixing__merge": merge}
    made = bench(says(FAILED, TRIES), run=run, **changes, **{f"fixing__merge__{name}": x for name, x in options.items()})
    rows = step(made)[2]
    (update,) = made.engine.updates
    return [stream.batch for stream in update], rows


@pytest.mark.parametrize(("merge", "options", "rows", "reward", "contexts"), [
    ("replace_one", {}, 4, 1, 1), ("replace_one", {"conditioning": "guided", "whom": "random"}, 4, 1, 2),
    ("replace_one", {"conditioning": "both"}, 4, 2, 2), ("replace_k", {"k": 2, "conditioning": "guided"}, 4, 2, 3),
    ("append", {"most": "none"}, 6, 2, 1), ("append", {"all_tries": True}, 8, 2, 1),
    ("group_swap", {"operator": "avoid_answers"}, 4, 2, 1), ("group_swap", {"fill": True}, 4, 1, 2),
    ("own_group", {"across": True}, 8, 2, 5), ("two_turns", {"bonus": 1.0}, 8, 4, 5),
    ("pairs", {"beside": "replace_one"}, 4, 1, 1), ("distil", {"beside": "replace_one"}, 4, 1, 1)])
def test_a_step_of_the_policys_stream(merge, options, rows, reward, contexts):
    (batch, *_), _ = learned(merge, **options)
    assert (len(batch), batch.reward.sum(), len(batch.contexts)) == (rows, reward, contexts)


@pytest.mark.parametrize(("merge", "options", "rewards"), [
    ("extra_loss", {}, [1, 1]), ("two_turns", {"stage": 1}, [0, 0, 0, 0]), ("two_turns", {"distilled": True}, [1, 1]),
    ("pairs", {}, [1, 0, 1, 0]), ("distil", {}, [0, 0, 0, 0])])
def test_a_step_of_another_stream(merge, options, rewards):
    (_, batch), rows = learned(merge, **options)
    assert batch.reward.tolist() == rewards and len(batch.contexts) == 1
    assert sum(row["trained"] is True for row in rows) >= len(rewards)
    if merge == "distil":
        assert len({*batch.teacher_contexts}) == 4 and batch.contexts[0] not in batch.teacher_contexts


def test_a_step_without_a_row_of_the_policys_stream():
    (batch,), _ = learned("extra_loss", instead=True)
    assert batch.reward.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("merge", names("rfpo.correction.merge"))
def test_a_merge_is_set_by_its_name_and_read_again(merge):
    run = change(complete(), [f"fixing.merge={merge}"])
    assert from_plain(to_plain(run)) == run
    options = {"leave": [], "distil": ["failures=zeroed"], "reflections": ["failures=zeroed"],
               "group_swap": ["conditioning=both"], "two_turns": ["conditioning=both", "trained=drawn"],
               "pairs": ["trained=drawn", "failures=zeroed"]}
    chosen = options.get(merge, ["conditioning=both", "trained=drawn", "failures=zeroed", "help_discount=0.5"])
    changed = change(run, [f"fixing.merge.{option}" for option in chosen])
    for option in chosen:
        name, value = option.split("=")
        assert str(getattr(changed.fixing.merge, name)) == value
    assert from_plain(to_plain(changed)) == changed


def test_what_stands_beside_is_set_like_any_piece():
    run = change(complete(), ["fixing.merge=pairs"])
    assert run.fixing.merge == Pairs(beside=Leave())
    made = change(run, ["fixing.merge.beside=replace_one", "fixing.merge.beside.whom=random"])
    assert made.fixing.merge == Pairs(beside=ReplaceOne(whom="random"))
    assert change(run, ["fixing.merge.beside=none"]).fixing.merge == Pairs(beside=None)
    assert change(made, ["fixing.merge=append", "fixing.merge.most=none"]).fixing.merge == Append(most=None)
    with pytest.raises(UserError, match="fixing.merge.beside"):
        change(run, ["fixing.merge.beside=replace_some"])
