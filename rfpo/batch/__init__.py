"""Samples to tensors: Batch, TokenCounts, padding, masked arithmetic. torch only."""

from rfpo.batch.batch import ORIGINS, Batch, TokenCounts
from rfpo.batch.collate import collate, recount, split
from rfpo.batch.masked import MAX_NATS, exp, keep, row_mean, row_sum

__all__ = ["MAX_NATS", "ORIGINS", "Batch", "TokenCounts", "collate", "exp", "keep", "recount", "row_mean", "row_sum", "split"]
