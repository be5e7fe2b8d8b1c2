from rfpo.config.run import Run
from rfpo.correction.merge.group_swap import GroupSwap
from rfpo.correction.operators.hint_ladder import HintLadder
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.objective.ratio.by_origin import ByOrigin
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.weight.importance import Importance
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def guide() -> Run:
    """Guide-GRPO: an all-wrong group is drawn again with a hint, and trained without it by the true importance ratio.

        all wrong         ->  8 answers with a hint replace the group, trained under the prompt without the hint
        gradient          =   -w_t A grad log pi_theta(o_t | q),   w_t = pi_theta(o_t | q) / mu(o_t | q, hint), no clip
        plain groups          GRPO's ratio and clip

    A critic writes the hints, from the reference: give the run one (`--set fixing.critic=...`, see rfpo pieces critics), or let
    the policy write them (`--set fixing.operator.source=policy`). `fixing.operator.n` is the group's size: change it with
    group_size.

    Differs from the paper: a hint is written at each visit, by this library's template for abstract hints (there: GPT-4o's);
    the wording is ours.
    UNVERIFIED: the form of the ratio. For the same ratio inside of GRPO's clip: `objective.weights=[]` and
    `objective.ratio.other=behaviour`. For a bound on the weight: `objective.weights.0.cap`.

    Paper: arXiv 2506.13923; census row none.
    """
    base = grpo()
    run = corrected(base, diagnosis=AllWrong(), operator=HintLadder(source="critic", writing="abstract", levels=1, n=8),
                    merge=GroupSwap(conditioning="original"), weight=Importance(level="token", snapshot="current"))
    return with_objective(run, ratio=ByOrigin(base=base.objective.ratio, other=OnPolicy()))
