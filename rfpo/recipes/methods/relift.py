from rfpo.config.run import Run
from rfpo.correction.merge.extra_loss import ExtraLoss
from rfpo.correction.operators.demonstration import Demonstration
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.recipes._corrected import corrected
from rfpo.recipes.dr_grpo import dr_grpo
from rfpo.recipes.methods._imitate import imitating


def relift() -> Run:
    """ReLIFT: what no answer solves is learned from its demonstration by fine-tuning, everything else by Dr.GRPO.

        loss = loss of Dr.GRPO + mean over tokens of -log pi(demonstration of an all wrong prompt)

    The simplest use of references: no ratio, no weight, no advantage. Only the demonstrations of stuck prompts are read; mixed
    and all right groups are plain Dr.GRPO's.

    Differs from the paper: the demonstrations of a step are trained in that step's update, beside its answers; there they are
    collected, and a step of fine-tuning of its own is made when there are enough. All wrong is all wrong: a group that fails
    for its format alone, which the paper leaves out, cannot be told apart; a group of which every answer was cut off is left
    alone.

    Differs from its released code: that collects 128 demonstrations, 32 in its configuration file, before it steps.

    UNVERIFIED: the weight of fine-tuning against the policy's loss, both having the learning rate 1e-6
    (`streams.imitation.coefficient`).

    Paper: arXiv 2506.07527; census row none.
    """
    return imitating(corrected(dr_grpo(), diagnosis=AllWrong(), operator=Demonstration(), merge=ExtraLoss(most=1), weight=None))
