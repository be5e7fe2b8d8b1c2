from rfpo.config.run import Run
from rfpo.correction.merge.replace_k import ReplaceK
from rfpo.correction.operators.avoid_answers import AvoidAnswers
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.objective.ratio.behaviour import Behaviour
from rfpo.objective.ratio.by_origin import ByOrigin as RatioByOrigin
from rfpo.objective.surrogate.by_origin import ByOrigin
from rfpo.objective.surrogate.shaped import Shaped
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_objective

MENDED = ("corrected",)


def lte() -> Run:
    """LTE: a stuck group is drawn again under a list of its own wrong final answers, and what is right then takes their place.

        all answers wrong  ->  8 more draws, told which final answers not to give, and to be brief where answers were cut off
                           ->  each of the G' right ones stands in the row of a wrong answer, drawn by chance

        rows of the group      -min[ r A , clip(r, .8, 1.2) A ]
        rows that entered      -f(r') A,   f(r) = r / (r + .1),   r' = pi_theta(o | q) / pi_old(o | q, list), no clip

    Nothing comes from outside but the verdicts. Where few answers are possible the list gives the right one away: compare with
    a run that spends the same draws without it (operator resample). With as many right draws as wrong answers the group is all
    right, and teaches nothing.

    Not to be combined with the weight off_policy_ratio: in a group in which every answer was cut off, a row may have such a
    parent, which that weight overrates (`--set fixing.operator.concise=false` then).

    Differs from the paper: there are always 8 extra draws (`fixing.operator.tries`, with `at_once` equal to it), and not the
    run's group_size where that is changed; its variant with an entropy loss is not set.

    UNVERIFIED: the exact f of its regularised importance sampling, here LUFFY's shaping of the ratio
    (`objective.surrogate.other.gamma`); and its prompts.

    Paper: arXiv 2510.26109; census row none.
    """
    base = grpo()
    run = corrected(base, diagnosis=AllWrong(), operator=AvoidAnswers(tries=8, at_once=8, concise=True), merge=ReplaceK(k=8),
                    weight=None)
    return with_objective(
        run, ratio=RatioByOrigin(base=base.objective.ratio, other=Behaviour(), origins=MENDED),
        surrogate=ByOrigin(base=base.objective.surrogate, other=Shaped(gamma=0.1, of="ratio"), origins=MENDED))
