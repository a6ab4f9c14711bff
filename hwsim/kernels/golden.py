"""Exact integer convolution and LIF update; it does not know where its arrays come from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel


class ConvShape(NamedTuple):
    """How a window moves, in rows and in columns; one of one place over one position is a fully connected layer."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]  # at the top and at the left
    dilation: tuple[int, int]
    groups: int


class NeuronLevels(NamedTuple):
    """Integer LIF parameters of a layer, as in `hwsim.traces.network.layers.Neuron`."""

    leak_bits: int
    fraction_bits: int
    lowest: int  # saturation bounds of the membrane
    highest: int
    reset: int  # SOFT, HARD or NO_RESET
    v_reset: int
    margin: int  # how far below its threshold a neuron fires: 1 where it fires at it
    delayed: bool
    after_sum: bool  # of a delayed hard reset
    signed: bool  # whether neurons fire -1 below minus their thresholds


SOFT, HARD, NO_RESET = 0, 1, 2


def add_currents(
    activations: NDArray[np.int32],
    weights: NDArray[np.int8] | NDArray[np.int16],
    shape: ConvShape,
    currents: NDArray[np.int32],
) -> None:
    """Add weight times activation over all windows; the zeros of a sparse input cost little.

    activations int32[sample, y, x, channel_in], weights int8 or int16[ky, kx, channel_in / groups, channel_out],
    currents int32[sample, y, x, channel_out], changed in place.
    """
    rows = weights.reshape(-1, weights.shape[3])
    size = activations.shape[1:3], currents.shape[1:3]
    flat = activations.reshape(-1, activations.shape[3]), currents.reshape(-1, currents.shape[3])
    _add_currents(*flat, rows, shape, size, np.zeros(len(rows), np.int64), np.zeros(len(rows), np.int32))


@kernel(level=3)
def _add_currents(
    activations: NDArray[np.int32],
    currents: NDArray[np.int32],
    rows: NDArray[np.int8] | NDArray[np.int16],
    shape: ConvShape,
    size: tuple[tuple[int, int], tuple[int, int]],
    listed: NDArray[np.int64],
    values: NDArray[np.int32],
) -> None:
    """The loops of `add_currents`: its maps as [sample, y and x, channel], of sizes `size`, and room for a window.

    `rows` is [tap and channel of a group, channel_out].
    """
    (height, width), (out_height, out_width) = size
    per_group, out_per_group = activations.shape[1] // shape.groups, currents.shape[1] // shape.groups
    for place in range(currents.shape[0]):
        sample, at = divmod(place, out_height * out_width)
        top = at // out_width * shape.stride[0] - shape.padding[0]
        left = at % out_width * shape.stride[1] - shape.padding[1]
        for group in range(shape.groups):
            found = 0
            for tap in range(shape.kernel[0] * shape.kernel[1]):
                y = top + tap // shape.kernel[1] * shape.dilation[0]
                x = left + tap % shape.kernel[1] * shape.dilation[1]
                if 0 <= y < height and 0 <= x < width:
                    seen = activations[(sample * height + y) * width + x]
                    for c in range(per_group):
                        value = seen[group * per_group + c]
                        listed[found], values[found] = tap * per_group + c, value
                        found += value != 0  # what is 0 is overwritten: no branch to foresee
            outputs = slice(group * out_per_group, (group + 1) * out_per_group)
            target = currents[place, outputs]
            for i in range(found):
                row, value = rows[listed[i], outputs], values[i]
                for o in range(target.size):
                    target[o] += value * row[o]


@kernel(allocates=False, inlined=True)
def _fired(v: int, limit: int, signed: bool) -> int:
    """1 above a limit, -1 below minus it where spikes are signed, else 0."""
    if v > limit:
        return 1
    return -1 if signed and v < -limit else 0


@kernel(level=3)
def step_neurons(
    currents: NDArray[np.int32] | NDArray[np.int64],
    bias: NDArray[np.int32],
    v_threshold: NDArray[np.int64],
    leak: NDArray[np.int64],
    levels: NeuronLevels,
    membrane: NDArray[np.int64],
    spikes: NDArray[np.int8] | NDArray[np.int32],
) -> None:
    """One timestep of all neurons of a layer; `membrane` and `spikes` [row, channel] are written in place.

    currents int32 or int64[row, channel], bias int32[channel], v_threshold and leak int64[channel].  Leak (rounded half
    up), input, bias, one saturation, comparison, reset, in this order; a delayed reset is that of the timestep before,
    hard before the leak or in the place of the sum, soft in the sum.  What is due, or fired, is 1, 0 or, signed, -1.
    """
    half = (1 << levels.leak_bits) >> 1
    for row in range(currents.shape[0]):
        given, held, fires = currents[row], membrane[row], spikes[row]
        for c in range(given.size):
            v, limit = held[c], v_threshold[c] - levels.margin
            due = _fired(v, limit, levels.signed) if levels.delayed else 0
            if due and levels.reset == HARD:
                v = np.int64(levels.v_reset)
            v = (v * leak[c] + half) >> levels.leak_bits
            v += (np.int64(given[c]) << levels.fraction_bits) + bias[c]
            if due and levels.reset == SOFT:
                v -= due * v_threshold[c]
            if due and levels.after_sum:
                v = np.int64(levels.v_reset)
            v = min(max(v, levels.lowest), levels.highest)
            fired = _fired(v, limit, levels.signed)
            if fired and not levels.delayed:
                if levels.reset == SOFT:
                    v -= fired * v_threshold[c]
                elif levels.reset == HARD:
                    v = np.int64(levels.v_reset)
            held[c] = v
            fires[c] = fired
