"""Inputs of a model as whole numbers: a batch, or batches one after another, which are put away as they come."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hwsim.doors.graph import Source
from hwsim.doors.spool import Spool
from hwsim.errors import TraceError, UsageError

TOP = 255
_AT_ONCE = 64
_RAW, _PLACED = "raw inputs", "inputs"


@dataclass(frozen=True, slots=True)
class Samples:
    """All inputs as they were given [sample, ...], what one of their whole numbers is worth, and labels."""

    raw: NDArray[Any]
    unit: float
    most: int  # the largest whole number
    labels: NDArray[np.int64]
    spool: Spool

    def integers(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Some samples as whole numbers."""
        part = self.raw[start:stop]
        return (part if self.unit == 1 else np.rint(part * TOP)).astype(np.uint8)

    def placed(self, source: Source) -> NDArray[np.uint8]:
        """All samples [sample, (timestep,) y, x, channel], of which a model takes channels first."""
        for start in range(0, len(self.labels), _AT_ONCE):
            self.spool.append(_PLACED, channels_last(self.integers(start, start + _AT_ONCE), source))
        return self.spool.array(_PLACED)


def channels_last(integers: NDArray[np.uint8], source: Source) -> NDArray[np.uint8]:
    """[sample, (timestep,) channel, y, x], or vectors, with channels at the end."""
    height, width, channels = source.shape
    maps = integers.reshape(*integers.shape[: 2 if source.over_time else 1], channels, height, width)
    return np.ascontiguousarray(np.moveaxis(maps, -3, -1))


def collected(inputs: Any, labels: Any, spool: Spool) -> Samples:
    """All samples and labels, from a batch or from batches with labels.

    Raises UsageError for what is neither, TraceError for values that are no whole numbers of one step.
    """
    least, most, whole = math.inf, -math.inf, True
    right: list[NDArray[np.int64]] = []
    shape: tuple[int, ...] | None = None
    for values, found in _batches(inputs, labels):
        if shape is not None and values.shape[1:] != shape:
            raise UsageError(f"inputs: wanted batches of samples of shape {shape}, found {values.shape[1:]}")
        if len(found) != len(values):
            raise UsageError(f"labels: wanted {len(values)} in a batch of as many samples, found {len(found)}")
        if not values.size:
            continue
        if not np.isfinite(values).all():
            raise TraceError("inputs: wanted finite numbers, found others")
        shape = values.shape[1:]
        least, most = min(least, float(values.min())), max(most, float(values.max()))
        whole = whole and bool((values == np.rint(values)).all())
        spool.append(_RAW, values)
        right.append(found)
    if not right:
        raise UsageError("inputs: wanted one batch or more, found none")
    unit = _unit(least, most, whole)
    top = int(most) if unit == 1 else round(most * TOP)
    return Samples(spool.array(_RAW), unit, top, np.concatenate(right), spool)


def _unit(least: float, most: float, whole: bool) -> float:
    """What a whole number is worth."""
    if least < 0:
        raise TraceError(f"inputs: wanted them from 0 up, found {least:g}: put what shifts them into the first layer")
    if whole and most <= TOP:
        return 1.0
    if most > 1:
        raise TraceError(f"inputs: wanted them from 0 to 1, or integers to {TOP}, found {most:g}")
    return 1 / TOP


def _batches(inputs: Any, labels: Any) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
    """Batches of inputs and labels, of one floating type or one of integers."""
    if isinstance(inputs, torch.Tensor | np.ndarray):
        if labels is None:
            raise UsageError("labels: wanted the right class of each sample")
        yield _array(inputs), np.atleast_1d(_array(labels).astype(np.int64))
        return
    if not isinstance(inputs, Iterable):
        raise UsageError(f"inputs: wanted a batch or batches, got {type(inputs).__name__}")
    if labels is not None:
        raise UsageError("labels: wanted none beside batches, which bring their own")
    kind: np.dtype[Any] | None = None
    for batch in inputs:
        if not isinstance(batch, list | tuple) or len(batch) != 2:
            raise UsageError("inputs: wanted batches of inputs and labels")
        values, right = _array(batch[0]), np.atleast_1d(_array(batch[1]).astype(np.int64))
        kind = values.dtype if kind is None else kind
        if values.dtype != kind:
            raise UsageError(f"inputs: wanted batches of one type, found {kind} and {values.dtype}")
        yield values, right


def _array(value: Any) -> NDArray[Any]:
    return np.asarray(value.detach().cpu() if isinstance(value, torch.Tensor) else value)
