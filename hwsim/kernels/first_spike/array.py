"""First-spike dynamics of one layer on an array of processing elements, pass by pass, with what each pass does.

A pass gives every processing element one neuron: up to `lanes` output channels at one output position.  It knows the
rules of `hwsim.traces.ttfs.trace` and when a pass may stop, but no durations and no prices.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.first_spike.network import FireOnce, Room, Sliding, sort_window

LISTED, SPIKES, TICKS, ACCUMULATES, UPDATES, CHECKS, FIRES, RIVALS, SATURATIONS = range(9)
"""Columns of the counts of a pass:

input spikes that there are; those and the ticks that were played; additions of a weight to a slope, additions of a
slope to a potential, and checks whether the threshold can still be reached, over all processing elements that are not
gated; neurons that fired; output neurons whose potentials are compared for the decision; additions that saturated.
"""
N_COUNTS = 9
NEVER, SLOPES, REACH = range(3)
_SILENT, _UNABLE = -1, -2


Integers = NDArray[np.int8] | NDArray[np.int32]


class Stops(NamedTuple):
    """When processing elements and passes stop early."""

    gate: bool  # a processing element that has fired, or cannot fire any more, is gated
    settled: int  # NEVER; SLOPES: a pass whose neurons have all fired or have no positive slope ends; REACH: see below
    first_output: bool  # the pass of output neurons ends with the first output spike
    output: bool  # whether this is the output layer


class Layer(NamedTuple):
    """What is the same for all passes of a layer."""

    rows: NDArray[np.signedinteger[Any]]  # [tap, channel] weights
    bias: NDArray[np.int32]  # [channel]
    neurons: FireOnce
    stops: Stops


@kernel
def play_passes(
    times: NDArray[np.int16],
    layer: Layer,
    sliding: Sliding,
    lanes: int,
    room: Room,
    fired: NDArray[np.int16],
    potentials: NDArray[np.int32],
    counts: NDArray[np.int64],
) -> None:
    """Play all passes of a layer; writes `fired`, `potentials` and `counts`.

    times int16[sample, y, x, channel_in]; fired and potentials [sample, y, x, channel]; counts int64[sample, position,
    tile of `lanes` channels, N_COUNTS].
    """
    channels, width = layer.rows.shape[1], fired.shape[2]
    order, slope = room.order, room.slope
    for n in range(times.shape[0]):
        for position in range(fired.shape[1] * width):
            y, x = position // width, position % width
            n_spikes = sort_window(times[n], y, x, sliding, order, room.ends)
            u, out = potentials[n, y, x], fired[n, y, x]
            for j in range(channels):
                u[j] = layer.bias[j]
            slope[:] = 0
            out[:] = _SILENT
            last_tick = layer.neurons.start + layer.neurons.window - 1
            for tile in range(counts.shape[2]):
                low, high = tile * lanes, min((tile + 1) * lanes, channels)
                done = counts[n, position, tile]
                _play_pass(order[:n_spikes], layer, low, last_tick, slope[low:high], u[low:high], out[low:high], done)
                if layer.stops.first_output and layer.stops.output:
                    # A later tile need not go on after the first output spike of all before it.
                    for j in range(low, high):
                        if out[j] >= 0:
                            last_tick = min(last_tick, layer.neurons.start + out[j])


@kernel
def _play_pass(
    spikes: NDArray[np.int32],
    layer: Layer,
    low: int,
    last_tick: int,
    slope: NDArray[np.int32],
    u: NDArray[np.int32],
    fired: NDArray[np.int16],
    counts: NDArray[np.int64],
) -> None:
    """One pass over the neurons from channel `low` on: slope, u, fired [neuron] and counts [N_COUNTS] in place."""
    neurons, stops = layer.neurons, layer.stops
    width, high = slope.size, neurons.highest_slope
    waiting = width  # neurons that may fire yet
    n = 0
    counts[:] = 0
    for s in range(last_tick + 1):
        running = waiting if stops.gate else width
        if neurons.windowed and s == neurons.window:
            slope[:] = neurons.ramp if s > neurons.start else 0
        if s == neurons.start:
            for j in range(width):
                slope[j] = min(slope[j] + neurons.ramp, high)
        while n < len(spikes) and spikes[n, 0] == s:
            counts[SATURATIONS] += _add(slope, layer.rows[spikes[n, 1], low : low + width], fired, high)
            counts[ACCUMULATES] += running
            n += 1
        counts[SATURATIONS] += _add(u, slope, fired, neurons.highest_potential)
        counts[UPDATES] += running
        counts[TICKS] += 1
        if s >= neurons.start:
            n_fired = _fire(u, fired, neurons.v_threshold, s - neurons.start)
            waiting -= n_fired
            counts[FIRES] += n_fired
        if stops.settled == REACH and neurons.windowed and s == neurons.window:
            counts[CHECKS] += waiting if stops.gate else width
            waiting -= _rule_out(u, fired, neurons.v_threshold - neurons.ramp * (neurons.start - 1))
        if stops.first_output and stops.output and counts[FIRES]:
            break
        if stops.settled != NEVER and (waiting == 0 or _idle(layer, slope, fired, s, n == len(spikes))):
            break
    counts[LISTED], counts[SPIKES] = len(spikes), n
    if stops.output:
        counts[RIVALS] = _rivals(fired)
    for j in range(width):
        fired[j] = max(fired[j], _SILENT)


@kernel
def _add(total: NDArray[np.int32], more: Integers, fired: NDArray[np.int16], highest: int) -> int:
    """Add to what has not fired, saturate, and count what did."""
    saturated = 0
    for j in range(total.size):
        if fired[j] == _SILENT:
            exact = total[j] + more[j]
            bounded = max(min(exact, highest), -highest - 1)
            saturated += bounded != exact
            total[j] = bounded
    return saturated


@kernel
def _fire(u: NDArray[np.int32], fired: NDArray[np.int16], v_threshold: int, time: int) -> int:
    """Fire what has reached the threshold, and count it."""
    count = 0
    for j in range(u.size):
        if fired[j] == _SILENT and u[j] >= v_threshold:
            fired[j] = time
            count += 1
    return count


@kernel
def _rule_out(u: NDArray[np.int32], fired: NDArray[np.int16], lowest: int) -> int:
    """Mark the neurons below the lowest potential that can still reach the threshold, and count them."""
    count = 0
    for j in range(u.size):
        if fired[j] == _SILENT and u[j] < lowest:
            fired[j] = _UNABLE
            count += 1
    return count


@kernel
def _idle(layer: Layer, slope: NDArray[np.int32], fired: NDArray[np.int16], s: int, exhausted: bool) -> bool:
    """Whether no spike is pending and no slope is or becomes positive, so that no neuron fires any more.

    Output neurons that have not fired are compared by their potentials at the end: they stop only when those no longer
    change.
    """
    neurons = layer.neurons
    inputs_ended = neurons.windowed and s >= neurons.window
    if s < neurons.start or not exhausted or (neurons.windowed and not inputs_ended and neurons.ramp > 0):
        return False
    if layer.stops.output and not inputs_ended:
        return False
    rising = 0
    for j in range(slope.size):
        rising += fired[j] == _SILENT and slope[j] > 0
    return rising == 0


@kernel
def _rivals(fired: NDArray[np.int16]) -> int:
    """Output neurons that fired first, or all where none did."""
    first, count = np.int16(32767), 0
    for j in range(fired.size):
        if fired[j] >= 0:
            if fired[j] < first:
                first, count = fired[j], 0
            count += fired[j] == first
    return count if count else fired.size
