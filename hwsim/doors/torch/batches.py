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
from hwsim.traces.network.layers import raw_type
from hwsim.traces.network.limits import MAX_INPUT_BITS
from hwsim.traces.trace import RawValues

_BITS = 8  # of whole numbers that do not say how many they are of
_AT_ONCE = 64
_RAW, _PLACED = "raw inputs", "inputs"


@dataclass(frozen=True, slots=True)
class Numbers:
    """Inputs as whole numbers of some bits, in two's complement if signed: how many of them 1 is."""

    per_one: float
    bits: int
    signed: bool = False
    fewest: int = 1  # bits that hold all that there are

    @property
    def unit(self) -> float:
        """What a whole number is worth."""
        return 1 / self.per_one

    @property
    def note(self) -> str:
        """What has become of inputs below zero."""
        fractions = self.signed and self.per_one != 1
        return f"inputs are signed, 1 of {self.bits} bits worth {self.unit:.6g}" if fractions else ""


@dataclass(frozen=True, slots=True)
class Samples:
    """All inputs as they were given [sample, ...], the whole numbers that they are, and labels."""

    raw: NDArray[Any]
    numbers: Numbers
    labels: NDArray[np.int64]
    spool: Spool

    def integers(self, start: int, stop: int) -> RawValues:
        """Some samples as whole numbers."""
        part, numbers = self.raw[start:stop], self.numbers
        whole = part if numbers.per_one == 1 else np.rint(part * numbers.per_one)
        return whole.astype(raw_type(numbers.bits, numbers.signed))

    def placed(self, source: Source) -> RawValues:
        """All samples [sample, (timestep,) y, x, channel], of which a model takes channels first."""
        for start in range(0, len(self.labels), _AT_ONCE):
            self.spool.append(_PLACED, channels_last(self.integers(start, start + _AT_ONCE), source))
        return self.spool.array(_PLACED)


def channels_last(integers: RawValues, source: Source) -> RawValues:
    """[sample, (timestep,) channel, y, x], or vectors, with channels at the end."""
    height, width, channels = source.shape
    maps = integers.reshape(*integers.shape[: 2 if source.over_time else 1], channels, height, width)
    return np.ascontiguousarray(np.moveaxis(maps, -3, -1))


@dataclass(frozen=True, slots=True)
class Gathered:
    """All samples as they were given [sample, ...], with labels, and what there is of values."""

    raw: NDArray[Any]
    labels: NDArray[np.int64]
    least: float
    most: float
    whole: bool


def collected(inputs: Any, labels: Any, spool: Spool, bits: int = _BITS) -> Samples:
    """All samples and labels, from a batch or from batches with labels; fractions become whole numbers of some bits.

    Raises UsageError for what is neither, TraceError for values that are no whole numbers of one step.
    """
    found = gathered(inputs, labels, spool)
    return Samples(found.raw, _numbers(found.least, found.most, found.whole, bits), found.labels, spool)


def gathered(inputs: Any, labels: Any, spool: Spool) -> Gathered:
    """All samples and labels, from a batch or from batches with labels.

    Raises UsageError for what is neither, TraceError for values that are no finite numbers.
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
    return Gathered(spool.array(_RAW), np.concatenate(right), least, most, whole)


def _numbers(least: float, most: float, whole: bool, bits: int) -> Numbers:
    """Whole numbers as they are; fractions from 0 to 1, or any with some below 0, of which the largest is the top."""
    low, high = _range(MAX_INPUT_BITS, least < 0)
    if whole and low <= least and most <= high:
        size = max(int(most), -int(least) - 1).bit_length()
        return Numbers(1.0, max(_BITS, size + (least < 0)), least < 0, max(size + (least < 0), 1))
    if least < 0:
        top = _range(max(bits, 2), signed=True)[1]
        return Numbers(top / max(most, -least), max(bits, 2), True, max(bits, 2))
    if most > 1:
        raise TraceError(f"inputs: wanted them from 0 to 1, or integers to {high}, found {most:g}")
    top = _range(bits, signed=False)[1]
    return Numbers(float(top), bits, fewest=max(round(most * top).bit_length(), 1))


def _range(bits: int, signed: bool) -> tuple[int, int]:
    """The least and the largest of some bits."""
    half = 1 << (bits - 1)
    return (-half, half - 1) if signed else (0, 2 * half - 1)


def _batches(inputs: Any, labels: Any) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
    """Batches of inputs and labels, of one floating type or one of integers."""
    if isinstance(inputs, torch.Tensor | np.ndarray):
        if labels is None:
            raise UsageError("labels: wanted the right class of each sample (any will do, but for the accuracy)")
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
