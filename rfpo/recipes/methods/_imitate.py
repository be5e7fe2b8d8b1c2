"""Supervised fine-tuning beside, or instead of, the policy's own loss."""

from dataclasses import replace

from rfpo.config.run import ExtraStream, Run
from rfpo.objective import Objective, Weight
from rfpo.objective.advantage.constant import Constant
from rfpo.objective.aggregation.token_mean import TokenMean
from rfpo.objective.ratio.on_policy import OnPolicy
from rfpo.objective.surrogate.log_likelihood import LogLikelihood


def imitating(run: Run, coefficient: float = 1.0, weights: tuple[Weight, ...] = ()) -> Run:
    """The run with coefficient x mean over tokens of -w log pi_theta on whatever its stream "imitation" holds."""
    likelihood = Objective(advantage=Constant(), ratio=OnPolicy(), surrogate=LogLikelihood(), aggregation=TokenMean(),
                           weights=weights)
    return replace(run, streams=run.streams | {"imitation": ExtraStream(objective=likelihood, coefficient=coefficient)})
