from rfpo.config.run import Run
from rfpo.correction.merge.own_group import OwnGroup
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.operators.group_feedback import GroupFeedback
from rfpo.diagnosis.pass_rate import PassRate
from rfpo.objective.surrogate.by_origin import ByOrigin
from rfpo.objective.surrogate.shaped import Shaped
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective

BELOW_AN_EIGHTH = 0.124


def golf() -> Run:
    """GOLF: all wrong answers with a critique of each make one prompt; its refinements are a task, and one joins the group.

        fewer than n/8 answers right  ->  a critique of each wrong one  ->  one prompt with all of them  ->  8 refinements

        the refinements, right and wrong        a group of their own under that prompt, on-policy, clip as below
        the first right refinement              in the place of a wrong answer drawn by chance, under the original prompt:
                                                -f(pi) A,   f(p) = p / (p + .1), no clip
        the rest of the group                   -min[ r A , clip(r, .8, 1.2) A ]

    The critic is the policy. `--set fixing.operator.source=error` takes the verifier's words instead, `=critic` those of the
    run's `fixing.critic`. The released code's other weight (`is`), the true importance weight exp of a log ratio within 20
    nats: `--set objective.surrogate.other=log_likelihood --set 'objective.weights=[{kind="importance",
    snapshot="current"}]'`, which also weighs the refinement task, by 1 as long as the policy has not moved.

    Differs from the paper: the critiques are the policy's own; at most 8 distinct wrong answers are shown.

    Differs from its released code: no critique is shown the reference answer, which one of its critique types is; a refinement
    that is refused for a leak is not trained as a task either.

    UNVERIFIED: its numbers on tasks with a verifier.

    Paper: arXiv 2603.04597; census row none.
    """
    run = corrected(grpo(), diagnosis=PassRate(at_most=BELOW_AN_EIGHTH),
                    operator=GroupFeedback(source="policy", tries=8, at_once=8),
                    merge=OwnGroup(beside=ReplaceOne(whom="random")), weight=None)
    injected = ByOrigin(base=run.objective.surrogate, other=Shaped(gamma=0.1), origins=("corrected",), with_parent=True)
    return with_objective(run, surrogate=injected)
