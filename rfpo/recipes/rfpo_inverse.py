from rfpo.config.run import Run
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def rfpo_inverse() -> Run:
    """RFPO with the off-policy ratio turned over (gamma = -1): a correction that the policy finds unlikely weighs less.

        weight of a corrected answer = min(2, max(1/2, exp(mean log pi_old(o_f | q) - mean log pi_old(o | q))))

    This is what the words "use the corrected response more conservatively" ask for, and the direction of a
    Metropolis-Hastings ratio for a symmetric edit. Everything else is as in rfpo.
    """
    return corrected(grpo(), weight=OffPolicyRatio(gamma=-1.0))
