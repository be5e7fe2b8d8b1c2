from dataclasses import replace

from rfpo.config.run import DynamicSampling, Run
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.surrogate.clip import Clip
from rfpo.recipes.grpo import grpo
from rfpo.rewards.signed import Signed
from rfpo.rewards.soft_overlong import SoftOverlong


def dapo() -> Run:
    """DAPO (arXiv 2503.14476): a higher upper clip, the mean over tokens, mixed groups only, a soft punishment of length.

        loss = token mean of -min[ r A , clip(r, 0.8, 1.28) A ],   A = (R - mean_g) / std_g

    Prompts are drawn until `prompts_per_step` groups are mixed, in at most 4 rounds; groups are judged after corrections
    were merged, or no stuck group would ever be corrected. The reward is +1 or -1, and the soft overlong punishment, from 0
    down to -1 over the last fifth of sampling.max_tokens, is added to it. No KL.

    The paper's overlong *filtering*, which does not train truncated answers at all, is an option of its own and off here:
    `--set mask_truncated=true`.
    """
    run = grpo()
    return replace(run, objective=replace(run.objective, surrogate=Clip(low=0.2, high=0.28), aggregation=TokenMean()),
                   rewards=(Signed(), SoftOverlong()),
                   dynamic_sampling=DynamicSampling(max_rounds=4))
