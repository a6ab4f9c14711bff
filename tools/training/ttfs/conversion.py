"""From an ANN with ReLU to fire-once neurons: steps, ramps and thresholds."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hwsim.traces.ttfs.trace import SILENT, input_times
from training.common.ranks import nearest_rank
from training.common.rounding import steps_of
from training.ttfs.real import PIXEL_TOP, RealNetwork
from training.ttfs.timed import TimedLayer, TimedNetwork, Timing

PIXEL_BITS = PIXEL_TOP.bit_length()


@dataclass(frozen=True, slots=True)
class Windows:
    """What the converted network has in common: ticks of a window, its start, bits of a weight."""

    window: int
    start: int
    weight_bits: int


@torch.no_grad()
def converted(real: RealNetwork, windows: Windows, highest: Sequence[float]) -> TimedNetwork:
    """Fire-once neurons on the weights of `real`; `highest` is per layer the sum that shall fire at the first tick.

    One step for all weights of a layer, of least squared error.  A tick of a layer's window is worth highest / window,
    to the nearest whole ramp, and that is the unit in which the next layer reads.
    """
    unit = 1 / windows.window
    layers = []
    for op, top in zip(real.operations(), highest, strict=True):
        largest = (1 << (windows.weight_bits - 1)) - 1
        step = float(steps_of(op.weight.detach().reshape(1, -1), largest))
        ramp = max(1, round(top / windows.window / (step * unit)))
        timing = Timing(windows.window, windows.start, ramp)
        layers.append(TimedLayer(copy.deepcopy(op), timing, windows.weight_bits, step, unit))
        unit = layers[-1].out_unit
    return TimedNetwork(layers, input_arrivals(windows.window))


def input_arrivals(window: int) -> Tensor:
    """The arrival of each pixel value, 0 for the silent: float32 [256]."""
    times = input_times(torch.arange(PIXEL_TOP + 1, dtype=torch.uint8).numpy(), PIXEL_BITS, window)
    return torch.from_numpy(window - times.astype("f4")) * torch.from_numpy(times != SILENT)


def highest_sums(sums: Sequence[Tensor], percentile: float) -> list[float]:
    """That percentile of every layer's sums over neurons and samples (below it some sums of 0 and less)."""
    return [nearest_rank(values, percentile) for values in sums]
