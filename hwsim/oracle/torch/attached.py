"""A value that is known, with slopes that are: what autograd finds of it, and when.

A slope costs little if PyTorch can add it in place to the gradient that all other readers of a tensor gave.  It does
where that gradient is there first, and nobody else's: `_zero` sees to the first, and a monitor's `passed_on` to the
second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import torch


class Slope(NamedTuple):
    """What a sum changes by with each number of a tensor: `values` times `scale`, spread to the tensor's shape."""

    values: torch.Tensor
    scale: float = 1.0

    def by(self, factor: float) -> Slope:
        """So many times as steep."""
        return Slope(self.values, self.scale * factor)


def attached(
    value: float | torch.Tensor, slopes: Iterable[tuple[torch.Tensor, Slope]], device: torch.device
) -> torch.Tensor:
    """A value as a float64 scalar on a device, whose gradient to each tensor is its slope."""
    known = torch.as_tensor(value, dtype=torch.float64).to(device)
    return torch.stack([known, *(_zero(tensor, slope, device) for tensor, slope in slopes)]).sum()


def _zero(tensor: torch.Tensor, slope: Slope, device: torch.device) -> torch.Tensor:
    """Zero, with a slope; the last of all readers of the tensor that backward comes to, not the first as the newest is.

    The order is a hint to autograd, and changes no gradient.
    """
    zero: torch.Tensor = _Zero.apply(tensor, slope, device)  # type: ignore[no-untyped-call]
    turn = getattr(zero.grad_fn, "_set_sequence_nr", None)
    if turn is not None and tensor.grad_fn is not None:
        turn(tensor.grad_fn._sequence_nr())
    return zero


class _Zero(torch.autograd.Function):
    """Zero whatever the tensor is, with a slope."""

    @staticmethod
    def forward(ctx: Any, tensor: torch.Tensor, slope: Slope, device: torch.device) -> torch.Tensor:
        """Zero as a float64 scalar on a device."""
        ctx.slope, ctx.shape, ctx.kind = slope, tensor.shape, (tensor.device, tensor.dtype)
        return torch.zeros((), dtype=torch.float64, device=device)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        """The slope times what comes back, in no more memory than the slope has."""
        (gradient,), (values, scale), (device, dtype) = gradients, ctx.slope, ctx.kind
        found = values.to(device) * (gradient.to(device) * scale)
        return found.to(dtype).expand(ctx.shape), None, None
