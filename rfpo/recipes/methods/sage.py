from rfpo.config.run import Run
from rfpo.correction.merge.group_swap import GroupSwap
from rfpo.correction.operators.hint_ladder import HintLadder
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.objective.surrogate.clip import Clip
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def sage() -> Run:
    """SAGE: the policy writes itself three hints from the reference, and an all-wrong group is drawn again with the least.

        all wrong   ->   the policy is shown the reference and writes a hint of level 1, without the answer; 8 answers with it;
                         none right: a hint of level 2, and of level 3
        the first of these groups with a right answer replaces the plain one, prompt and all: on-policy, no weight

    Clip .2 below and .28 above. `fixing.operator.n` is the group's size: change it with group_size. SAGE-light begins at the
    level that the prompt needed last: `fixing.operator.start=history`.

    Differs from the paper: each level is written by a request of its own (there: all in one reply, as JSON), the hints
    themselves are not trained, and SAGE-light goes by the level that helped and not by the last epoch's accuracy (at most .1:
    up, above .35: down).

    Paper: arXiv 2602.03143; census row none.
    """
    ladder = HintLadder(source="policy", writing="graded", levels=3, order="least_first", n=8)
    run = corrected(grpo(), diagnosis=AllWrong(), operator=ladder, merge=GroupSwap(conditioning="guided"), weight=None)
    return with_objective(run, surrogate=Clip(low=0.2, high=0.28))
