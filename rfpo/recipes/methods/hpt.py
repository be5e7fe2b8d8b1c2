from rfpo.config.run import Run
from rfpo.correction.merge.extra_loss import ExtraLoss
from rfpo.correction.operators.demonstration import Demonstration
from rfpo.diagnosis.pass_rate import PassRate
from rfpo.recipes._corrected import corrected
from rfpo.recipes.dr_grpo import dr_grpo
from rfpo.recipes.methods._imitate import imitating


def hpt() -> Run:
    """HPT: a gate on each prompt's accuracy decides between Dr.GRPO on its answers and fine-tuning on its demonstration.

        share of right answers > gate      loss of Dr.GRPO on the answers
        else                               mean over tokens of -log pi(demonstration); the answers are dropped

    The gate is 0, as in the script for Qwen2.5-Math-7B: only hopeless prompts are imitated. With a higher one
    (`--set fixing.diagnosis.at_most=0.25`) the few right answers of a hard prompt are dropped for its demonstration.

    Differs from the paper: each loss is the mean over its own rows in an update; a group of which every answer was cut off
    keeps its answers.

    Differs from its released code: that takes the clip away (`--set objective.surrogate=unbounded`), adds an entropy bonus of
    .001 and trains with the learning rate 5e-6; it has further strategies besides the switch.

    UNVERIFIED: the gates of other models.

    Paper: arXiv 2509.04419; census row none.
    """
    return imitating(corrected(dr_grpo(), diagnosis=PassRate(at_most=0.0), operator=Demonstration(),
                               merge=ExtraLoss(most=1, instead=True), weight=None))
