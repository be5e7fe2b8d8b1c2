from rfpo.config.run import Run
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.operators.stored_success import StoredSuccess
from rfpo.diagnosis.low_variance import LowVariance
from rfpo.objective.surrogate.clip import Clip
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import keeping, with_objective


def arpo_gui() -> Run:
    """ARPO for GUI agents: a group that has neither spread nor success gets an own success of an earlier step.

        std of scores < .05 and mean < .2   ->   a stored right answer of the prompt takes the first answer's place

    Its old log-probs are those of the present policy, so that its ratio begins at 1 and it carries no weight of its own; the
    clip is .2 below and .3 above. Up to 8 right answers are kept of each prompt. A prompt that was never solved is not helped.

    Differs from the paper: there is no filter of tasks before training; no environment, a success is a right answer. The
    stored answers are judged again before they enter.

    Paper: arXiv 2505.16282; census row 48.
    """
    run = corrected(grpo(), diagnosis=LowVariance(std=0.05, mean=0.2), operator=StoredSuccess(choice="random"),
                    merge=ReplaceOne(whom="first"), weight=None)
    return keeping(with_objective(run, surrogate=Clip(low=0.2, high=0.3)), 8)
