from rfpo.config.run import Run
from rfpo.correction.merge.group_swap import GroupSwap
from rfpo.correction.operators.hint_ladder import HintLadder
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.advantage.times_affinity import TimesAffinity
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def hint() -> Run:
    """HINT: an all-wrong group is drawn again with an abstract hint, and trained without it, the less the farther it is.

        all wrong   ->   a meta-hint, a strategy without numbers or results; 8 answers with it replace the group, and are
                         trained under the prompt without the hint
        A_i = z-score in the group x Affinity,   Affinity = EUR exp(-UC / tau),   tau = log(1 + .2) / 2
        EUR the |A|-weighted share of the group's tokens with .8 <= pi_old(o | q) / mu(o | q, hint) <= 1.2, UC the weighted
        standard deviation of the log ratio among these

    A critic writes the hints, from the reference: give the run one (`--set fixing.critic=...`, see rfpo pieces critics), or let
    the policy write them (`--set fixing.operator.source=policy`). `fixing.operator.n` is the group's size: change it with
    group_size.

    Differs from the paper: a hint is written at each visit; Affinity is a number of the whole group and of the step's start.
    Differs from its released code: there it is taken over micro-batches, and of the drift pi_theta / pi_old.
    UNVERIFIED: which of the two ratios the paper means (for the other, per response: `objective.advantage=group_zscore` and
    `objective.weights=[{kind="affinity", of="drift"}]`), and who wrote its hints.

    Paper: arXiv 2510.09388; census row none.
    """
    ladder = HintLadder(source="critic", writing="abstract", levels=1, n=8)
    run = corrected(grpo(), diagnosis=AllWrong(), operator=ladder, merge=GroupSwap(conditioning="original"), weight=None)
    return with_objective(run, advantage=TimesAffinity(base=GroupZscore(), band=0.2, power=1.0))
