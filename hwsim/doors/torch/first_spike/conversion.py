"""From an ANN with ReLU to fire-once neurons: steps, ramps and thresholds."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hwsim.doors.torch.first_spike.timed import TimedLayer, TimedNetwork, Timing
from hwsim.doors.torch.ranks import nearest_rank
from hwsim.doors.torch.rounding import steps_of
from hwsim.traces.ttfs.trace import SILENT, input_times


@dataclass(frozen=True, slots=True)
class Windows:
    """What the converted network has in common: ticks of a window, its start, bits of a weight."""

    window: int
    start: int
    weight_bits: int


@torch.no_grad()
def converted(
    layers_of_relu: Sequence[nn.Conv2d | nn.Linear],
    windows: Windows,
    highest: Sequence[float],
    input_bits: int = 8,
    input_top: float = 1.0,
) -> TimedNetwork:
    """Fire-once neurons on the weights of layers with biases, behind each but the last of which is a ReLU.

    `highest` is per layer the sum that shall fire at the first tick, `input_top` the real value of the largest input.
    One step for all weights of a layer, of least squared error.  A tick of a layer's window is worth highest / window,
    to the nearest whole ramp, and that is the unit in which the next layer reads.
    """
    unit = input_top / windows.window
    layers = []
    for op, top in zip(layers_of_relu, highest, strict=True):
        largest = (1 << (windows.weight_bits - 1)) - 1
        step = float(steps_of(op.weight.detach().reshape(1, -1), largest))
        ramp = max(1, round(top / windows.window / (step * unit)))
        timing = Timing(windows.window, windows.start, ramp)
        layers.append(TimedLayer(copy.deepcopy(op), timing, windows.weight_bits, step, unit))
        unit = layers[-1].out_unit
    return TimedNetwork(layers, input_arrivals(windows.window, input_bits))


def input_arrivals(window: int, bits: int = 8) -> Tensor:
    """The arrival of each raw input, 0 for the silent: float32 [2 ** bits]."""
    times = input_times(torch.arange(1 << bits, dtype=torch.uint8).numpy(), bits, window)
    return torch.from_numpy(window - times.astype("f4")) * torch.from_numpy(times != SILENT)


def highest_sums(sums: Sequence[Tensor], percentile: float) -> list[float]:
    """That percentile of every layer's sums over neurons and samples (below it some sums of 0 and less)."""
    return [nearest_rank(values, percentile) for values in sums]
