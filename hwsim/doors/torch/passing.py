"""Spikes that a hook hands on, so that what is added to their gradient costs little."""

from __future__ import annotations

from typing import Any

import torch

_LARGE = 1 << 20
"""Bytes of a gradient from which memory of its own shows, in pages that are touched first: our choice."""


def passed_on(spikes: object) -> torch.Tensor | None:
    """The same spikes for those who read them next, or None where that gains nothing.

    What comes back through it is a tensor in its own right, and no view of one, as it is behind `flatten`.
    """
    if not isinstance(spikes, torch.Tensor) or not spikes.requires_grad or spikes.device.type != "cpu":
        return None
    large = spikes.numel() * spikes.element_size() >= _LARGE
    found: torch.Tensor | None = _Same.apply(spikes) if large else None  # type: ignore[no-untyped-call]
    return found


class _Same(torch.autograd.Function):
    """What is given, and its gradient."""

    @staticmethod
    def forward(_ctx: Any, spikes: torch.Tensor) -> torch.Tensor:
        """The same memory."""
        return spikes.view_as(spikes)

    @staticmethod
    def backward(_ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        """The same memory; PyTorch asks for itself whether another tensor has it, too."""
        (gradient,) = gradients
        return gradient if torch.is_grad_enabled() else gradient.data
