from rfpo.config.run import Run
from rfpo.correction.merge.extra_loss import ExtraLoss
from rfpo.correction.operators.explain_answer import ExplainAnswer
from rfpo.diagnosis.always import Always
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._imitate import imitating


def expo() -> Run:
    """ExPO (ExP-GRPO): the model explains the known answer, and imitates its explanation under the plain prompt, beside GRPO.

        c ~ pi( . | q, the answer a* )
        loss = loss of GRPO + beta mean over tokens of -log pi(c, a* | q)

    What is imitated is the model's own, so likelier under it than anybody's demonstration; it is no row of the group and not in
    its baseline. The answer is told while it is drawn and never while it is trained. It may rationalise, or speak of the answer
    that it was told: read the leak counts, or refuse such explanations (`fixing.reject_leaks`).

    Differs from the paper: an explanation is imitated only where the verifier accepts the answer that it comes to, and a new
    one is asked for up to four times; there the answer a* itself is put behind it. No KL to the first policy.

    UNVERIFIED: beta, .1 here, and whether it is withdrawn (`streams.imitation.coefficient` takes a schedule); whether it is
    done for every prompt, as here, or for the hard ones (`--set fixing.diagnosis=all_wrong`); its prompt.

    Paper: arXiv 2507.02834; census row 44.
    """
    run = corrected(grpo(), diagnosis=Always(), operator=ExplainAnswer(), merge=ExtraLoss(most=1), weight=None)
    return imitating(run, coefficient=0.1)
