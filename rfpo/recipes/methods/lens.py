from rfpo.config.run import Run
from rfpo.objective.advantage.confidence_penalty import ConfidencePenalty
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def lens() -> Run:
    """LENS: wrong answers are blamed by how sure the policy was of them, so that all-wrong groups teach.

        R' = R - p / (D - p) for a wrong answer,   p: the geometric mean of its tokens' probabilities

    In an all-wrong group D is twice the largest p, and the advantage is alpha = .25 times the centred R'. It moves probability
    from confident mistakes to unsure ones; no right answer is added.

    UNVERIFIED: which D the accuracy of a mixed group implies.

    Paper: arXiv 2510.08696; census row none.
    """
    return with_objective(grpo(), advantage=ConfidencePenalty(alpha=0.25))
