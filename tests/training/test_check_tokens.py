"""How many tokens `rfpo check` says that corrections may take."""

import pytest

from rfpo.config.change import change
from rfpo.recipes import recipe
from rfpo.training.check import most_tokens
from tests.training.scripted import HARD


@pytest.mark.parametrize(("name", "changes", "tries"), [
    ("rfpo", [], 4), ("rfpo", ["fixing.operator.tries=3"], 3), ("extra_samples", [], 4),
    ("lte", [], 8),  # the group is drawn once more
    ("luffy", [], 0), ("sdpo", [], 0),  # given, and shown to a teacher: nothing is drawn
    ("exgrpo", [], 0),  # nothing is stored yet
])
def test_the_operator_is_played_on_failures(name, changes, tries):
    run = change(recipe(name), [*changes, "sampling.max_tokens=10"])
    assert most_tokens(run, HARD) == tries * 10


def test_reflections_count_at_their_own_length():
    run = change(recipe("rfpo"), ['fixing.operator={kind="reflect_then_retry", tries=2, reflection_tokens=7}',
                                  "sampling.max_tokens=10"])
    assert most_tokens(run, HARD) == 2 * (7 + 10)
