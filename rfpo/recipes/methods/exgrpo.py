from rfpo.config.run import Run
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.operators.stored_success import StoredSuccess
from rfpo.diagnosis.always import Always
from rfpo.objective.surrogate.by_origin import ByOrigin
from rfpo.objective.surrogate.shaped import Shaped
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import keeping, with_objective


def exgrpo() -> Run:
    """ExGRPO: own right answers of earlier steps take part in the group again, shaped so that unlikely tokens count.

        rows of the group      clip of the ratio, as in GRPO
        the replayed row       -f(pi) A,   f(p) = p / (p + .1), no clip

    The stored answer of the highest mean log-prob is taken (the paper: the trajectory of least entropy), one in a group, in
    the place of its first answer.

    Differs from the paper: prompts are not drawn from buckets of difficulty, and a prompt is replayed whenever it is drawn
    again; entropies of trajectories are not stored, so the mean log-prob stands in for them; importance is taken at 1.

    Paper: arXiv 2510.02245; census row none.
    """
    run = corrected(grpo(), diagnosis=Always(), operator=StoredSuccess(choice="likeliest", corrected=False),
                    merge=ReplaceOne(whom="first"), weight=None)
    shaped = ByOrigin(base=run.objective.surrogate, other=Shaped(gamma=0.1), origins=("replayed",))
    return keeping(with_objective(run, surrogate=shaped), 8)
