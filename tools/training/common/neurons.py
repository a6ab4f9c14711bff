"""LIF neurons over all timesteps as one differentiable function, in real numbers or exact integers.

A Function of its own instead of recorded operations: it keeps one tensor a layer (the membrane before reset) and
recomputes the rest, which is what makes training on a few CPU cores bearable.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

SURROGATE_HEIGHT = 0.3
"""Peak of the surrogate derivative, as in the public DIET-SNN code (arXiv 2008.03658)."""


class Grid(NamedTuple):
    """The integers of a membrane: the leak is a multiple of 2**-leak_bits, u has `membrane_bits` signed bits."""

    leak_bits: int
    membrane_bits: int


class LifSteps(torch.autograd.Function):
    """Spikes of LIF neurons with soft reset and strict threshold, from a membrane at rest.

        u[t] = leak * v[t-1] + current[t];   s[t] = u[t] > threshold;   v[t] = u[t] - threshold * s[t]

    With a grid every number is an integer held by a float, and these are the golden integer semantics: leak * v is
    rounded half up, u saturates.  Backward: ds/du = 0.3 * max(0, 1 - |z|) / threshold with z = u / threshold - 1; the
    reset gives a gradient to the threshold and none through the spike; rounding and saturation pass it unchanged.
    """

    @staticmethod
    def forward(
        ctx: Any, current: Tensor, leak: Tensor, threshold: Tensor, timesteps: int, grid: Grid | None
    ) -> Tensor:
        """Spikes [timestep, sample, ...] of `current` [timestep or 1, sample, ...]; leak and threshold broadcast."""
        u, spikes = _steps_like(current, timesteps), _steps_like(current, timesteps)
        v = torch.zeros_like(current[0])
        for t in range(timesteps):
            torch.add(_decayed(v, leak, grid), current[t % current.shape[0]], out=u[t])
            if grid is not None:
                u[t].clamp_(-(2 ** (grid.membrane_bits - 1)), 2 ** (grid.membrane_bits - 1) - 1)
            torch.gt(u[t], threshold, out=spikes[t])
            torch.addcmul(u[t], spikes[t], threshold, value=-1, out=v)
        ctx.save_for_backward(u, spikes, leak, threshold)
        ctx.n_currents = current.shape[0]
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None, None]:
        """Gradients of current, leak and threshold from those of the spikes, last timestep first."""
        u, spikes, leak, threshold = ctx.saved_tensors
        (grad_spikes,) = grads
        grad_current = _steps_like(u[:1], ctx.n_currents).zero_()
        grad_leak, grad_threshold = torch.zeros_like(leak), torch.zeros_like(threshold)
        grad_v = torch.zeros_like(u[0])
        for t in reversed(range(u.shape[0])):
            z = u[t] / threshold - 1
            du = _surrogate(z).mul_(grad_spikes[t]).div_(threshold)
            if ctx.needs_input_grad[2]:
                grad_threshold -= z.add_(1).mul_(du).addcmul_(grad_v, spikes[t]).sum_to_size(threshold.shape)
            du += grad_v
            grad_current[t % ctx.n_currents] += du
            if t and ctx.needs_input_grad[1]:
                v = torch.addcmul(u[t - 1], spikes[t - 1], threshold, value=-1)
                grad_leak += v.mul_(du).sum_to_size(leak.shape)
            torch.mul(du, leak, out=grad_v)
        return grad_current, grad_leak, grad_threshold, None, None


def lif(current: Tensor, leak: Tensor, threshold: Tensor, timesteps: int, grid: Grid | None = None) -> Tensor:
    """`LifSteps` as a function: spikes 0.0 or 1.0 [timestep, sample, ...]; a current of one timestep is constant.

    Membranes are kept in 32 bits where currents come in bfloat16.
    """
    wide = current.float() if current.dtype == torch.bfloat16 else current
    spikes: Tensor = LifSteps.apply(wide, leak, threshold, timesteps, grid)  # type: ignore[no-untyped-call]
    return spikes


def rates(current: Tensor, threshold: Tensor, timesteps: int) -> Tensor:
    """Spikes a timestep of IF neurons from rest at a constant current, floor(T i / threshold) / T within 0 and 1.

    Gradients pass the steps as if they were a line.  Currents that meet a step exactly fire one spike less.
    """
    line = (current / threshold).clamp(0, 1)
    return line + ((line * timesteps).floor() / timesteps - line).detach()


def _decayed(v: Tensor, leak: Tensor, grid: Grid | None) -> Tensor:
    """`leak * v`, in place; on a grid (v * leak + half) >> leak_bits, exact while v has under 24 - leak_bits bits."""
    v.mul_(leak)
    if grid is None:
        return v
    return v.add_(0.5 if grid.leak_bits else 0.0).floor_()


def _surrogate(z: Tensor) -> Tensor:
    return z.abs().neg_().add_(1).clamp_(min=0).mul_(SURROGATE_HEIGHT)


def _steps_like(current: Tensor, timesteps: int) -> Tensor:
    """An empty [timesteps, *current.shape[1:]] whose steps lie in memory as those of `current` do."""
    first = current[0]
    flat = (timesteps * first.shape[0], *first.shape[1:])
    last = first.dim() == 4 and first.is_contiguous(memory_format=torch.channels_last)
    order = torch.channels_last if last else torch.contiguous_format
    steps = torch.empty(flat, dtype=current.dtype, device=current.device, memory_format=order)
    return steps.view(timesteps, *first.shape)
