from rfpo.config.run import Run
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def rfpo_sigmoid() -> Run:
    """RFPO with the off-policy ratio bounded by itself: 2 sigmoid(log R) in the place of R, between 0 and 2.

        weight of a corrected answer = 2 sigmoid(log R) = 2 R / (1 + R)
        log R = mean log pi_old(o | q) - mean log pi_old(o_f | q)

    1 at R = 1, as R is, and half as steep there in log R. It is the coefficient with which SimPO at margin 0 and beta 1 pushes
    the correction of a pair up, times 2: the positive half of a preference loss (rfpo_simpo has both halves). There is no cap,
    since none is needed. Everything else is as in rfpo.
    """
    return corrected(grpo(), weight=OffPolicyRatio(link="sigmoid", cap=None))
