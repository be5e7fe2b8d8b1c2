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
from rfpo.objective.weight.engine_mismatch import EngineMismatch
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def sdpo() -> Run:
    """SDPO: the policy that has seen a peer's success, or the verifier's words, teaches the one that has not.

        teacher's prompt of an answer   another right answer of its group, without what stands in <think> tags; where there is
                                        none, the verifier's words on the answer; where there is neither, the answer is left out
        loss = token mean of  w min(r, 2) JSD( pi_old(. | q, shown, o_<t) , pi(. | q, o_<t) )     over the answer's own tokens,

    by the teacher's 100 likeliest tokens and one bucket for the rest, w = min(pi_old/mu, 2) for a difference of engines. Right
    answers are taught too, by another right one. There is no reward in the loss and no correction: nothing is drawn beyond the
    rollouts, so that a wrong answer needs feedback or a peer and no success of its own. Not taught: an all-wrong group of whose
    answers the verifier says nothing.

    The defaults are those without rich feedback; with it the paper has the reverse KL (and a smaller learning rate):
    `--set streams.distillation.objective.surrogate.alpha=1.0`, with top_k 20 in one of its settings. On one token a place
    instead of 100: `--set streams.distillation.objective.surrogate=self_distillation`. Words that state the right answer give
    it away to the teacher. By the paper, models of about 1.5 billion parameters gain little.

    Differs from the paper: the teacher is the policy at the start of the step, not a moving average of it (rate .05) and not
    mixed with the first one.

    Differs from its released code: a success is SOLVED, there a score of at least .5; answers of equal text are shown the same;
    a prompt that is too long is left out, there it is cut.

    Paper: arXiv 2601.20802; census row 21.
    """
    loss = Objective(advantage=Constant(), ratio=Token(), surrogate=TeacherKl(alpha=0.5, top_k=100, cap=2.0),
                     aggregation=TokenMean(), weights=(EngineMismatch(cap=2.0),))
    run = corrected(grpo(), diagnosis=Always(), operator=TeacherContext(show=("peer", "feedback")),
                    merge=Distil(answers="all", beside=None), weight=None)
    return replace(run, streams={"distillation": ExtraStream(objective=loss)})
