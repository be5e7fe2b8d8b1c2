from dataclasses import replace

from rfpo.config.run import ExtraStream, Run
from rfpo.correction.merge.append import Append
from rfpo.correction.merge.extra_loss import ExtraLoss
from rfpo.correction.merge.reflections import Reflections
from rfpo.correction.operators.reflect_then_retry import ReflectThenRetry
from rfpo.diagnosis.each_wrong import EachWrong
from rfpo.objective.advantage.amplified import Amplified
from rfpo.objective.advantage.group_centred import GroupCentred
from rfpo.objective.advantage.reward import Reward
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.surrogate.log_likelihood import LogLikelihood
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def r3l() -> Run:
    """R3L: the model reflects on a wrong answer and goes on from its first error; both are trained from where they part.

        4 answers  ->  wrong ones: a reflection, and a retry that keeps the answer up to its error, told the reflection
        the group: answers and retries, right and wrong, under the original prompt; a retry and the answer that it is of are
        trained behind what they share

        A = 1 where R >= 1,   3 (R - mean) where that is positive,   R - mean elsewhere
        loss = mean of -A log pi / (1 + tau), tau = 1;   no importance weight, no clip

    Two more losses of the same form, with A = 1: the reflections whose retry is right, in their own prompt (stream
    "reflection"), and the right retries in theirs (stream "imitation", what was kept left out). Reflection and retry come to
    the same 8 answers a prompt as the paper's repeat_times.

    Differs from the paper and its released code: wrong answers alone are reflected on, the distinct ones in turn, there half
    of all; the verifier names the first error, there the reflection does, in JSON, and an answer of which it names none is
    retried from the beginning; the two further losses are averaged each by itself; the retry is told nothing of how to write
    beyond the template.

    UNVERIFIED: its numbers; how its loss is averaged over answers (here GRPO's mean of means).

    Paper: arXiv 2601.03715; census row none.
    """
    merge = Reflections(stream="reflection", beside=ExtraLoss(
        conditioning="guided", trained="drawn", beside=Append(all_tries=True, trained="suffix")))
    run = corrected(grpo(), diagnosis=EachWrong(), operator=ReflectThenRetry(tries=4, at_once=4, keep="before"), merge=merge,
                    weight=None)
    run = with_objective(run, advantage=Amplified(base=GroupCentred(), factor=3.0, solved_at=1.0), ratio=OnPolicy(),
                         surrogate=LogLikelihood(tau=1.0))
    further = ExtraStream(objective=replace(run.objective, advantage=Reward()))
    return replace(run, group_size=4, streams={"reflection": further, "imitation": further})
