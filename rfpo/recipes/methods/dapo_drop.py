from dataclasses import replace

from rfpo.config.run import DynamicSampling, Run
from rfpo.recipes.grpo import grpo


def dapo_drop() -> Run:
    """DAPO's dynamic sampling alone: groups without a difference are dropped and others drawn in their place.

    A control for every correction: what is spent on drawing other prompts. All else is grpo's (dapo has the rest of the
    paper). A prompt on which everything is wrong is drawn, paid for, and never trained.

    Differs from the paper: at most `dynamic_sampling.max_rounds` draws a step, so a step may train fewer groups.

    Paper: arXiv 2503.14476; census row none.
    """
    return replace(grpo(), dynamic_sampling=DynamicSampling())
