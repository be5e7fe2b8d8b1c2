from rfpo.config.run import Run
from rfpo.correction.help import Help
from rfpo.correction.merge.append import Append
from rfpo.correction.operators.probe import Probe
from rfpo.diagnosis.each_wrong import EachWrong
from rfpo.objective.ratio.mixture import Mixture
from rfpo.recipes._corrected import corrected
from rfpo.recipes.grpo import grpo
from rfpo.recipes.methods._change import with_fixing, with_objective

CLONED = 0.2


def rex_rag() -> Run:
    """REX-RAG: a fifth of the wrong answers is gone on with behind a sentence of doubt, and weighed as draws of a mixture.

        wrong answer, with probability .2  ->  its text without the final answer, a sentence of reflection, and on from there
        the right ones join the group under its own prompt, every token trained; at most 8% of a step's rows

        r = pi_theta / ( .8 pi_old + .2 mu )        mu = 1 on the inserted tokens, else the density they were drawn with
        loss = -min[ r A , clip(r, .8, 1.2) A ]     r = pi_theta / pi_old on plain answers

    Differs from the paper: it searches, here nothing is looked up; its sentences open a new think block.

    Differs from its released code: clones that end wrong do not join; of the right ones those that come first are kept, there
    the ones whose inserted text is likeliest, of a share that follows a moving average (here `fixing.help.max_share`); mu of
    an inserted token is one number (`objective.ratio.inserted`), there how often the sentences begin so; mu before the
    insertion does not rise with the share of wrong answers (`objective.ratio.error_rate`, there measured); there are 8
    sentences, there about 30; no KL penalty of .001 (`--set 'objective.regularizers=[{kind="kl_to_reference",
    coefficient=0.001}]'`).

    Paper: arXiv 2508.08149; census row 66.
    """
    run = corrected(grpo(), diagnosis=EachWrong(), operator=Probe(probability=CLONED), merge=Append(most=None), weight=None)
    run = with_objective(run, ratio=Mixture(alpha=CLONED, inserted=1.0, error_rate=1.0, origins=("corrected",)))
    return with_fixing(run, help=Help(max_share=0.08))
