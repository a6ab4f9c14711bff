"""What crosses the edge of a chip for an inference of a network of layers."""

from __future__ import annotations

import math

import numpy as np

from hwsim.traces.network.layers import Network
from hwsim.traces.trace import Inputs
from hwsim.traces.transferred import Transferred


def raw_sample(network: Network) -> Transferred:
    """The raw sample once, at its bits; spikes that are made of it are made on the chip."""
    source = network.input
    return Transferred.of(math.prod(source.shape) * source.bits, math.prod(network.output.shape))


def addressed_events(network: Network, timesteps: int, inputs: Inputs | None, recorded: int) -> Transferred:
    """Each event by its address, with its value where that has more than a bit, and one address to end each timestep.

    Without raw inputs, or where that is less, every value of every timestep.
    """
    source = network.input
    places, value_bits = math.prod(source.shape), source.bits if source.bits > 1 else 0
    address = max(1, (places - 1).bit_length())
    dense, classes = timesteps * places * source.bits, math.prod(network.output.shape)
    if inputs is None:
        return Transferred.of(dense, classes)
    events = np.count_nonzero(inputs.values[:recorded, :timesteps].reshape(recorded, -1), axis=1)
    bits = events * (address + value_bits) + timesteps * address
    if bits.mean() >= dense:
        return Transferred.of(dense, classes)
    error = None if recorded == 1 else float(bits.std(ddof=1)) / math.sqrt(recorded)
    return Transferred.of(float(bits.mean()), classes, error)
