"""Steps of a lattice for weights, and rounding that gradients pass."""

from __future__ import annotations

import torch
from torch import Tensor

CLIP_RATIOS = tuple(0.30 + 0.05 * k for k in range(15))


def steps_of(weight: Tensor, largest: int) -> Tensor:
    """The step of each row of `weight` [row, ...] with the least squared error of round(w / step) within +-largest."""
    rows = weight.flatten(1)
    top = rows.abs().amax(1).clamp(min=1e-8)
    ratios = torch.tensor(CLIP_RATIOS, dtype=weight.dtype, device=weight.device)
    steps = top[:, None] * ratios / largest
    lattice = (rows[:, None] / steps[:, :, None]).round_().clamp_(-largest, largest)
    error = (lattice * steps[:, :, None] - rows[:, None]).square().sum(2)
    return steps.gather(1, error.argmin(1, keepdim=True)).squeeze(1)


def straight_through(x: Tensor) -> Tensor:
    """Rounded to the nearest integer, half to even, with the gradient of x."""
    return x + (x.round() - x).detach()
