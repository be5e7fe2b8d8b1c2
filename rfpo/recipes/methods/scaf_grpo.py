from rfpo.config.run import Run
from rfpo.correction.help import Help
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.operators.hint_ladder import HintLadder
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_fixing


def scaf_grpo() -> Run:
    """Scaf-GRPO: an all-wrong group gets one answer that was drawn with the least hint that helps, trained under that hint.

        the first 15% of the run      no help
        after it, all wrong           one try for each of the prompt's hints, in one round; of those that are right the one with
                                      the least hint takes the place of a random wrong answer
        its loss                      GRPO's, log-probs and old log-probs under the hinted prompt, so that the ratio begins at 1

    The hints are `data["hints"]` of each prompt, from little to much, each the whole hint of its level: in the paper knowledge,
    then a plan, then steps of the solution, in four growing portions each. A prompt without them is left alone. Without a file
    of hints, `--set fixing.operator.source=policy --set fixing.operator.levels=12` lets the policy write them from the
    reference solution. The variant with one row under each prompt is `fixing.merge.conditioning=both`.

    Differs from the paper: hints are whatever the data holds (there: DeepSeek-R1's, from the solution); answers that were cut
    off are not helped.
    Differs from its released code: help begins after a share of the run, not after 50 steps; it has 8 levels of 12, the plans
    being left out.

    Paper: arXiv 2510.19807; census row 34.
    """
    run = corrected(grpo(), diagnosis=AllWrong(), operator=HintLadder(source="data", order="all"),
                    merge=ReplaceOne(whom="random", conditioning="guided"), weight=None)
    return with_fixing(run, help=Help(after=0.15))
