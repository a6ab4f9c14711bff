"""Exact first-spike dynamics of one layer, tick by tick; it does not know where its arrays come from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel


class FireOnce(NamedTuple):
    """How the neurons of a layer behave, as `hwsim.traces.ttfs.trace` prescribes."""

    window: int
    start: int
    ramp: int
    v_threshold: int
    highest_slope: int  # the lowest is one less than its negative
    highest_potential: int
    windowed: bool  # post-synaptic potentials end with the window of the input


class Sliding(NamedTuple):
    """How a window moves over the input; a fully connected layer has kernel 1 over one position."""

    kernel: int
    stride: int
    padding: int


class Room(NamedTuple):
    """Room for the spikes under one window and the slopes of one position."""

    order: NDArray[np.int32]  # [tap, 2] spikes by time, then index: input time, row of weights
    ends: NDArray[np.int64]  # [ticks of the window + 1]
    slope: NDArray[np.int32]  # [channel]


def room_for(taps: int, window: int, channels: int) -> Room:
    """Room for windows of so many inputs, ticks and neurons at a position."""
    return Room(np.empty((taps, 2), np.int32), np.empty(window + 1, np.int64), np.empty(channels, np.int32))


@kernel
def first_spikes(
    times: NDArray[np.int16],
    rows: NDArray[np.int8],
    bias: NDArray[np.int32],
    sliding: Sliding,
    neurons: FireOnce,
    room: Room,
    fired: NDArray[np.int16],
    potentials: NDArray[np.int32],
) -> None:
    """Times and final potentials of a layer; writes `fired` and `potentials` [sample, y, x, channel].

    times int16[sample, y, x, channel_in], -1 for silent; rows int8[tap, channel_out] of weights, a tap for each offset
    and channel_in; bias int32[channel_out].
    """
    order, slope = room.order, room.slope
    for n in range(times.shape[0]):
        for y in range(fired.shape[1]):
            for x in range(fired.shape[2]):
                n_spikes = sort_window(times[n], y, x, sliding, order, room.ends)
                u, out = potentials[n, y, x], fired[n, y, x]
                for j in range(bias.size):
                    u[j] = bias[j]
                slope[:] = 0
                out[:] = -1
                _live(order[:n_spikes], rows, neurons, slope, u, out)


@kernel
def sort_window(
    times: NDArray[np.int16], y: int, x: int, sliding: Sliding, order: NDArray[np.int32], ends: NDArray[np.int64]
) -> int:
    """Sort the spikes under one window by time, then index: fills `order` [spike, (time, row of weights)].

    times int16[y, x, channel]; `ends` int64[ticks + 1] is scratch.  Returns the number of spikes.
    """
    height, width, n_in = times.shape
    kernel = sliding.kernel
    top, left = y * sliding.stride - sliding.padding, x * sliding.stride - sliding.padding
    ends[:] = 0
    for ky in range(max(0, -top), min(kernel, height - top)):
        for kx in range(max(0, -left), min(kernel, width - left)):
            for c in range(n_in):
                t = times[top + ky, left + kx, c]
                if t >= 0:
                    ends[t + 1] += 1
    for t in range(ends.size - 1):
        ends[t + 1] += ends[t]
    for ky in range(max(0, -top), min(kernel, height - top)):
        for kx in range(max(0, -left), min(kernel, width - left)):
            for c in range(n_in):
                t = times[top + ky, left + kx, c]
                if t >= 0:
                    order[ends[t], 0] = t
                    order[ends[t], 1] = (ky * kernel + kx) * n_in + c
                    ends[t] += 1
    return int(ends[ends.size - 1])


@kernel
def _live(
    spikes: NDArray[np.int32],
    rows: NDArray[np.int8],
    neurons: FireOnce,
    slope: NDArray[np.int32],
    u: NDArray[np.int32],
    fired: NDArray[np.int16],
) -> None:
    """All ticks of the neurons of one position: slope, u, fired [channel] are changed in place."""
    high, top = neurons.highest_slope, neurons.highest_potential
    n = 0
    for s in range(neurons.start + neurons.window):
        if neurons.windowed and s == neurons.window:
            slope[:] = neurons.ramp if s > neurons.start else 0
        if s == neurons.start:
            for j in range(slope.size):
                slope[j] = min(slope[j] + neurons.ramp, high)
        while n < len(spikes) and spikes[n, 0] == s:
            row = rows[spikes[n, 1]]
            for j in range(slope.size):
                slope[j] = max(min(slope[j] + row[j], high), -high - 1)
            n += 1
        for j in range(slope.size):
            if fired[j] < 0:
                u[j] = max(min(u[j] + slope[j], top), -top - 1)
        if s >= neurons.start:
            for j in range(slope.size):
                if fired[j] < 0 and u[j] >= neurons.v_threshold:
                    fired[j] = s - neurons.start
