from rfpo.config.run import Run
from rfpo.objective import Objective
from rfpo.objective.advantage.group_centred import GroupCentred
from rfpo.objective.aggregation.sequence_sum import SequenceSum
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.surrogate.unbounded import Unbounded


def reinforce() -> Run:
    """REINFORCE (Williams, 1992) with the group's mean reward as its baseline.

        loss = -1/N sum_i (R_i - mean_g) log pi_theta(o_i | q)

    On-policy: one update a step, no ratio, no trust region, no KL.
    """
    return Run(objective=Objective(advantage=GroupCentred(), ratio=OnPolicy(), surrogate=Unbounded(),
                                   aggregation=SequenceSum()))
