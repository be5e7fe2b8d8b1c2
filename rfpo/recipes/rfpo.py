from rfpo.config.run import Run
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.operators.fix_located import FixLocated
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def rfpo() -> Run:
    """The recommended RFPO: GRPO, whose all-wrong groups get one correction that the verifier has accepted.

        weight of a corrected answer = min(2, max(1/2, exp(mean log pi_old(o | q) - mean log pi_old(o_f | q))))

    Why so, and not as printed:
    - outer: the off-policy ratio multiplies the clipped loss. Inside the clip, as printed, a correction whose ratio is
      below 0.8 has no gradient at the first update and never starts to move (that reading is rfpo_printed).
    - mean form: summed log-probs are decided by the lengths of the two answers, and overflow.
    - cap 2: one correction in a group of 8 has the advantage 2.5 already.
    - detached: otherwise the loss raises the probability of the wrong answer.
    - replace_one, its own parent: replacing every wrong answer would leave nothing to compare with.
    - only corrections that the verifier accepts, told where the first error is (fix_located).

    The direction is an open question. gamma = 1, as printed, weighs a correction up where the policy prefers the wrong
    answer; the text around the formula asks for the opposite, which is gamma = -1 (rfpo_inverse). gamma = 0 is no weight. On
    the one task measured so far (studies/first) gamma = 0 is a little better than 1, and -1 better than both; the default waits
    for more tasks.
    """
    return corrected(grpo(), diagnosis=AllWrong(), operator=FixLocated(), merge=ReplaceOne(),
                     weight=OffPolicyRatio(gamma=1.0, form="mean", cap=2.0))
