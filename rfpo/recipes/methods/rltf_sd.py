from dataclasses import replace

from rfpo.config.run import ExtraStream, Run
from rfpo.correction.merge.extra_loss import ExtraLoss
from rfpo.correction.merge.two_turns import TwoTurns
from rfpo.correction.operators.text_feedback import TextFeedback
from rfpo.diagnosis.each_wrong import EachWrong
from rfpo.objective import Objective
from rfpo.objective.advantage.reward import Reward
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.surrogate.log_likelihood import LogLikelihood
from rfpo.objective.weight.logp_floor import LogpFloor
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo


def rltf_sd() -> Run:
    """RLTF-SD: answers given after feedback in words are learned under the plain prompt, beside RL over both turns.

        y0 wrong  ->  feedback on it  ->  y1, drawn given question, y0 and feedback

        loss = GRPO over both turns, each compared with its own kind, y1 in its own prompt;   R(y0) := R(y0) + .1 R(y1)
             + .1 mean of -A log pi(y1 | x0),   A = R(y1) - mean R(y0),   tokens with log pi < -5 left out

    The baseline is that of the first turn, because a good judge makes every y1 right, and then the second turn's is no
    signal. No importance weight, on purpose: more bias, less variance. A y1 that is wrong joins with A = 0 - mean R(y0).

    The judge is the policy. The paper's is a larger model: `--set fixing.operator.source=critic` and a `fixing.critic`; or
    `source=error` for the verifier's words. Whether an answer is right alone teaches far less in the paper.

    Differs from the paper: 8 second answers in a group with any wrong one (`fixing.operator.tries`, with `at_once` equal to
    it), to the distinct wrong answers in turn, there one to each; the loss of the two turns is GRPO's. RLTF-FM, which
    predicts the feedback, is not in it.

    UNVERIFIED: which snapshot of the policy masks the tokens (`streams.imitation.objective.weights.0.snapshot`); what the
    judge is shown.

    Paper: arXiv 2602.02482; census row none.
    """
    base = grpo()
    run = corrected(base, diagnosis=EachWrong(), operator=TextFeedback(source="policy", tries=8, at_once=8),
                    merge=ExtraLoss(against="first_turn", all_tries=True, beside=TwoTurns(discount=0.1)), weight=None)
    distilled = Objective(advantage=Reward(floor=None), ratio=OnPolicy(), surrogate=LogLikelihood(),
                          aggregation=base.objective.aggregation, weights=(LogpFloor(-5.0),))
    return replace(run, streams={"imitation": ExtraStream(objective=distilled, coefficient=0.1)})
