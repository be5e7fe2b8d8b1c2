from dataclasses import replace

from rfpo.config.run import ExtraStream, Run
from rfpo.correction.merge.extra_loss import ExtraLoss
from rfpo.correction.merge.pairs import Pairs
from rfpo.correction.operators.minimal_edit import MinimalEdit
from rfpo.diagnosis.each_wrong import EachWrong
from rfpo.objective import Objective
from rfpo.objective.advantage.constant import Constant
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.pairwise.dpo import Dpo
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.surrogate.log_likelihood import LogLikelihood
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.schedule.linear import Linear

THIRD, AFTER = 0.33, 0.34
"""2 epochs of alignment and 4 of DPO in the paper; between the two shares of the run the one gives way to the other."""


def opa_dpo() -> Run:
    """OPA-DPO: first the corrections are made likely by imitation, then they are preferred to the answers that they correct.

        first third of the run   loss = token mean of -log pi(o_f | q)
        from then on             loss = -log sigmoid( .1 [ log pi/pi_old (o_f | q) - log pi/pi_old (o | q) ] )

    o_f is the policy's own edit of a wrong answer o, by the smallest change (at most .3 of the tokens). Each of 8 wrong answers
    is edited once. There is no loss of a policy gradient: the group's own answers are the rejected ones and no more. What the
    paper shows is why R_off has something to mend: DPO alone does not learn a correction that its reference finds unlikely.

    The reference is the policy at the start of the step, which is that of the alignment and whatever came after it; a step's
    pairs are gone over 4 times, since in the first pass policy and reference agree.

    Differs from the paper: text and not images, so that there is no pair of images; the policy edits its answers and not a
    stronger model, which also scores sentences there, as weights of tokens; no ground-truth answers are imitated and preferred
    beside the edits; answers and edits are drawn anew at each step and not once; the reference moves, where the paper's is the
    aligned model; no anchor term; the imitation trains all weights (there a low-rank adapter).

    Differs from its released code: the preference is between whole answers, there a loss for each token.

    Paper: arXiv 2501.09695; census row 7.
    """
    imitation = Objective(advantage=Constant(), ratio=OnPolicy(), surrogate=LogLikelihood(), aggregation=TokenMean())
    run = corrected(grpo(), diagnosis=EachWrong(), operator=MinimalEdit(tries=8, at_once=8, most_edited=0.3),
                    merge=Pairs(beside=ExtraLoss(beside=None)), weight=None)
    align = ExtraStream(objective=imitation, coefficient=Linear(1.0, 0.0, from_=THIRD, to=AFTER))
    contrast = ExtraStream(pairs=Dpo(beta=0.1, base="old"), coefficient=Linear(0.0, 1.0, from_=THIRD, to=AFTER))
    return replace(run, epochs=4, streams={"imitation": align, "pairs": contrast})
