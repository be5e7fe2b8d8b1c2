from dataclasses import replace

from rfpo.config.run import Run
from rfpo.correction.merge.append import Append
from rfpo.correction.operators.reference_prefix import ReferencePrefix
from rfpo.diagnosis.always import Always
from rfpo.objective.ratio.by_origin import ByOrigin
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def g2rpo_a() -> Run:
    """G2RPO-A: two answers of every twelve begin with a part of the reference, ever less of it as training goes on.

        group        10 plain answers, and 2 that go on from the first share l of the reference's steps, right or wrong; all are
                     compared with each other
        their loss   -exp(log pi_theta - sg(log pi_theta)) A, ratio 1, on the whole answer, the beginning included
        l            falls from .5 to 0 along a cosine

    Differs from the paper: the length follows the run's progress and not, every third step, the accuracies of the last ones,
    which an operator does not see; it is a share of the reference's steps, not a number of tokens (there at most 3072).
    UNVERIFIED: where the length begins, here at .5.

    Paper: arXiv 2508.13023; census row none.
    """
    base = grpo()
    run = corrected(base, diagnosis=Always(), operator=ReferencePrefix(schedule="cosine", shares=(0.5, 0.0), n=2),
                    merge=Append(all_tries=True), weight=None)
    run = with_objective(run, ratio=ByOrigin(base=base.objective.ratio, other=OnPolicy()))
    return replace(run, group_size=10)
