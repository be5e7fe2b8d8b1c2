from dataclasses import replace

from rfpo.config.run import Run
from rfpo.objective.ratio.sequence import Sequence
from rfpo.objective.surrogate.clip import Clip
from rfpo.recipes.grpo import grpo


def gspo() -> Run:
    """GSPO (arXiv 2507.18071): GRPO with one ratio an answer, the geometric mean of its tokens' ratios.

        loss = 1/N sum_i -min[ s_i A_i , clip(s_i, 1 - 3e-4, 1 + 4e-4) A_i ],   s_i = exp(1/|o_i| sum_t log r_t)

    The bounds are about a thousandth of PPO's, because a mean over tokens moves little. The ratio leaves 1, and the clip
    acts, only with updates_per_step or epochs above 1 (four updates a step in the paper). No KL.
    """
    run = grpo()
    return replace(run, objective=replace(run.objective, ratio=Sequence(), surrogate=Clip(low=3e-4, high=4e-4)))
