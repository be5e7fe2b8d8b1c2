from rfpo.config.run import Run
from rfpo.correction.merge.group_swap import GroupSwap
from rfpo.correction.operators.hint_ladder import HintLadder
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def nurl() -> Run:
    """NuRL: an all-wrong group becomes seven answers with an abstract hint of the policy's own, and one without.

        all wrong   ->   the policy is shown the reference and writes the knowledge that it calls for, no number of it; 7
                         answers with this hint and the group's first plain answer are the group, compared with each other
        its loss         GRPO's, the hinted rows under the hinted prompt: on-policy, no weight

    `fixing.operator.n` is the group's size less one: change it with group_size.

    Differs from the paper: one stage. There NuRL begins where GRPO has converged (give such a model, or `fixing.help.after`);
    the hints are written before training, here at each visit by the policy as it is then, in one request (there: first an
    explanation of the answer, then its abstraction). Prompts on which everything is right stay, without an advantage.
    UNVERIFIED: that hinted answers are trained under the hinted prompt; else `fixing.merge.conditioning=original`.

    Paper: arXiv 2509.25666; census row none.
    """
    ladder = HintLadder(source="policy", writing="abstract", levels=1, n=7)
    return corrected(grpo(), diagnosis=AllWrong(), operator=ladder, merge=GroupSwap(conditioning="guided", fill=True),
                     weight=None)
