"""Weights, batch norm and LIF neurons as one layer of a network in floating point, and the norm folded into weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.common.neurons import lif, rates

MIN_THRESHOLD = 0.05


class SpikingBlock(nn.Module):
    """Convolution or linear layer, batch norm with statistics shared over timesteps or none, then LIF neurons.

    The normalisation is folded into weights and a bias before quantisation (`fold`).
    """

    def __init__(self, op: nn.Conv2d | nn.Linear, timesteps: int, normalised: bool = True) -> None:
        super().__init__()
        self.op, self.timesteps = op, timesteps
        n = op.weight.shape[0]
        self.norm: nn.BatchNorm1d | nn.BatchNorm2d | None = None
        if normalised:
            self.norm = nn.BatchNorm2d(n) if isinstance(op, nn.Conv2d) else nn.BatchNorm1d(n)
        self.leak = nn.Parameter(torch.tensor(1.0))
        self.threshold = nn.Parameter(torch.tensor(1.0))
        self.plain = False

    def forward(self, x: Tensor) -> Tensor:
        """Spikes [timestep, sample, ...] of inputs [timestep or 1, sample, ...]; rates [1, sample, ...] where plain."""
        if self.plain:
            return rates(self.currents(x), self.threshold, self.timesteps)
        return lif(self.currents(x), self.leak, self.threshold, self.timesteps)

    def currents(self, x: Tensor) -> Tensor:
        """What reaches the membranes, [timestep or 1, sample, ...], of inputs of as many timesteps."""
        current = self.op(x.flatten(0, 1))
        if self.norm is not None:
            current = self.norm(current)
        steps: Tensor = current.view(*x.shape[:2], *current.shape[1:])
        return steps

    @torch.no_grad()
    def project(self) -> None:
        """Back to a leak in [0, 1] and a positive threshold, after each step of the optimiser."""
        self.leak.clamp_(0.0, 1.0)
        self.threshold.clamp_(min=MIN_THRESHOLD)


def fold(weight: Tensor, norm: nn.BatchNorm1d | nn.BatchNorm2d | None) -> tuple[Tensor, Tensor | None]:
    """Weight and bias of one operation equal to `norm` (in evaluation) after `weight`; without a norm, no bias.

    w' = w * gamma / sqrt(variance + eps) along the first axis (output channel), b' = beta - mean * gamma / sqrt(...).
    """
    if norm is None:
        return weight, None
    assert norm.running_mean is not None and norm.running_var is not None
    gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return weight * gain.reshape(-1, *[1] * (weight.dim() - 1)), norm.bias - norm.running_mean * gain
