from dataclasses import replace

from rfpo.config.run import Run
from rfpo.objective.advantage.group_centred import GroupCentred
from rfpo.objective.aggregation.constant_length import ConstantLength
from rfpo.recipes.grpo import grpo


def dr_grpo() -> Run:
    """Dr.GRPO (arXiv 2503.20783): GRPO without its division by the group's std and by the answer's length.

        loss = 1/(N T_max) sum_{i,t} -min[ r A , clip(r, 0.8, 1.2) A ],   A = R - mean_g

    T_max is sampling.max_tokens. The loss is smaller than GRPO's by about |o|/T_max, so the learning rate is tuned anew.
    """
    run = grpo()
    return replace(run, objective=replace(run.objective, advantage=GroupCentred(), aggregation=ConstantLength()))
