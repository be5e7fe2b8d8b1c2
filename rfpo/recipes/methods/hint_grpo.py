from rfpo.config.run import Run
from rfpo.correction.merge.group_swap import GroupSwap
from rfpo.correction.operators.reference_prefix import ReferencePrefix
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.regularizer.kl_to_reference import KlToReference
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def hint_grpo() -> Run:
    """Hint-GRPO: of groups whose answers begin with ever more of the reference, the first with a right answer is trained.

        group 0     plain answers
        group 1     answers that begin with half of the reference's steps
        trained     the first of them that has a right answer, what was drawn of it, given the beginning; ratio 1, and a KL to
                    the reference model

    More groups are more `fixing.operator.shares`: i / groups for i = 1, 2, ... `fixing.operator.n` is the group's size: change
    it with group_size. One update a step and one epoch: the ratio is always 1.

    Differs from the paper: the later groups are drawn only where group 0 has no right answer, all of them in one round; what is
    trained is the same. Texts only. The beginning stands at the start of the answer, and not behind a think tag.
    UNVERIFIED: the coefficient of the KL, .04 (the default of the trainer that it was built on).

    Paper: arXiv 2503.23905; census row none.
    """
    prefix = ReferencePrefix(schedule="levels", shares=(0.5,), n=8)
    run = corrected(grpo(), diagnosis=AllWrong(), operator=prefix, merge=GroupSwap(trained="drawn"), weight=None)
    return with_objective(run, ratio=OnPolicy(), regularizers=(KlToReference(coefficient=0.04),))
