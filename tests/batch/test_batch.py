from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from rfpo.batch import collate
from rfpo.records import Parent
from tests.batch.build import sample


def three():
    batch = collate([sample((5, 6, 7, 8), reward=1.0, rewards={"a": 1.0}), sample((5,), reward=2.0, rewards={"a": 2.0}),
                     sample((1, 2), reward=3.0, parent=Parent((9, 9, 9), 0), rewards={"a": 3.0})], max_length=4)
    return replace(batch, old=torch.arange(12.0).reshape(3, 4), parent=torch.ones(3, 3))


def test_rows_are_picked_from_every_column_and_counts_stay_global():
    whole = three()
    part = whole.rows(torch.tensor([2, 0]))
    assert part.reward.tolist() == [3.0, 1.0] and part.parts["a"].tolist() == [3.0, 1.0]
    assert part.old.tolist() == [[8.0, 9.0, 10.0, 11.0], [0.0, 1.0, 2.0, 3.0]]
    assert part.counts == whole.counts and part.contexts == whole.contexts and len(part) == 2


def test_rows_by_a_boolean_are_the_same_rows():
    whole = three()
    assert torch.equal(whole.rows(torch.tensor([False, True, True])).tokens, whole.rows(torch.tensor([1, 2])).tokens)


def test_trim_cuts_what_is_padding_in_every_row():
    part = three().rows(torch.tensor([1, 2])).trim()
    assert part.tokens.tolist() == [[5, 0], [1, 2]] and part.old.shape == (2, 2)
    assert part.parent_tokens.shape == part.parent.shape == (2, 3)


def test_trim_without_parents_leaves_no_parent_columns():
    part = three().rows(torch.tensor([0, 1])).trim()
    assert part.parent.shape == (2, 0) and part.tokens.shape == (2, 4) and not part.corrected.any()


def test_trim_keeps_tokens_that_are_valid_but_not_trained():
    batch = collate([sample((5, 6, 7), trained=(True, False, False))], max_length=4).trim()
    assert batch.tokens.tolist() == [[5, 6, 7]]


def test_trim_of_a_full_batch_changes_nothing():
    assert torch.equal(three().trim().tokens, three().tokens)


def test_corrected_without_parent_columns_is_false_everywhere():
    assert replace(three(), parent_mask=None).corrected.tolist() == [False, False, False]


def test_a_batch_is_not_assigned_to():
    with pytest.raises(FrozenInstanceError):
        three().reward = torch.zeros(3)


def test_to_moves_every_tensor():
    moved = three().to("meta")
    assert moved.tokens.device.type == moved.parts["a"].device.type == moved.parent.device.type == "meta"
