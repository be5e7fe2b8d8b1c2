from rfpo.config.run import Run
from rfpo.correction.merge.group_swap import GroupSwap
from rfpo.correction.operators.reference_prefix import ReferencePrefix
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def bread() -> Run:
    """BREAD: an all-wrong group branches from the shortest beginning of an expert's trace that makes some answers right.

        all wrong   ->   8 answers that begin with half of the reference's steps; none right: with more, all right: with less,
                         by halving, in at most 4 rounds
        the group whose answers are partly right replaces the plain one; what was drawn is trained, given the beginning: ratio 1

    `fixing.operator.n` is the group's size: change it with group_size.

    Differs from the paper: a beginning ends where a step of the reference does, not at an anchor that was found in it; halving
    ends at the first group that is partly right, which need not be the shortest beginning that has one.
    UNVERIFIED: what is halved, and how often.

    Paper: arXiv 2506.17211; census row none.
    """
    prefix = ReferencePrefix(schedule="bisect", shares=(), rounds=4, n=8)
    return corrected(grpo(), diagnosis=AllWrong(), operator=prefix, merge=GroupSwap(trained="drawn"), weight=None)
