"""Which prompts come next, and which groups dynamic sampling keeps."""

import pytest

from rfpo.allocation import mixed, shuffled
from rfpo.errors import UserError
from rfpo.records import Outcome, Prompt, Sample

PROMPTS = tuple(Prompt(f"{task}/{i}", "", task=task) for task in ("sum", "spell") for i in range(5))


def draw(cursor, count, seed=0, prompts=PROMPTS):
    return [(prompt.id, visit) for prompt, visit in shuffled.draw(prompts, seed, cursor, count)]


def test_each_epoch_has_every_prompt_once_in_an_order_of_its_own():
    first, second = draw(0, 10), draw(10, 10)
    assert sorted(first) == sorted((prompt.id, 0) for prompt in PROMPTS)
    assert sorted(second) == sorted((prompt.id, 1) for prompt in PROMPTS)
    assert [name for name, _ in first] != [name for name, _ in second]


def test_tasks_are_mixed():
    assert {name.split("/")[0] for name, _ in draw(0, 5)} == {"sum", "spell"}


def test_the_cursor_is_all_the_state_there_is():
    assert draw(0, 4) + draw(4, 9) + draw(13, 7) == draw(0, 20)


def test_the_seed_decides_the_order():
    assert draw(0, 10) == draw(0, 10) != draw(0, 10, seed=1)


def test_more_than_an_epoch_at_once_gives_different_keys():
    keys = draw(3, 20, prompts=PROMPTS[:3])
    assert len(set(keys)) == 20 and keys[0][1] == 1


def test_no_prompts_are_refused():
    with pytest.raises(UserError, match="0 training prompts"):
        draw(0, 1, prompts=())


def test_mixed_reads_outcomes_not_rewards():
    def row(outcome, reward):
        return Sample((1,), (5,), (True,), outcome, reward, ("p", 0))

    right, longer, false = row(Outcome.SOLVED, 1.0), row(Outcome.SOLVED, 0.5), row(Outcome.WRONG, 0.0)
    assert mixed((right, false)) and mixed((false, longer, false))
    assert not mixed((right, longer)) and not mixed((false, false)) and not mixed(())
