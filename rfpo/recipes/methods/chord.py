from rfpo.config.run import Run
from rfpo.correction.merge.extra_loss import ExtraLoss
from rfpo.correction.operators.demonstration import Demonstration
from rfpo.diagnosis.always import Always
from rfpo.objective.weight.fixed import Fixed
from rfpo.objective.weight.probability_product import ProbabilityProduct
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._imitate import imitating

MU = 0.1


def chord() -> Run:
    """CHORD (CHORD-phi): GRPO beside fine-tuning on demonstrations, whose tokens weigh p(1 - p).

        loss = (1 - mu) loss of GRPO + mu mean over tokens of -sg[p (1 - p)] log p,   p = pi(o_t | q, o_<t),  mu = .1

    Neither what the policy knows already nor what is far off it is pressed. The product is detached. The group is GRPO's own:
    the demonstration is in neither its rows nor its baseline, and is imitated whether the group is all right, mixed or wrong.

    The paper's other variant, CHORD-mu, has no p (1 - p), and a mu that falls from .9 to .05 along half a cosine in 200 steps:

        --set 'streams.imitation.objective.weights=[]'
        --set 'streams.imitation.coefficient={kind="cosine", start=0.9, end=0.05}'
        --set 'objective.weights.0.factor={kind="cosine", start=0.1, end=0.95}'

    over the whole run; `to` ends it earlier. The released example warms mu up from 0 first, which neither variant has.

    Differs from the paper: demonstrations are those of the prompts that were drawn, and not batches of a set of their own; each
    is shown to the verifier, and is left out where that turns it down or every answer of its prompt was cut off.

    Differs from its released code: its example has mu rise to .5 in 200 steps and fall to .02 in 400, with p (1 - p). Of a port
    it is known that the product was not detached at first.

    Paper: arXiv 2508.11408; census row none.
    """
    run = corrected(grpo(), diagnosis=Always(), operator=Demonstration(), merge=ExtraLoss(most=1),
                    weight=Fixed(factor=1 - MU, origins=("sampled",)))
    return imitating(run, coefficient=MU, weights=(ProbabilityProduct(origins=("given",)),))
