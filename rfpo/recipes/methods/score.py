from dataclasses import replace

from rfpo.config.run import ExtraStream, Run
from rfpo.correction.merge.two_turns import TwoTurns
from rfpo.correction.operators.draft_and_refine import DraftAndRefine
from rfpo.diagnosis.always import Always
from rfpo.objective.regularizer.kl_to_reference import KlToReference
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def score() -> Run:
    """SCoRe: two turns, the second after one fixed word of doubt; first the second turn alone is trained, then both.

        y1  ->  y2, drawn given question, y1 and one instruction to check it; nobody says whether y1 is right

        stage I, the first half of the run     R = r(y2) for the second turn; the first is held to the reference, beta2 KL(y1)
        stage II                               R = r(y1) for the first turn, r(y2) + alpha (r(y2) - r(y1)) for the second
        both                                   beta1 KL to the reference;   A = z-score among first turns, or second ones

    Without stage I, or without the bonus, the second turn learns to repeat the first. Nothing is off-policy: each turn is
    trained in the prompt that it was drawn in. Needs a frozen copy of the policy (the reference).

    Differs from the paper: GRPO's advantage and clip, there REINFORCE; the second turn of a chat is one user message.
    Evaluation asks the first turn only.

    UNVERIFIED: alpha (`fixing.merge.bonus`, here 1), beta1 (`objective.regularizers.0.coefficient`, here .01) and beta2
    (`streams.first_turn.objective.regularizers.0.coefficient`, here .1), the share of stage I (`fixing.merge.pinned`), and the
    instruction.

    Paper: arXiv 2409.12917; census row 54.
    """
    run = corrected(grpo(), diagnosis=Always(), operator=DraftAndRefine(draft="each"),
                    merge=TwoTurns(bonus=1.0, pinned=0.5), weight=None)
    near, nearer = (KlToReference(coefficient=beta, estimator="k2") for beta in (0.01, 0.1))
    run = with_objective(run, regularizers=(near,))
    pinned = replace(run.objective, regularizers=(nearer,))
    return replace(run, streams={"first_turn": ExtraStream(objective=pinned)})
