import pytest
import torch

from rfpo.batch import ORIGINS, collate
from rfpo.batch.collate import recount, split
from rfpo.records import Finish, Origin, Parent
from tests.batch.build import sample


def test_ragged_rows_are_padded_on_the_right():
    batch = collate([sample((5, 6, 7)), sample((8,))], max_length=9)
    assert batch.tokens.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert batch.valid.tolist() == [[True] * 3, [True, False, False]]
    assert batch.mask.tolist() == batch.valid.tolist()


def test_trained_spans_become_the_mask_and_are_counted():
    batch = collate([sample((5, 6, 7), trained=(True, False, True)), sample((8, 9), trained=(False, False))], max_length=9)
    assert batch.mask.tolist() == [[True, False, True], [False, False, False]]
    assert batch.valid.tolist() == [[True, True, True], [True, True, False]]
    counts = batch.counts
    assert (counts.tokens, counts.rows, counts.trained_rows, counts.groups, counts.max_length) == (2, 2, 1, 1, 9)


def test_a_prompt_drawn_twice_makes_two_groups():
    batch = collate([sample(visit=0), sample(visit=1), sample(visit=0), sample(prompt="q")], max_length=2)
    assert batch.group.tolist() == [0, 1, 0, 2] and batch.counts.groups == 3


def test_a_guided_context_makes_another_group():
    batch = collate([sample(context=(1, 2)), sample(context=(1, 2, 9)), sample(context=(1, 2))], max_length=2)
    assert batch.group.tolist() == [0, 1, 0]
    assert batch.contexts == ((1, 2), (1, 2, 9)) and batch.context.tolist() == [0, 1, 0]


def test_one_text_under_two_ids_makes_two_groups():
    assert collate([sample(prompt="p"), sample(prompt="q")], max_length=2).group.tolist() == [0, 1]


def test_unknown_behaviour_is_marked_as_unknown():
    batch = collate([sample(behaviour=(-1.0, -2.0)), sample()], max_length=2)
    assert batch.behaviour.tolist() == [[-1.0, -2.0], [0.0, 0.0]]
    assert batch.known.tolist() == [[True, True], [False, False]]


def test_an_empty_response_with_known_behaviour_is_a_row():
    batch = collate([sample((), behaviour=()), sample()], max_length=2)
    assert batch.valid.tolist() == [[False, False], [True, True]] and batch.counts.trained_rows == 1


def test_a_batch_of_empty_responses_has_no_columns():
    batch = collate([sample(()), sample(())], max_length=2)
    assert batch.tokens.shape == (2, 0) and batch.counts.tokens == 0 and not batch.corrected.any()


def test_the_parent_has_its_own_width():
    batch = collate([sample((5, 6), parent=Parent((5, 7, 8, 9), common_prefix=1)), sample((3,))], max_length=4)
    assert batch.parent_tokens.tolist() == [[5, 7, 8, 9], [0, 0, 0, 0]]
    assert batch.corrected.tolist() == [True, False] and batch.common_prefix.tolist() == [1, 0]


def test_flags_and_origins():
    batch = collate([sample(origin=Origin.CORRECTED, counts_for_baseline=False), sample(finish=Finish.LENGTH)], max_length=2)
    assert [ORIGINS[number] for number in batch.origin] == ["corrected", "sampled"]
    assert batch.baseline.tolist() == [False, True] and batch.truncated.tolist() == [False, True]


def test_rewards_by_name_are_columns_and_absent_ones_are_zero():
    batch = collate([sample(reward=1.5, rewards={"format": 0.5}), sample(rewards={"length": -1.0})], max_length=2)
    assert batch.reward.tolist() == [1.5, 0.0] and batch.reward.dtype == torch.float32
    assert batch.parts["format"].tolist() == [0.5, 0.0] and batch.parts["length"].tolist() == [0.0, -1.0]


def test_units_are_shared_only_when_they_are_named():
    batch = collate([sample(unit=4), sample(), sample(unit=4), sample(), sample(unit=1)], max_length=2)
    first, alone, again, other, third = batch.unit.tolist()
    assert first == again and len({first, alone, other, third}) == 4


def test_no_samples_make_no_batch():
    with pytest.raises(ValueError, match="no samples"):
        collate([], max_length=2)


def four_groups():
    return collate([sample((5, 6), prompt=prompt, trained=trained, reward=float(i)) for i, (prompt, trained) in enumerate(
        [("p", None), ("q", (True, False)), ("p", (False, False)), ("r", None), ("s", None)])], max_length=9)


def test_recount_counts_the_rows_that_are_there():
    counts = recount(four_groups().rows(torch.tensor([1, 2]))).counts
    assert (counts.tokens, counts.rows, counts.trained_rows, counts.groups, counts.max_length) == (1, 2, 1, 2, 9)


def test_split_keeps_groups_whole_and_counts_each_part():
    first, second = split(four_groups(), 2)
    assert first.reward.tolist() == [0.0, 1.0, 2.0] and second.reward.tolist() == [3.0, 4.0]
    assert (first.counts.rows, first.counts.tokens, second.counts.rows, second.counts.tokens) == (3, 3, 2, 4)


def test_split_makes_no_empty_part():
    parts = split(four_groups(), 9)
    assert [part.counts.groups for part in parts] == [1, 1, 1, 1]
    assert split(four_groups(), 1)[0].counts == four_groups().counts
