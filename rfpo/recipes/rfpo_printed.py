from dataclasses import replace

from rfpo.config.run import Run
from rfpo.objective.surrogate.clip_times_weight import ClipTimesWeight
from rfpo.objective.weight.off_policy_ratio import OffPolicyRatio
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def rfpo_printed() -> Run:
    """RFPO with the off-policy ratio where its author printed it: inside the clip and again outside of it.

        loss = 1/N sum_i 1/|o_i| sum_t -min[ r R A , clip(r R, 0.8, 1.2) R A ]

    For comparison with rfpo_outer: a correction with R below 0.8 has no gradient at r = 1. The ratio is the same (mean form,
    cap 2), so that the readings differ in its place only. In print it is the uncapped sum:
    `--set objective.surrogate.weight.form=sum --set objective.surrogate.weight.cap=none`. The printed KL term, whose
    coefficient is not given, is left out as in grpo.
    """
    run = corrected(grpo(), weight=None)
    return replace(run, objective=replace(run.objective, surrogate=ClipTimesWeight(weight=OffPolicyRatio())))
