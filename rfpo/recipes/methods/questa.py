from rfpo.config.run import Run
from rfpo.correction.merge.own_group import OwnGroup
from rfpo.correction.operators.reference_prefix import ReferencePrefix
from rfpo.diagnosis.pass_rate import PassRate
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def questa() -> Run:
    """QuestA: every hard prompt is trained with the first half of its solution in it, and later with the first quarter.

        at most 4 of 8 plain answers right   ->   8 answers with the first 50% of the solution in the prompt, in the first half
                                                  of the run, 25% in the second; they are the group, under that prompt
        any other prompt                          is left out

    `fixing.operator.n` is the group's size: change it with group_size.

    Differs from the paper: hard prompts are found at each visit, by a plain group that is paid for and not trained (there:
    once, in the data); the part is of the solution's steps and stands in the wording of this library's template; both stages
    are equally long.

    Paper: arXiv 2507.13266; census row none.
    """
    prefix = ReferencePrefix(schedule="fixed", shares=(0.5, 0.25), place="prompt", n=8)
    return corrected(grpo(), diagnosis=PassRate(at_most=0.5), operator=prefix, merge=OwnGroup(beside=None), weight=None)
