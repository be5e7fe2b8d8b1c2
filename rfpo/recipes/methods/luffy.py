from rfpo.config.run import Run
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.operators.demonstration import Demonstration
from rfpo.diagnosis.always import Always
from rfpo.objective.advantage.group_centred import GroupCentred
from rfpo.objective.surrogate.by_origin import ByOrigin
from rfpo.objective.surrogate.shaped import Shaped
from rfpo.recipes._corrected import corrected
from rfpo.recipes.dr_grpo import dr_grpo
from rfpo.recipes.methods._change import with_objective


def luffy() -> Run:
    """LUFFY: one demonstration in every group, shaped so that its unlikely tokens count.

        7 own answers          -min[ r A , clip(r, .8, 1.2) A ]
        the demonstration      -f(pi) A,   f(p) = p / (p + .1), no clip, the teacher's density put at 1
        A = R - mean of the own answers;   no std, no KL, no division by the answer's length

    The demonstration stands in the first answer's place, so that what is left of the group is an unselected draw. Where all
    own answers are wrong its advantage is 1 and theirs is 0; where all are right it is 0 for every row. Demonstrations are a
    prompt's `data["demonstrations"]`, else `data["worked"]`, else its solution: a bare result would be imitated as it stands.

    Differs from the paper: 8 answers are drawn, and paid for, of which 7 are trained; the baseline is that of the own answers
    as in its released code, there of the group with its demonstration; a demonstration that the verifier turns down, or that
    is longer than sampling.max_tokens, does not enter, nor does one where every answer of the group was cut off.

    Differs from its released code: it adds an entropy bonus of .001 (`--set
    'objective.regularizers=[{kind="entropy_bonus", coefficient=0.001}]'`). The two updates a step, with which the clip would
    act, are a matter of scale: updates_per_step=2.

    Paper: arXiv 2504.14945; census row none.
    """
    run = corrected(dr_grpo(), diagnosis=Always(), operator=Demonstration(), merge=ReplaceOne(whom="first"), weight=None)
    shaped = ByOrigin(base=run.objective.surrogate, other=Shaped(gamma=0.1), origins=("given",))
    return with_objective(run, advantage=GroupCentred(baseline="originals"), surrogate=shaped)
