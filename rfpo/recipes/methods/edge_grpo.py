from rfpo.config.run import Run
from rfpo.correction.merge.replace_all import ReplaceAll
from rfpo.correction.operators.splice import Splice
from rfpo.diagnosis.each_wrong import EachWrong
from rfpo.objective.advantage.over_entropy import OverEntropy
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def edge_grpo() -> Run:
    """EDGE-GRPO: wrong answers are mended at their end, in their place, and confident answers have the larger advantage.

        every wrong answer  ->  1/2: a sentence of doubt behind it, and the model goes on for at most 256 tokens
                                1/4: a sentence behind it that states the reference answer
                                1/4: the worked reference in its place
        A = z-score / h,   h = entropy of the answer / mean entropy of the step's answers

    The edited text is trained whole, under the original prompt, with the ratio to the policy of the step's start and no
    weight, however unlikely it is there. Two of the three edits give the answer away, one behind a text that is still wrong.
    A group of which every answer was mended is all right, and teaches nothing.

    Needs reference answers and worked ones.

    Differs from the paper and its released code: an edit that does not end right is not trained, the wrong answer stays; of
    equal wrong answers one is mended; the entropy is the mean of -log p over the answer's tokens, an estimate, by the policy
    of the step's start and not at the loss, without the padding, and h is clamped to [.1, 10].

    Paper: arXiv 2507.21848; census row none.
    """
    run = corrected(grpo(), diagnosis=EachWrong(), operator=Splice(wait=0.5, answer=0.25, solution=0.25, continuation=256),
                    merge=ReplaceAll(), weight=None)
    return with_objective(run, advantage=OverEntropy(base=run.objective.advantage, source="old"))
