from rfpo.config.run import Run
from rfpo.objective import Objective
from rfpo.objective.advantage.batch_whitened import BatchWhitened
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.ratio.token import Token
from rfpo.objective.surrogate.clip import Clip


def reinforce_pp() -> Run:
    """REINFORCE++ (arXiv 2501.03262): rewards whitened over the step, PPO's clip, no critic and no group baseline.

        loss = token mean of -min[ r A , clip(r, 0.8, 1.2) A ],   A = (R - mean) / std over all tokens of the step

    `--set objective.advantage.group_baseline=true` is REINFORCE++-baseline. The paper's KL penalty in the reward is left
    out; a KL loss is `--set 'objective.regularizers=[{kind="kl_to_reference", estimator="k2"}]'`.
    """
    return Run(objective=Objective(advantage=BatchWhitened(), ratio=Token(), surrogate=Clip(), aggregation=TokenMean()))
