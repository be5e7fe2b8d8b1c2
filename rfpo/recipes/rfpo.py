from rfpo.config.run import Run
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.operators.fix_located import FixLocated
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def rfpo() -> Run:
    """The recommended RFPO: GRPO, whose all-wrong groups get one correction that the verifier has accepted.

        weight of a corrected answer = min(2, max(1/2, exp(gamma (mean log pi_old(o | q) - mean log pi_old(o_f | q)))))

    with gamma = 0: the off-policy ratio is in its place and switched off.

    Why so, and not as printed:
    - gamma = 0: in the first study (studies/first) the ratio as published was never better than none, and it was worse where
      the policy is sure of its mistake. Turned over (gamma = -1) it was a little better there, and level elsewhere: less than
      the difference that the study calls worth having.
    - outer: the off-policy ratio, where it is on, multiplies the clipped loss. Inside the clip, as printed, a correction whose
      ratio is below 0.8 has no gradient at the first update and never starts to move (that reading is rfpo_printed).
    - mean form: summed log-probs are decided by the lengths of the two answers, and overflow.
    - cap 2: one correction in a group of 8 has the advantage 2.5 already.
    - detached: otherwise the loss raises the probability of the wrong answer.
    - replace_one, its own parent: replacing every wrong answer would leave nothing to compare with.
    - only corrections that the verifier accepts, told where the first error is (fix_located).

    The ratio is a field: `--set objective.weights.0.gamma=1` weighs a correction up where the policy prefers the wrong answer,
    as published (rfpo_outer); -1 turns it over, which the text around the formula asks for (rfpo_inverse).
    """
    return corrected(grpo(), diagnosis=AllWrong(), operator=FixLocated(), merge=ReplaceOne(),
                     weight=OffPolicyRatio(gamma=0.0, form="mean", cap=2.0))
