from rfpo.config.run import Run
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def rfpo_accept() -> Run:
    """RFPO with the off-policy ratio as the acceptance probability of Metropolis and Hastings (gamma = -1, at most 1).

        weight of a corrected answer = min(1, exp(mean log pi_old(o_f | q) - mean log pi_old(o | q)))

    If a correction is as easily undone as it is made, the ratio of the two answers' probabilities is that of accepting the
    move from the one to the other. That is a reason for a direction and no theorem: correcting has an aim, the wrong answer
    was selected for being wrong, and with means over tokens the probability is a tempered one. A correction never weighs more
    than 1, and without a cap an unlikely one may weigh as little as it likes. Everything else is as in rfpo; rfpo_inverse is
    the same ratio within 1/2 and 2.
    """
    return corrected(grpo(), weight=OffPolicyRatio(gamma=-1.0, link="accept", cap=None))
