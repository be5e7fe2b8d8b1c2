from dataclasses import replace

from rfpo.config.run import ExtraStream, Run
from rfpo.correction.merge.extra_loss import ExtraLoss
from rfpo.correction.operators.stored_success import StoredSuccess
from rfpo.diagnosis.always import Always
from rfpo.objective.advantage.reward import Reward
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import keeping
from rfpo.schedule.cosine import Cosine


def spear() -> Run:
    """SPEAR: self-imitation beside GRPO; own right answers are learned again, the more the further training is.

        loss = loss of GRPO + mu loss of the replayed answers,   mu = (1 - cos(pi progress)) / 2
        A of a replayed answer = max(0, R - mean reward of the prompt's present group)

    A replayed answer that the policy now gives anyway has the advantage 0. Its old log-probs are the present policy's.

    Differs from the paper: the baseline is the prompt's present group and not the median of recent groups' means; mu rises over
    the whole run (there, over 200 to 300 steps); tokens are not clipped by covariance; there are no tool rewards, no age
    limit of the buffer in steps, and none of the tricks that its baseline collects.

    Paper: arXiv 2509.22601; census row 6.
    """
    base = grpo()
    run = corrected(base, diagnosis=Always(), operator=StoredSuccess(choice="random", corrected=False),
                    merge=ExtraLoss(against="first_turn", most=1), weight=None)
    replayed = replace(base.objective, advantage=Reward(floor=0.0))
    return keeping(replace(run, streams={"imitation": ExtraStream(objective=replayed, coefficient=Cosine(0.0, 1.0))}), 8)
