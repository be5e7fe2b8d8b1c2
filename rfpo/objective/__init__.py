"""The maths: typed slots, filled by small frozen dataclasses. torch only; knows Batch and nothing else."""

from rfpo.objective.objective import Objective
from rfpo.objective.slots import Advantage, Aggregation, Policy, Ratio, Regularizer, Surrogate, Weight

__all__ = ["Advantage", "Aggregation", "Objective", "Policy", "Ratio", "Regularizer", "Surrogate", "Weight"]
