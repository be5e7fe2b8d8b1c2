from rfpo.config.run import Run
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def rfpo_suffix() -> Run:
    """RFPO with the off-policy ratio over what differs: the tokens from the first on in which correction and answer part.

        weight of a corrected answer = min(2, max(1/2, exp(mean log pi_old(o | q) - mean log pi_old(o_f | q))))
        each mean over the tokens from the first on in which the two differ

    The tokens before have the same log-probs in both answers and only dilute the two means. So R does not shrink towards 1
    where the error comes late, and it is noisier where it comes so late that few tokens are left. All tokens of the correction
    are trained all the same. Everything else is as in rfpo.
    """
    return corrected(grpo(), weight=OffPolicyRatio(form="suffix"))
