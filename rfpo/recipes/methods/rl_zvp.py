from rfpo.config.run import Run
from rfpo.objective.regularizer.zero_variance import ZeroVariance
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def rl_zvp() -> Run:
    """RL-ZVP: prompts whose answers are all right or all wrong are trained by the entropy of their tokens.

        all right:  A_t = alpha H_t               all wrong:  A_t = -alpha (max_k H_k - H_t)           else GRPO's

    Undecided tokens are praised the most and blamed the least. It needs the entropy of every token, which is a second product
    with the head.

    UNVERIFIED: alpha; 0.1 is ours.

    Paper: arXiv 2509.21880; census row none.
    """
    return with_objective(grpo(), regularizers=(ZeroVariance(coefficient=0.1),))
