"""Execution of a first-spike network in exact integers from raw inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.kernels.first_spike.network import FireOnce, Sliding, first_spikes, room_for
from hwsim.traces.network.geometry import window
from hwsim.traces.network.layers import Conv2d, Linear
from hwsim.traces.network.weights import weights_of
from hwsim.traces.trace import RawValues
from hwsim.traces.ttfs.check import check_first_spike
from hwsim.traces.ttfs.trace import SILENT, FirstSpikeNetwork, Times, input_times


@dataclass(frozen=True, slots=True)
class FirstSpikes:
    """What a network did: times of every weighted layer, potentials of the last at the end, and decisions."""

    times: Mapping[str, Times]  # int16 [sample, height, width, channel]
    potentials: NDArray[np.int32]  # [sample, class]
    classes: NDArray[np.int16]  # [sample]


def execute_first_spike(network: FirstSpikeNetwork, inputs: RawValues) -> FirstSpikes:
    """Run `network` on raw inputs uint8 [sample, height, width, channel] as `hwsim.traces.ttfs.trace` prescribes.

    Raises TraceError for a network that breaks a rule and for inputs of another shape or of too many bits.
    """
    check_first_spike(network)
    source = network.network.input
    if inputs.dtype != np.uint8 or inputs.shape[1:] != source.shape or not inputs.size:
        wanted = ", ".join(map(str, source.shape))
        raise TraceError(f"inputs: wanted uint8 (samples, {wanted}), found {inputs.dtype} {inputs.shape}")
    if int(inputs.max()) >> source.bits:
        raise TraceError(f"inputs: wanted {source.bits}-bit integers, found {int(inputs.max())}")
    flowing = input_times(inputs, source.bits, network.window)
    times: dict[str, Times] = {}
    for layer in network.weighted():
        flowing, potentials = layer_times(network, layer, flowing)
        times[layer.name] = flowing
    final = potentials.reshape(len(inputs), -1)
    return FirstSpikes(times, final, decide(flowing.reshape(len(inputs), -1), final))


def layer_times(network: FirstSpikeNetwork, layer: Conv2d | Linear, source: Times) -> tuple[Times, NDArray[np.int32]]:
    """Times and final potentials [sample, height, width, channel] of one layer, from the times of the one it reads."""
    moves, shape = window(layer), source.shape[1:] if isinstance(layer, Conv2d) else (1, 1, source[0].size)
    sliding = Sliding(moves.kernel[0], moves.stride[0], moves.padding[0])
    fired = np.empty((len(source), *layer.shape), np.int16)
    potentials = np.empty(fired.shape, np.int32)
    bias = np.zeros(layer.shape[2], np.int32) if layer.bias is None else layer.bias
    behaviour = behaviour_of(network, layer.name)
    rows = weights_of(layer).reshape(-1, layer.shape[2])
    room = room_for(len(rows), behaviour.window, layer.shape[2])
    first_spikes(source.reshape(-1, *shape), rows, bias, sliding, behaviour, room, fired, potentials)
    return fired, potentials


def behaviour_of(network: FirstSpikeNetwork, name: str) -> FireOnce:
    """The neurons of a layer as the kernel takes them."""
    neurons = network.neurons[name]
    return FireOnce(
        window=network.window,
        start=neurons.start,
        ramp=neurons.ramp,
        v_threshold=neurons.v_threshold,
        highest_slope=(1 << (neurons.slope_bits - 1)) - 1,
        highest_potential=(1 << (neurons.potential_bits - 1)) - 1,
        windowed=network.psp == "windowed",
    )


def decide(times: Times, potentials: NDArray[np.int32]) -> NDArray[np.int16]:
    """Class of each sample [sample] from times and potentials [sample, class] of the output: first, highest, lowest."""
    when = np.where(times == SILENT, np.iinfo(np.int16).max, times)
    first = when == when.min(axis=1, keepdims=True)
    candidates = np.where(first, potentials.astype(np.int64), np.iinfo(np.int64).min)
    classes: NDArray[np.int16] = candidates.argmax(axis=1).astype(np.int16)
    return classes
