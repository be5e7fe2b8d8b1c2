from dataclasses import replace

from rfpo.config.run import ExtraStream, Run
from rfpo.correction.merge.distil import Distil
from rfpo.correction.operators.teacher_context import TeacherContext
from rfpo.diagnosis.always import Always
from rfpo.objective import Objective
from rfpo.objective.advantage.constant import Constant
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.ratio.token import Token
from rfpo.objective.surrogate.teacher_kl import TeacherKl
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def opsd() -> Run:
    """OPSD: the policy that has read the reference solution teaches the one that has not, on the latter's own answers.

        loss = token mean of  JSD( pi_old(. | q, solution, o_<t) , pi(. | q, o_<t) )     over every answer's own tokens

    There is no reward in the loss, so that a group's answers need not differ, and the verifier's say is only written down;
    nothing is drawn beyond the rollouts. The solution should be worked (`data["worked"]`, else the prompt's solution): of a
    bare final answer the teacher learns nothing about the way there.

    Differs from the paper: the teacher is the policy at the start of the step, not the frozen first one (nor a moving average);
    the divergence is over the teacher's 100 likeliest tokens and one bucket for the rest, not the whole vocabulary; a group of
    answers of a prompt, not one.

    Differs from its released code: with several updates a step the loss is times min(r, 2), there is no ratio there (after one
    update r is 1); answers are drawn at temperature 1, there at 1.1 with top-p .95 and top-k 20; the model's own explanation
    of the solution (`reason_first`) is not offered. The paper's divergence is UNVERIFIED: alpha .5 is that of the released run
    on a model of 1.7 billion parameters (`--set streams.distillation.objective.surrogate.alpha`, 0 the forward KL).

    Paper: arXiv 2601.18734; census row none.
    """
    loss = Objective(advantage=Constant(), ratio=Token(), surrogate=TeacherKl(alpha=0.5, top_k=100),
                     aggregation=TokenMean())
    run = corrected(grpo(), diagnosis=Always(), operator=TeacherContext(show=("solution",)),
                    merge=Distil(answers="all", beside=None), weight=None)
    return replace(run, streams={"distillation": ExtraStream(objective=loss)})
