from rfpo.config.run import Run
from rfpo.correction.merge.replace_one import ReplaceOne
from rfpo.correction.operators.critique_then_revise import CritiqueThenRevise
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.objective.surrogate.by_origin import ByOrigin
from rfpo.objective.surrogate.shaped import Shaped
from rfpo.recipes._corrected import corrected
from rfpo.recipes.dr_grpo import dr_grpo
from rfpo.recipes.methods._change import with_objective


def critique_grpo() -> Run:
    """Critique-GRPO: a refinement written after a critique joins the stuck group under its plain prompt, its loss shaped.

        all answers wrong  ->  a critique of each  ->  8 refinements  ->  the first right one stands in the first row

        rows of the group      -min[ r A , clip(r, .8, 1.2) A ]
        the refinement         -f(pi) A,   f(p) = p / (p + .1), no clip
        A = R - mean of the group with its refinement;   no std, no KL, no division by the answer's length

    Who criticises is what decides in the paper, where a stronger model's critique mends several times as many hopeless prompts
    as being told right or wrong. By default it is the policy itself. For a critic give `fixing.critic` one and
    `--set fixing.operator.critic=critic`; for the paper's other kinds `--set fixing.operator.critique_type=indicative` or
    `=indicative_with_answer`, which gives the reference answer away.

    Differs from the paper: the critic is the policy and not a stronger model; only right refinements enter; the row that one
    takes is that of the released code.

    Differs from its released code: it refines every group, states the reference answer by default (`simple_gt`), lets the best
    refinement in even where it is wrong, and adds an entropy bonus of .001 (`--set
    'objective.regularizers=[{kind="entropy_bonus", coefficient=0.001}]'`).

    Paper: arXiv 2506.03106; census row none.
    """
    run = corrected(dr_grpo(), diagnosis=AllWrong(), operator=CritiqueThenRevise(tries=8, at_once=8),
                    merge=ReplaceOne(whom="first"), weight=None)
    shaped = ByOrigin(base=run.objective.surrogate, other=Shaped(gamma=0.1), origins=("corrected",))
    return with_objective(run, surrogate=shaped)
