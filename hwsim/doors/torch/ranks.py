"""The value at a percentile of a tensor."""

from __future__ import annotations

from torch import Tensor


def nearest_rank(values: Tensor, percentile: float) -> float:
    """The value at rank round(percentile / 100 * (n - 1)) of the n sorted values."""
    rank = 1 + round(percentile / 100 * (values.numel() - 1))
    return float(values.flatten().kthvalue(rank).values)
