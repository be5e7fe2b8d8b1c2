from rfpo.config.run import Run
from rfpo.correction.merge.own_group import OwnGroup
from rfpo.correction.operators.reference_prefix import ReferencePrefix
from rfpo.diagnosis.always import Always
from rfpo.objective.regularizer.imitation import Imitation
from rfpo.objective.weight.put_tokens import PutTokens
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def uft() -> Run:
    """UFT: every group goes on from a beginning of the reference, which is imitated while what follows it is reinforced.

        beginning    k of the reference's 5 chunks, k ~ Binomial(5, p), the same for the whole group; p falls from .95 to .05
                     along a cosine until 60% of the run
        loss         GRPO's on what was drawn   -   .001 log pi_theta(o_t | q, o_<t) on what was put there, right or wrong

    `fixing.operator.n` is the group's size: change it with group_size.

    Differs from the paper: the plain group is drawn first, and paid for, but not trained; what is put there ends where a step
    of the reference does, and without the last step unless all 5 chunks are.
    Differs from its released code: p stays .05 after the 60% (there no hint is given any more); the likelihood term is part of
    the answer's own token mean, not a mean over the hint tokens of a batch, and the beginning counts in the answer's length.

    Paper: arXiv 2505.16984; census row none.
    """
    prefix = ReferencePrefix(schedule="cosine", shares=(0.95, 0.05), chunks=5, until=0.6, n=8, alike=True)
    run = corrected(grpo(), diagnosis=Always(), operator=prefix, merge=OwnGroup(beside=None), weight=PutTokens(share=0.0))
    return with_objective(run, regularizers=(Imitation(coefficient=0.001, origins=("corrected",), tokens="put"),))
