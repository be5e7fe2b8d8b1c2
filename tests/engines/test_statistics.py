"""What an update reports of corrected rows."""

import pytest
import torch

from rfpo.engines.local.learning import Tally, observe
from rfpo.recipes import recipe
from tests.objective.build import batch, policy


def test_the_share_of_the_gradient_and_of_the_clip_that_corrected_rows_have():
    rows = batch(((1, 1), (1, 1), (1, 0)), advantage=[[1.0, 1.0], [-1.0, -1.0], [0.0, 0.0]],
                 parent_mask=[[1], [0], [0]], parent=[[-1.0], [0.0], [0.0]])
    here = policy([[-1.0, -1.0], [-1.0, -1.0], [-1.0, 0.0]])
    here.logp.grad = torch.tensor([[3.0, 0.0], [-1.0, -2.0], [9.0, 0.0]], dtype=torch.float64)  # the last row pulls nothing
    tally = Tally()
    for _ in range(2):  # two micro-batches
        observe(tally, here, rows, recipe("grpo").objective)
    assert tally.statistics["gradient_share_corrected"] == pytest.approx(0.5)  # 3 of 3 + 1 + 2
    assert tally.statistics["clip_share_corrected"] == 0.5 and tally.statistics["clip_share"] == 0.25


def test_without_corrected_rows_there_is_no_share():
    here = policy([[-1.0, -1.0]])
    here.logp.grad = torch.ones(1, 2, dtype=torch.float64)
    tally = Tally()
    observe(tally, here, batch(((1, 1),), advantage=[[1.0, 1.0]]), recipe("grpo").objective)
    assert "gradient_share_corrected" not in tally.statistics
    tally.share("nothing", torch.zeros(0), torch.zeros(0))
    assert "nothing" not in tally.statistics
