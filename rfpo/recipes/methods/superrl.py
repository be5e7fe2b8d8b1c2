from rfpo.config.run import Run
from rfpo.correction.merge.extra_loss import ExtraLoss
from rfpo.correction.operators.demonstration import Demonstration
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._imitate import imitating


def superrl() -> Run:
    """SuperRL: each prompt has one of two losses: GRPO's where any answer is right, fine-tuning on its reference where none is.

        any reward > 0     loss of GRPO on the answers
        none               mean over tokens of -log pi(reference); the answers are dropped

    Unlike in relift the dropped answers are not counted in GRPO's mean, and so do not make the other groups weigh less.

    Differs from the paper: each loss is the mean over its own rows in an update, and their sum is trained; one reference of a
    prompt is taken; a group of which every answer was cut off keeps its answers, which teach nothing.

    UNVERIFIED: everything beyond its abstract, among it the weight of the two losses against each other
    (`streams.imitation.coefficient`) and the loss that is taken where an answer is right.

    Paper: arXiv 2506.01096; census row none.
    """
    run = corrected(grpo(), diagnosis=AllWrong(), operator=Demonstration(), merge=ExtraLoss(most=1, instead=True), weight=None)
    return imitating(run)
