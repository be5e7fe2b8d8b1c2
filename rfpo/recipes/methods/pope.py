from rfpo.config.run import Run
from rfpo.correction.merge.own_group import OwnGroup
from rfpo.correction.operators.reference_prefix import ReferencePrefix
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def pope() -> Run:
    """POPE: a hard prompt is trained plain and, beside it, with the beginning of a solution and the advice to build on it.

        all wrong   ->   a second group of 8 answers, whose prompt holds the first quarter of the solution
        each group is compared within itself, under its own prompt, on-policy; nothing of the solution is trained

    What is learned with help is meant to carry over to the plain prompt, and help ends for a prompt whose plain group has a
    success. `fixing.operator.n` is the group's size: change it with group_size.

    Differs from the paper: a prompt is hard when this visit's 8 answers are wrong (there: 128 answers, found before training,
    and the mixture of both prompts stays as it is).
    UNVERIFIED: how much of the solution is shown, here .25 of its steps.

    Paper: arXiv 2601.18779; census row none.
    """
    prefix = ReferencePrefix(schedule="fixed", shares=(0.25,), place="prompt", n=8)
    return corrected(grpo(), diagnosis=AllWrong(), operator=prefix, merge=OwnGroup(conditioning="guided"), weight=None)
