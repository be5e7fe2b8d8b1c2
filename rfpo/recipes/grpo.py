from rfpo.config.run import Run
from rfpo.objective import Objective
from rfpo.objective.advantage.group_zscore import GroupZscore
from rfpo.objective.aggregation.sequence_mean import SequenceMean
from rfpo.objective.ratio.token import Token
from rfpo.objective.surrogate.clip import Clip


def grpo() -> Run:
    """GRPO (arXiv 2402.03300): the reward's z-score in its group, PPO's clip, the mean over answers of their token means.

        loss = 1/N sum_i 1/|o_i| sum_t -min[ r A , clip(r, 0.8, 1.2) A ],   A = (R - mean_g) / std_g

    The paper adds a KL penalty (k3, beta 0.04). It is left out, as in the methods that followed: it costs a second model
    and holds the policy to a start that solves nothing on a stuck prompt. To put it back:
    `--set 'objective.regularizers=[{kind="kl_to_reference", coefficient=0.04}]'`.

    The ratio leaves 1, and the clip acts, only with updates_per_step or epochs above 1.
    """
    return Run(objective=Objective(advantage=GroupZscore(), ratio=Token(), surrogate=Clip(), aggregation=SequenceMean()))
