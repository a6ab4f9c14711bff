"""Slopes in the axes of the tensors that a model gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from hwsim.oracle.oracle import Oracle

Tensors = dict[str, list[torch.Tensor]]
"""By layer: one over all timesteps, or one a timestep."""


def maps_of(oracle: Oracle, name: str, slopes: Any) -> torch.Tensor:
    """Slopes [sample, timestep, place, channel] as [timestep, sample, channel, y, x] of a layer over time, else as is.

    A layer that nothing is known of has slopes of 0.
    """
    if slopes is None:
        return torch.zeros(1, 1, 1, 1, 1) if oracle.over_time else torch.zeros(1, 1, 1, 1)
    found = torch.from_numpy(np.require(slopes, requirements=["C", "W"]))
    if not oracle.over_time:
        return found * oracle.slope_of_value
    samples, steps, _, channels = found.shape
    return found.reshape(samples, steps, *oracle.shape(name)[:2], channels).permute(1, 0, 4, 2, 3)


def samples_axis(oracle: Oracle, tensor: torch.Tensor) -> int:
    """The axis of samples of what was given."""
    return 1 if oracle.over_time and _is_whole(tensor) and oracle.axes == "time, sample" else 0


def spread(oracle: Oracle, maps: torch.Tensor, tensors: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Slopes of a layer (`maps_of`) that broadcast to each of its tensors."""
    if not oracle.over_time:
        return [maps.reshape(len(maps), *[1] * (each.dim() - 1)) for each in tensors]
    found = []
    for t, each in enumerate(tensors):
        if not _is_whole(each):
            values = maps[min(t, len(maps) - 1)]
        else:
            values = maps if oracle.axes == "time, sample" else maps.transpose(0, 1)
        found.append(values if each.dim() > 3 else values[..., 0, 0])
    return found


def _is_whole(tensor: torch.Tensor) -> bool:
    """Whether a tensor of maps over time, with rows and columns or without, has an axis of timesteps."""
    return tensor.dim() % 2 == 1
