from rfpo.config.run import Run
from rfpo.correction.merge.append import Append
from rfpo.correction.operators.resample import Resample
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def extra_samples() -> Run:
    """Extra samples: a control for every correction, which spends rfpo's tries on plain draws of the same stuck prompts.

        all wrong  ->  up to 4 further draws of the plain prompt, until one is right; all of them join the group

    Nothing is told, so nothing is off-policy: the draws are rows like the group's own, in its baseline, and there is no weight.
    What rfpo gains over this at equal tokens is what its corrections are worth. The rule by which draws end is rfpo's, and a
    draw succeeds more seldom than a correction: a stuck prompt takes more of them here. dars draws by another rule.

    Paper: none, this is a control; census row none.
    """
    return corrected(grpo(), diagnosis=AllWrong(), operator=Resample(tries=4, at_once=1), merge=Append(all_tries=True),
                     weight=None)
