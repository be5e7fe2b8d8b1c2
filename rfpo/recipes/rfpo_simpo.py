from dataclasses import replace

from rfpo.config.run import ExtraStream, Run
from rfpo.correction.merge.pairs import Pairs
from rfpo.objective.pairwise.simpo import Simpo
from rfpo.recipes.rfpo import rfpo


def rfpo_simpo() -> Run:
    """A control for R_off: rfpo's corrections without a weight, and SimPO on each pair of a correction and its wrong answer.

        loss = GRPO with the correction in its parent's place (weight 1) + 0.1 SimPO(o_f over o)

    R_off pushes a correction harder where the policy prefers the wrong answer, and so does a preference loss on the pair; if
    this is as good, R_off is a special case of it. Everything else is rfpo's.

    The coefficient 0.1 and SimPO's beta 2 and gamma/beta 0.5 are choices, not results. SimPO: arXiv 2405.14734.
    """
    run = rfpo()
    merge = Pairs(beside=run.fixing.merge, most=1)
    return replace(run, fixing=replace(run.fixing, merge=merge), objective=replace(run.objective, weights=()),
                   streams={"pairs": ExtraStream(pairs=Simpo(beta=2.0, gamma=1.0), coefficient=0.1)})
