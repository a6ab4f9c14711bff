"""IF and LIF neurons of gates over the timesteps of one element, with or without negative spikes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

SURROGATE_HEIGHT = 1.0
"""Peak of the surrogate derivative times the threshold, our choice: the slope of the activation that was converted."""


class GateSteps(torch.autograd.Function):
    """Spikes -1, 0, 1 of neurons with soft reset and strict threshold, from a membrane at rest.

        u[t] = leak * v[t-1] + current[t];   s[t] = (u[t] > threshold) - signed * (u[t] < -threshold)
        v[t] = u[t] - threshold * s[t]

    Backward: ds/du = max(0, 1 - |w / threshold - 1|) / threshold with w = |u| where `signed` is 1, else u; the reset
    gives a gradient to the threshold and none through the spike.
    """

    @staticmethod
    def forward(ctx: Any, current: Tensor, leak: Tensor, threshold: Tensor, signed: Tensor) -> Tensor:
        """Spikes of `current` [timestep, sample, unit]; leak, threshold and signed (0 or 1) are [unit]."""
        u, spikes = torch.empty_like(current), torch.empty_like(current)
        v = torch.zeros_like(current[0])
        for t in range(len(current)):
            u[t] = v * leak + current[t]
            spikes[t] = (u[t] > threshold).float() - (u[t] < -threshold).float() * signed
            v = u[t] - spikes[t] * threshold
        ctx.save_for_backward(u, spikes, leak, threshold, signed)
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of current, leak and threshold from those of the spikes, last timestep first."""
        u, spikes, leak, threshold, signed = ctx.saved_tensors
        grad_current, ratio = torch.empty_like(u), u / threshold
        width = torch.where(signed > 0, ratio.abs(), ratio)
        slope = (1 - (width - 1).abs()).clamp_(min=0).mul_(SURROGATE_HEIGHT) / threshold * grads[0]
        grad_leak, grad_threshold = torch.zeros_like(leak), torch.zeros_like(threshold)
        grad_v = torch.zeros_like(u[0])
        for t in reversed(range(len(u))):
            grad_threshold -= (ratio[t] * slope[t] + grad_v * spikes[t]).sum(0)
            grad_current[t] = slope[t] + grad_v
            if t:
                grad_leak += ((u[t - 1] - spikes[t - 1] * threshold) * grad_current[t]).sum(0)
            grad_v = grad_current[t] * leak
        return grad_current, grad_leak, grad_threshold, None


def fire(current: Tensor, leak: Tensor, threshold: Tensor, signed: Tensor) -> Tensor:
    """`GateSteps` as a function."""
    spikes: Tensor = GateSteps.apply(current, leak, threshold, signed)  # type: ignore[no-untyped-call]
    return spikes
