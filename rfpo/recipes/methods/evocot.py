from rfpo.config.run import Run
from rfpo.correction.merge.group_swap import GroupSwap
from rfpo.correction.operators.explain_answer import ExplainAnswer
from rfpo.diagnosis.all_wrong import AllWrong
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import keeping


def evocot() -> Run:
    """EvoCoT: the model explains the known answer once, and learns to finish its explanation from ever fewer of its steps.

        first stuck visit     the answer is told, an explanation that comes to it is kept, nothing is trained
        every later one       8 answers that begin with the explanation without its last step, then without two, ...
                              take the place of the group: A = z-score among them, only what was drawn is trained

    The continuations are drawn and trained under the plain prompt, on-policy: no weight. One step goes after every visit at
    which a continuation is right; where none is, the same beginning is tried again. A prompt that is solved without help is not
    helped, and one step of the explanation always stays.

    Differs from the paper: there explanations are collected for all unsolved prompts first, and the curriculum runs over that
    set in rounds; here each prompt goes at its own pace, whenever it is visited and stuck. What is cut is the newest right
    answer that was helped, so from the second visit on the beginning together with its last continuation; steps are lines, else
    sentences. The plain answers of a visit are drawn to see that it is stuck, and paid for.

    Differs from its released code: it has a KL penalty of .0001, and cuts at blank lines.

    UNVERIFIED: how many steps a round takes away, and how many rounds there are.

    Paper: arXiv 2508.07809; census row none.
    """
    run = corrected(grpo(), diagnosis=AllWrong(), operator=ExplainAnswer(tries=8, at_once=8, curriculum=True),
                    merge=GroupSwap(trained="drawn", begun=True), weight=None)
    return keeping(run, 8)
