from dataclasses import replace

from rfpo.config.run import Run
from rfpo.correction.merge.append import Append
from rfpo.correction.operators.reference_prefix import ReferencePrefix
from rfpo.diagnosis.always import Always
from rfpo.objective.surrogate.by_origin import ByOrigin
from rfpo.objective.surrogate.clip import Clip
from rfpo.objective.weight.put_tokens import PutTokens
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective


def prefix_rft() -> Run:
    """Prefix-RFT: one answer of every eight begins with a demonstration, whose least certain tokens are reinforced with it.

        group        7 plain answers, and one that goes on from the first share l of the reference, right or wrong; all are
                     compared with each other
        l            ~ U(low, .95), low falling from .95 to 0 along a cosine
        trained      what was drawn, and the 20% of the beginning's tokens at which the policy's entropy is largest
        clip         of that answer its own: `objective.surrogate.other`

    Differs from the paper: the answer's own clip is that of all its tokens, not of the put ones alone; l is a share of the
    reference's steps.
    Differs from its released code: tokens are ranked in each answer, there among all put tokens of a micro-batch; it has
    several ways to find the put tokens' advantage, here they have their answer's.
    UNVERIFIED: the bounds of l, the 20%, the clip's bounds, and what the advantage is (z-score here).

    Paper: arXiv 2507.01679; census row none.
    """
    base = grpo()
    run = corrected(base, diagnosis=Always(), operator=ReferencePrefix(schedule="uniform", shares=(0.95, 0.95), n=1),
                    merge=Append(all_tries=True), weight=PutTokens(share=0.2))
    run = with_objective(run, surrogate=ByOrigin(base=base.objective.surrogate, other=Clip(low=0.2, high=0.2)))
    return replace(run, group_size=7)
