from rfpo.config.run import Run
from rfpo.correction.merge.append import Append
from rfpo.correction.operators.resample import Resample
from rfpo.diagnosis.pass_rate import PassRate
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo

BELOW_HALF = 0.499
"""A share of solved answers below one half, in groups of up to 500."""


def dars() -> Run:
    """DARS: prompts that are seldom solved are drawn more often, so that a hard prompt weighs as much as an easy one.

        p = share of the N answers that is right, at least .5 / N;   S = 2 p (1 - p)
        p < 1/2  ->  ceil( (N/2 - N S) / S ) further draws, so that the group has at most 32 answers

    All of them, right or wrong, join the group as rows like its own, in its baseline; every row of the step weighs the same.
    A control for every correction: what is gained by drawing more where it fails. Hardness weighted:
    `--set fixing.operator.amount=hardness_weighted --set fixing.operator.n_max=64`.

    Differs from the paper: its breadth, larger batches, is a size and not part of this; an all-wrong group stays without signal
    after its draws, as there.

    Differs from its released code: a group of which every wrong answer is truncated gets no further draws.

    Paper: arXiv 2508.13755; census row none.
    """
    return corrected(grpo(), diagnosis=PassRate(at_most=BELOW_HALF), operator=Resample(amount="equal_treatment", n_max=32),
                     merge=Append(all_tries=True), weight=None)
