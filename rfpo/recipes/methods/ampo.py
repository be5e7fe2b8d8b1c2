from rfpo.config.run import Run
from rfpo.correction.merge.replace_k import ReplaceK
from rfpo.correction.operators.demonstration import Demonstration
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.objective.surrogate.by_origin import ByOrigin
from rfpo.objective.surrogate.shaped import Shaped
from rfpo.recipes._corrected import corrected
from rfpo.recipes.dr_grpo import dr_grpo
from rfpo.recipes.methods._change import with_objective


def ampo() -> Run:
    """AMPO: where all answers are wrong, traces of several teachers take the places of at most two of them, shaped as in LUFFY.

        own answers     -min[ r A , clip(r, .8, 1.2) A ]
        a trace         -f(pi) A,   f(p) = p / (p + .1), no clip
        A = R - mean of the group with its traces;   no std, no KL, no division by the answer's length

    With two traces in a group of 8: .75 for each of them, -.25 for the wrong answers that stay. A group with a right answer is
    left alone. Several teachers' traces are the list `data["demonstrations"]` of a prompt; a single worked solution gives one.

    Differs from the paper: traces are taken in the order in which they are listed, and not by how likely the policy finds the
    final answer after each, which takes a scorer that operators do not have (`--set fixing.operator.choice=random` draws them).

    Differs from its released code: it adds an entropy bonus of .001. Its script calls the loss of the traces one of sequences;
    whether that shapes a whole trace is UNVERIFIED (`objective.surrogate.other.level`; here each token).

    Paper: arXiv 2510.02227; census row none.
    """
    run = corrected(dr_grpo(), diagnosis=AllWrong(), operator=Demonstration(count=2), merge=ReplaceK(k=2), weight=None)
    shaped = ByOrigin(base=run.objective.surrogate, other=Shaped(gamma=0.1), origins=("given",))
    return with_objective(run, surrogate=shaped)
