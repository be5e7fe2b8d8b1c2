"""The maths: typed slots, filled by small frozen dataclasses. torch only; knows Batch and nothing else."""

from rfpo.objective.objective import Objective
from rfpo.objective.pairs import PairObjective
from rfpo.objective.slots import Advantage, Aggregation, PairLoss, Policy, Ratio, Regularizer, Side, Surrogate, Weight

__all__ = ["Advantage", "Aggregation", "Objective", "PairLoss", "PairObjective", "Policy", "Ratio", "Regularizer", "Side",
           "Surrogate", "Weight"]
