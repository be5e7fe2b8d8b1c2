from rfpo.config.run import Run
from rfpo.correction.merge.own_group import OwnGroup
from rfpo.correction.operators.draft_and_refine import DraftAndRefine
from rfpo.diagnosis.always import Always
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def igrpo() -> Run:
    """iGRPO: the best of a group of drafts is put into the prompt, and the refinements of it are what GRPO trains.

        8 drafts  ->  the one with the best score into the prompt, right or wrong  ->  8 refinements
        rows: the refinements, under the prompt that holds the draft,   A = z-score among them

    Nothing is told of the draft. The drafts are not trained, so that a step has as many rows as grpo's and draws twice as
    much. For the paper's comparison at the same number of draws: `--set group_size=4 --set fixing.operator.refinements=4`.

    Differs from the paper: the second turn of a chat is one user message; where no draft has an end, the group teaches
    nothing.

    UNVERIFIED: how its budget is split between drafts and refinements, its wording, and whether a test-time answer has two
    stages or one. Here evaluation asks once, without a draft. To train the drafts too: `--set fixing.merge.beside=leave`.

    Paper: arXiv 2602.09000; census row 33.
    """
    return corrected(grpo(), diagnosis=Always(), operator=DraftAndRefine(draft="best", refinements=8),
                     merge=OwnGroup(beside=None), weight=None)
