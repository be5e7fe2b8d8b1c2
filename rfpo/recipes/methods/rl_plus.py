from rfpo.config.run import Run
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.operators.demonstration import Demonstration
from rfpo.diagnosis.always import Always
from rfpo.objective.advantage.group_centred import GroupCentred
from rfpo.objective.ratio.rl_plus import RlPlus
from rfpo.objective.surrogate.by_origin import ByOrigin
from rfpo.objective.surrogate.unbounded import Unbounded
from rfpo.objective.weight.probability_product import ProbabilityProduct
from rfpo.recipes._corrected import corrected
from rfpo.recipes.dr_grpo import dr_grpo
from rfpo.recipes.methods._change import with_objective


def rl_plus() -> Run:
    """RL-PLUS: one demonstration in every group, with a ratio to a mixture and a bonus for what the policy finds unlikely.

        7 own answers          -min[ r A , clip(r, .8, 1.2) A ],   r = pi_theta / pi_old
        the demonstration      -(1 - sg pi_theta)^.5 r A,          r = 2 pi_theta / ( pi_old + omega ),
                               omega = ( pi_old + 1 ) / 2, no clip
        A = R - mean of the own answers;   no std, no KL, no division by the answer's length

    omega stands for the teacher's density, which nobody knows. Groups are composed as in luffy.

    Differs from the paper: 8 answers are drawn, and paid for, of which 7 are trained; a demonstration that the verifier turns
    down, that is longer than sampling.max_tokens, or that would join a group of which every answer was cut off, does not enter.

    Differs from its released code: its script takes the clip away from the own answers too (`--set
    objective.surrogate.base=unbounded`), and adds an entropy bonus of .001.

    UNVERIFIED: that its baseline is that of the own answers alone (`objective.advantage.baseline`).

    Paper: arXiv 2508.00222; census row none.
    """
    run = corrected(dr_grpo(), diagnosis=Always(), operator=Demonstration(), merge=ReplaceOne(whom="first"),
                    weight=ProbabilityProduct(own=0.0, rest=0.5, origins=("given",)))
    free = ByOrigin(base=run.objective.surrogate, other=Unbounded(), origins=("given",))
    return with_objective(run, advantage=GroupCentred(baseline="originals"), ratio=RlPlus(origins=("given",)), surrogate=free)
