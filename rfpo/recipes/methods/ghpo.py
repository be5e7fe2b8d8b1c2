from rfpo.config.run import Run
from rfpo.correction.merge.group_swap import GroupSwap
from rfpo.correction.operators.hint_ladder import HintLadder
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def ghpo() -> Run:
    """GHPO: an all-wrong group is drawn again with 25, 50 and 75% of the solution in the prompt, and trained there.

        all wrong   ->   8 answers with the first 25% of the solution's characters; none right: with 50%; none right: with 75%
        the first of these groups with a right answer replaces the plain one, prompt and all: on-policy, no weight
        loss = sum of GRPO's token losses / trained tokens

    `fixing.operator.n` is the group's size: change it with group_size.

    Differs from the paper: the reward has no part for the format (there: accuracy + half of format); where 75% does not help,
    the plain group stays, which teaches as little as the hinted one would; the solution's part stands in the wording of this
    library's template. A beginning of the solution may hold the answer: read the leak counts.

    Paper: arXiv 2507.10628; census row 37.
    """
    ladder = HintLadder(source="reference", shares=(0.25, 0.5, 0.75), unit="characters", order="least_first", n=8)
    run = corrected(grpo(), diagnosis=AllWrong(), operator=ladder, merge=GroupSwap(conditioning="guided"), weight=None)
    return with_objective(run, aggregation=TokenMean())
