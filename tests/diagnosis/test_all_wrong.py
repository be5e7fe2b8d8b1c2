"""Stuck is read from outcomes; what was not graded is not wrong."""

import pytest

from rfpo.diagnosis import Diagnosis
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.errors import UserError
from rfpo.records import Verdict
from tests.correction.builders import attempt, group, solved, truncated, ungraded, wrong


def test_is_a_diagnosis():
    assert isinstance(AllWrong(), Diagnosis)


@pytest.mark.parametrize("attempts, stuck", [
    ((wrong("a"), wrong("b")), True),
    ((wrong("a"), solved()), False),
    ((solved(), solved()), False),
    ((ungraded("a"), ungraded("b")), False),
    ((wrong("a"), ungraded("b")), False),
    ((wrong("a"), wrong("b"), ungraded("c")), True),
    ((truncated("a"), truncated("b")), True),
    ((attempt("a", Verdict.wrong("a", score=0.9)), wrong("b")), True),
    ((attempt("a", Verdict.solved("a", score=0.0)), wrong("b")), False),
    ((), False),
])
def test_all_wrong(attempts, stuck):
    assert AllWrong()(group(*attempts)) is stuck


def test_min_graded():
    assert AllWrong(min_graded=1)(group(wrong("a"), ungraded("b")))
    assert not AllWrong(min_graded=3)(group(wrong("a"), wrong("b"), ungraded("c")))
    with pytest.raises(UserError, match="min_graded is 0"):
        AllWrong(min_graded=0)
