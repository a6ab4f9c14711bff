"""What the spikes of some samples ask of every pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.ttfs.plan import AnyCoding, LayerPlan, Plan
from hwsim.contract.arrays import IntArray
from hwsim.kernels.first_spike import array
from hwsim.kernels.first_spike.network import room_for
from hwsim.traces.direct.rate import RateTrace, input_counts
from hwsim.traces.network.layers import neuron_of
from hwsim.traces.network.weights import weights_of
from hwsim.traces.planes import unpack_channels
from hwsim.traces.ttfs.golden import behaviour_of
from hwsim.traces.ttfs.trace import FirstSpikeNetwork, Times, input_times

_SETTLED = {"never": array.NEVER, "slopes": array.SLOPES, "reach": array.REACH}


@dataclass(frozen=True, slots=True)
class PassCounts:
    """Counts of every pass of a layer: int64 [sample, position, tile] each."""

    listed: IntArray  # spikes under the window
    spikes: IntArray  # those that were played
    ticks: IntArray  # that were played
    accumulates: IntArray  # weights added, over all elements
    updates: IntArray  # potentials brought forward by a tick and compared
    checks: IntArray  # potentials compared with what can still reach the threshold
    fires: IntArray
    rivals: IntArray  # output potentials that are compared for the decision
    saturations: IntArray  # additions that saturated


@dataclass(frozen=True, slots=True)
class Played:
    """What the elements of one layer did: its times and final potentials [sample, height, width, channel]."""

    times: Times
    potentials: NDArray[np.int32]
    counts: PassCounts


def count_layer(plan: Plan, planned: LayerPlan, trace: AnyCoding, samples: slice) -> PassCounts:
    """Counts of one layer on what the trace says that it reads."""
    if isinstance(trace, RateTrace):
        return _count_rate(plan, planned, trace, samples)
    if planned.source in trace.times:
        times = trace.times[planned.source][samples]
    else:
        values = trace.inputs.values[: trace.n_samples][samples]
        times = input_times(values, trace.network.network.input.bits, trace.network.window)
    return play_layer(plan, planned, trace.network, times).counts


def play_layer(plan: Plan, planned: LayerPlan, network: FirstSpikeNetwork, times: Times) -> Played:
    """Let the elements play one layer, in the machine's registers, on input times [sample, height, width, channel]."""
    layer, spec, channels, n = planned.layer, plan.spec, planned.layer.shape[2], len(times)
    fired = np.empty((n, *layer.shape), np.int16)
    potentials = np.empty(fired.shape, np.int32)
    counts = np.zeros((n, planned.positions, len(planned.widths), array.N_COUNTS), np.int64)
    rows = weights_of(layer).reshape(-1, channels)
    array.play_passes(
        np.ascontiguousarray(times).reshape(n, *planned.source_shape),
        array.Layer(
            rows,
            np.zeros(channels, np.int32) if layer.bias is None else layer.bias,
            behaviour_of(network, planned.name)._replace(
                highest_slope=(1 << (spec.pe.slope_bits - 1)) - 1,
                highest_potential=(1 << (spec.pe.potential_bits - 1)) - 1,
            ),
            array.Stops(
                gate=spec.early_stop.element == "gate",
                settled=_SETTLED[spec.early_stop.hidden],
                first_output=spec.early_stop.output == "first_spike",
                output=planned is plan.layers[-1],
            ),
        ),
        planned.sliding,
        spec.array.lanes,
        room_for(len(rows), network.window, channels),
        fired,
        potentials,
        counts,
    )
    return Played(fired, potentials, PassCounts(*np.moveaxis(counts, -1, 0)))


def _count_rate(plan: Plan, planned: LayerPlan, trace: RateTrace, samples: slice) -> PassCounts:
    """Every spike is added in every element, every timestep compares every potential that may fire."""
    read = _spike_counts(trace, planned.source, samples)
    n, tiles = len(read), len(planned.widths)
    listed = np.repeat(_under_windows(planned, read.sum(axis=3))[:, :, None], tiles, axis=2)
    widths = np.array(planned.widths, np.int64)
    ticks = np.full_like(listed, plan.ticks)
    spiking = neuron_of(planned.layer) is not None
    biased = plan.ticks * widths * (planned.layer.bias is not None)
    fires = np.zeros_like(listed)
    if spiking:
        given = _spike_counts(trace, planned.name, samples).reshape(n, planned.positions, -1)
        fires = np.add.reduceat(given, np.arange(tiles) * plan.spec.array.lanes, axis=2)
    return PassCounts(
        listed=listed,
        spikes=listed,
        ticks=ticks,
        accumulates=listed * widths + biased,
        updates=ticks * widths * int(spiking),
        checks=np.zeros_like(listed),
        fires=fires,
        rivals=np.broadcast_to(widths * int(not spiking), listed.shape),
        saturations=np.zeros_like(listed),
    )


def _spike_counts(trace: RateTrace, name: str, samples: slice) -> IntArray:
    """How often each neuron fires: int64 [sample, height, width, channel]."""
    if name not in trace.spikes:
        return input_counts(trace)[samples]
    packed = trace.spikes[name]
    spikes = unpack_channels(packed.words[samples], packed.shape[2]).sum(axis=1, dtype=np.int64)
    return np.asarray(spikes.reshape(len(spikes), *packed.shape), np.int64)


def _under_windows(planned: LayerPlan, spikes: IntArray) -> IntArray:
    """Sums of spikes [sample, height, width] under the window of every output position: int64 [sample, position]."""
    kernel, stride, padding = planned.sliding
    if planned.source_shape[:2] != spikes.shape[1:]:
        return np.asarray(spikes.sum(axis=(1, 2))[:, None], np.int64)
    padded = np.pad(spikes, ((0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (kernel, kernel), axis=(1, 2))
    sums: IntArray = windows[:, ::stride, ::stride].sum(axis=(3, 4))
    return sums.reshape(len(sums), -1)


def places_under_windows(planned: LayerPlan, plan: Plan) -> IntArray:
    """Places of the source under the window of every output position, edges exact: int64 [position]."""
    height, width = plan.network[planned.source].shape[:2]
    return np.asarray(_under_windows(planned, np.ones((1, height, width), np.int64))[0])
