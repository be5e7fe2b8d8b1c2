import pytest
import torch

from rfpo.batch import TokenCounts
from rfpo.errors import UserError
from rfpo.objective.aggregation.constant_length import ConstantLength
from rfpo.objective.aggregation.sequence_mean import SequenceMean
from rfpo.objective.aggregation.sequence_sum import SequenceSum
from rfpo.objective.aggregation.token_mean import TokenMean
from tests.objective.build import batch, close, tensor

NAN = float("nan")
LOSS = tensor([[1.0, 2.0, 3.0], [10.0, NAN, NAN], [NAN, NAN, NAN]])
DATA = batch(((1, 1, 1), (1, 0, 0), (0, 0, 0)))
PIECES = [(TokenMean(), 16 / 4), (SequenceMean(), (2 + 10) / 3), (SequenceMean(count_masked_rows=False), (2 + 10) / 2),
          (SequenceSum(), (6 + 10) / 3), (ConstantLength(), 16 / (3 * 4)), (ConstantLength(length=8), 16 / (3 * 8))]


@pytest.mark.parametrize("piece, expected", PIECES, ids=lambda x: repr(x))
def test_by_hand(piece, expected):
    close(piece(LOSS, DATA), expected)


@pytest.mark.parametrize("piece, expected", PIECES, ids=lambda x: repr(x))
def test_the_parts_of_an_update_add_up(piece, expected):
    parts = [piece(LOSS[rows], DATA.rows(tensor(rows, dtype=torch.long))) for rows in ([0], [1, 2])]
    close(sum(parts), expected)


@pytest.mark.parametrize("piece", [piece for piece, _ in PIECES], ids=repr)
def test_nothing_trained_is_zero(piece):
    empty = TokenCounts(tokens=0, rows=0, trained_rows=0, groups=0, max_length=4)
    close(piece(LOSS, batch(((0, 0, 0),) * 3, counts=empty)), 0.0)


@pytest.mark.parametrize("wrong", [lambda: ConstantLength(length=0), lambda: SequenceMean(count_masked_rows=2)])
def test_a_bad_field_is_named(wrong):
    with pytest.raises(UserError, match=r"length|count_masked_rows"):
        wrong()
