from rfpo.config.run import Run
from rfpo.correction.merge.append import Append
from rfpo.correction.operators.solved_exemplars import SolvedExemplars
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.objective.advantage.sharpened import Sharpened
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import keeping, with_objective


def xrpo_seeding() -> Run:
    """XRPO's seeding and sharpening: a hopeless prompt is tried again below two solved exercises; unusual successes count more.

        all wrong  ->  4 further answers, below the 2 most similar exercises that the policy has solved itself
                       all 4, right or wrong, join the group, under the plain prompt
        A_i = A + min( max( 2.5 (1 - eta_i), 0 ), .5 A )  where A > 0,    eta_i = exp( s_i - mean of the group's s )

    s is the mean log-prob of an answer's tokens under the plain prompt at the start of the step, for the seeded answers too,
    whose ratio begins at 1. The newest right answer of each prompt is kept for later ones, so the first steps seed nothing.

    Differs from the paper: the allocation of rollouts by the expected reduction of uncertainty is not part of this (its
    bonus is UNVERIFIED: two forms of it are known); the seeded answers come on top of the group; exercises are similar by
    the words that they share, not by embeddings; 32 solved exercises are kept in all, and none is cut.

    UNVERIFIED: how many answers a seeded prompt gets (`fixing.operator.tries` and `at_once`), and under which prompt the paper
    trains them; 2.5 and .5 are by third-party notes.

    Paper: arXiv 2510.06672; census row 20.
    """
    base = grpo()
    run = corrected(base, diagnosis=AllWrong(), operator=SolvedExemplars(k=2, tries=4, at_once=4),
                    merge=Append(all_tries=True), weight=None)
    sharpened = Sharpened(base=base.objective.advantage, boost=2.5, share=0.5, source="old")
    return keeping(with_objective(run, advantage=sharpened), 1)
