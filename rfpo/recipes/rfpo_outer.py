from rfpo.config.run import Run
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def rfpo_outer() -> Run:
    """RFPO with the published off-policy ratio outside of the clip only: a weight on the clipped loss (gamma = 1).

        weight of a corrected answer = min(2, max(1/2, exp(mean log pi_old(o | q) - mean log pi_old(o_f | q))))

    A correction weighs the more, the more the policy prefers the wrong answer. Everything else is as in rfpo, which has the
    ratio in the same place and switched off.
    """
    return corrected(grpo(), weight=OffPolicyRatio(gamma=1.0))
