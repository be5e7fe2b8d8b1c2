from rfpo.config.run import Run
from rfpo.objective import Objective
from rfpo.objective.advantage.leave_one_out import LeaveOneOut
from rfpo.objective.aggregation.sequence_sum import SequenceSum
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.surrogate.unbounded import Unbounded


def rloo() -> Run:
    """RLOO (arXiv 2402.14740): REINFORCE with the mean reward of the group's other answers as the baseline.

        loss = -1/N sum_i (R_i - mean of the others' R) log pi_theta(o_i | q)

    The whole answer is one action; one update a step. The paper takes a KL penalty off the reward; it is left out here.
    """
    return Run(objective=Objective(advantage=LeaveOneOut(), ratio=OnPolicy(), surrogate=Unbounded(),
                                   aggregation=SequenceSum()))
