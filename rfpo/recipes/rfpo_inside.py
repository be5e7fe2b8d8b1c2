from dataclasses import replace

from rfpo.config.run import Run
from rfpo.objective.ratio.times_weight import TimesWeight
from rfpo.objective.ratio.token import Token
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def rfpo_inside() -> Run:
    """RFPO with the off-policy ratio inside the clip only, as though it were part of the importance ratio.

        loss = 1/N sum_i 1/|o_i| sum_t -min[ r R A , clip(r R, 0.8, 1.2) A ]

    For comparison with rfpo_outer: a correction with R above 1.2 is clipped away, which is conservative in PPO's sense.
    """
    run = corrected(grpo(), weight=None)
    return replace(run, objective=replace(run.objective, ratio=TimesWeight(base=Token(), weight=OffPolicyRatio())))
