"""What the group-relative advantages share: who is in a group's baseline, and that baseline's statistics."""

from dataclasses import dataclass

import torch
from torch import Tensor

from rfpo.batch import ORIGINS, Batch

BASELINES = ("group", "originals")


@dataclass(frozen=True)
class GroupStatistics:
    """Of each row's group, over the rows in the baseline; all [N]. `usable` is False where fewer than two rows are."""

    usable: Tensor
    count: Tensor
    mean: Tensor
    std: Tensor


def baseline_rows(batch: Batch, baseline: str) -> Tensor:
    """[N] bool: the rows that may move a baseline. "originals" leaves out whatever was merged into the group."""
    if baseline == "originals":
        return batch.baseline & (batch.origin == ORIGINS.index("sampled"))
    return batch.baseline


def group_statistics(reward: Tensor, group: Tensor, rows: Tensor) -> GroupStatistics:
    """Mean and unbiased std of `reward` [N] by `group` [N], over the rows where `rows` [N] is True.

    Rewards are summed as distances from the group's highest, so that equal rewards have exactly their own mean and std 0.
    """
    index = torch.unique(group, return_inverse=True)[1]
    zeros = reward.new_zeros(int(index.max()) + 1 if len(index) else 0)
    inside, values = index[rows], reward[rows]
    count = torch.bincount(inside, minlength=len(zeros))
    top = zeros.scatter_reduce(0, inside, values, "amax", include_self=False)
    mean = top + zeros.index_add(0, inside, values - top[inside]) / count.clamp(min=1)
    square = zeros.index_add(0, inside, (values - mean[inside]) ** 2)
    std = (square / (count - 1).clamp(min=1)).sqrt()
    return GroupStatistics(usable=(count >= 2)[index], count=count[index], mean=mean[index], std=std[index])


def over(centred: Tensor, std: Tensor, epsilon: float) -> Tensor:
    """centred / (std + epsilon), and plain `centred` where std is 0.

    Without the exception a correction measured against originals that are all equally wrong would have the advantage
    1 / epsilon. The originals themselves have the advantage 0 either way.
    """
    return centred / torch.where(std > 0, std + epsilon, torch.ones_like(std))
