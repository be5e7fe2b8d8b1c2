"""What dynamic sampling keeps."""

from rfpo.allocation import mixed
from rfpo.records import Outcome, Sample


def sample(right, **rest):
    rest.setdefault("context", (1,))
    return Sample(tokens=(5,), trained=(True,), outcome=Outcome.SOLVED if right else Outcome.WRONG, reward=0.0, group=("p", 0),
                  **rest)


def test_right_and_wrong_answers_of_one_group_are_mixed():
    assert mixed([sample(True), sample(False)]) and not mixed([sample(True)] * 2) and not mixed([sample(False)] * 2)
    assert not mixed([])


def test_answers_that_are_not_compared_do_not_mix():
    assert not mixed([sample(False), sample(False), sample(True, context=(2,)), sample(True, context=(2,))])
    assert mixed([sample(False), sample(False), sample(True, context=(2,)), sample(False, context=(2,))])
    assert mixed([sample(False), sample(True, context=(2,), compared_in=(1,))])  # trained elsewhere, compared here


def test_a_row_with_a_loss_of_its_own_is_worth_keeping():
    assert mixed([sample(False), sample(False), sample(True, stream="imitation")])
