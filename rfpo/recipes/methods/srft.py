from rfpo.config.run import Run
from rfpo.correction.merge.extra_loss import ExtraLoss
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.operators.demonstration import Demonstration
from rfpo.diagnosis.always import Always
from rfpo.objective.advantage.group_centred import GroupCentred
from rfpo.objective.surrogate.by_origin import ByOrigin
from rfpo.objective.surrogate.shaped import Shaped
from rfpo.objective.weight.certainty import Certainty
from rfpo.recipes._corrected import corrected
from rfpo.recipes.dr_grpo import dr_grpo
from rfpo.recipes.methods._change import with_objective
from rfpo.recipes.methods._imitate import imitating


def srft() -> Run:
    """SRFT: each demonstration is imitated and takes part in its group, both weighed by how certain the policy is.

        loss = 1/N sum of ( own right answers    -.1 sg exp(+H) min[ r A , clip(r, .8, 1.2) A ]
                            own wrong answers    -min[ r A , clip(r, .8, 1.2) A ]
                            the demonstration    -f(pi) A,   f(p) = p / (p + .1), no clip )
             + mean over its tokens of -.5 sg exp(-H) log pi(demonstration)
        A = R - mean of the own answers;   H: the policy's entropy in nats, mean over the answer

    The demonstration is two rows: in the group, in the first answer's place as in luffy, and in the stream "imitation". There
    it is trained in every group, the all right ones too.

    Differs from the paper: 8 answers are drawn, and paid for, of which 7 are trained; a right answer is one with A > 0, so that
    those of an all right group, which have no advantage, train nothing.

    Differs from its released code: that has exp(+H) on the demonstrations by third-party notes (`--set
    streams.imitation.objective.weights.0.exponent=1.0`).

    UNVERIFIED: whether H is an answer's or a token's (`level` of both weights); the baseline (`objective.advantage.baseline`);
    how the demonstration is shaped in the group (here as in luffy), and how the terms are averaged.

    Paper: arXiv 2506.19767; census row none.
    """
    run = corrected(dr_grpo(), diagnosis=Always(), operator=Demonstration(),
                    merge=ExtraLoss(most=1, beside=ReplaceOne(whom="first")),
                    weight=Certainty(exponent=1.0, scale=0.1, origins=("sampled",), praised=True))
    shaped = ByOrigin(base=run.objective.surrogate, other=Shaped(gamma=0.1), origins=("given",))
    run = with_objective(run, advantage=GroupCentred(baseline="originals"), surrogate=shaped)
    return imitating(run, weights=(Certainty(exponent=-1.0, scale=0.5, origins=("given",)),))
