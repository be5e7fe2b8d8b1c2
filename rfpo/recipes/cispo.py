from dataclasses import replace

from rfpo.config.run import Run
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.surrogate.detached_cap import DetachedCap
from rfpo.recipes.grpo import grpo


def cispo() -> Run:
    """CISPO (MiniMax-M1, arXiv 2506.13585): the ratio is a bounded, detached weight, so that every token keeps a gradient.

        loss = token mean of -sg(min(r, 5)) A log pi_theta,   A = (R - mean_g) / std_g

    `cap` bounds the ratio itself; 5 is ScaleRL's value (arXiv 2510.13786). No lower bound, no KL.
    """
    run = grpo()
    return replace(run, objective=replace(run.objective, surrogate=DetachedCap(cap=5.0), aggregation=TokenMean()))
