"""What crosses the edge of a chip for an inference of first spikes."""

from __future__ import annotations

import math

from hwsim.traces.transferred import Transferred
from hwsim.traces.ttfs.trace import FirstSpikeTrace


def input_times(trace: FirstSpikeTrace) -> Transferred:
    """The time of every input, silence among the codes, once."""
    network = trace.network.network
    return Transferred.of(
        math.prod(network.input.shape) * trace.network.window.bit_length(), math.prod(network.output.shape)
    )
