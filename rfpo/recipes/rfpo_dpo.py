from dataclasses import replace

from rfpo.config.run import ExtraStream, Run
from rfpo.correction.merge.pairs import Pairs
from rfpo.objective.pairwise.dpo import Dpo
from rfpo.recipes.rfpo import rfpo


def rfpo_dpo() -> Run:
    """A control for R_off: rfpo's corrections without a weight, and DPO on each pair of a correction and its wrong answer.

        loss = GRPO with the correction in its parent's place (weight 1) + 0.1 DPO(o_f over o), against the frozen first policy

    As rfpo_simpo, which needs no second model, with the loss whose gradient's coefficient is R_off's relative: the sigmoid of
    how much more than its reference the policy prefers the wrong answer, in sums of log-probs. Everything else is rfpo's.

    The coefficient 0.1 is a choice, not a result; DPO's beta is its usual 0.1. DPO: arXiv 2305.18290.
    """
    run = rfpo()
    merge = Pairs(beside=run.fixing.merge, most=1)
    return replace(run, fixing=replace(run.fixing, merge=merge), objective=replace(run.objective, weights=()),
                   streams={"pairs": ExtraStream(pairs=Dpo(beta=0.1, base="reference"), coefficient=0.1)})
