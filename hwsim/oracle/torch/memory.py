"""Slopes laid in memory as the spikes are that they belong to: what is read or added along it costs least."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class Laid:
    """Slopes of a tensor, the same for all its samples, for any tensor that lies in memory alike."""

    values: torch.Tensor  # broadcasts to the tensor, its axes in memory in the same order
    samples: int  # the axis of samples
    _like: tuple[torch.Size, tuple[int, ...], torch.device, torch.dtype]
    _block: _Block | None

    @classmethod
    def of(cls, values: torch.Tensor, tensor: torch.Tensor, samples: int) -> Laid:
        """Values that broadcast to a tensor, laid for it."""
        strides = tensor.stride()
        order = sorted(range(tensor.dim()), key=lambda axis: -strides[axis])
        laid, flat = values.to(tensor.device).permute(order).contiguous(), tensor.detach().permute(order)
        whole = flat.is_contiguous() and tensor.dtype in (torch.float32, torch.float64)
        block = _Block.of(laid, flat, order.index(samples)) if whole else None
        back = [order.index(axis) for axis in range(len(order))]
        return cls(laid.permute(back), samples, _how(tensor), block)

    def fits(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor lies in memory as the one that they were laid for."""
        return self._like == _how(tensor)

    def dot(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum of slopes times a tensor, in the mean over its samples: float64, without a gradient.

        Autocast must be off.
        """
        tensor = tensor.detach()
        if self._block is not None:
            return self._block.dot(tensor).double() / self.number(tensor)
        found = tensor.sum(self.samples, keepdim=True, dtype=torch.float32) * self.values
        return found.sum(dtype=torch.float64) / self.number(tensor)

    def number(self, tensor: torch.Tensor) -> int:
        """Of samples in a tensor."""
        return tensor.shape[self.samples]


@dataclass(frozen=True, slots=True)
class _Block:
    """A tensor that is one block of memory, [before, sample, after]."""

    slopes: torch.Tensor  # [before * after]
    ones: torch.Tensor  # [1, sample]
    sizes: tuple[int, int, int]

    @classmethod
    def of(cls, values: torch.Tensor, flat: torch.Tensor, samples: int) -> _Block:
        """That of a contiguous tensor, with values that broadcast to it."""
        before, number, after = flat.shape[:samples], flat.shape[samples], flat.shape[samples + 1 :]
        slopes = values.to(flat.dtype).expand(*before, 1, *after).reshape(-1)
        return cls(slopes, flat.new_ones(1, number), (math.prod(before), number, math.prod(after)))

    def dot(self, tensor: torch.Tensor) -> torch.Tensor:
        """The sum of slopes times a tensor: a product with ones reads it from end to end, once.

        Sums of 0 and 1 are exact in whatever a product of matrices is computed.
        """
        _, number, after = self.sizes
        sums = self.ones @ tensor.as_strided(self.sizes, (number * after, after, 1))
        return torch.dot(sums.reshape(-1), self.slopes)


def _how(tensor: torch.Tensor) -> tuple[torch.Size, tuple[int, ...], torch.device, torch.dtype]:
    return tensor.shape, tensor.stride(), tensor.device, tensor.dtype
