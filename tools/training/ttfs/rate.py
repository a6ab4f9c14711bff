"""A fire-once network with its neurons exchanged for ones that fire again, on the same weights, recorded as a trace.

Nothing is trained: an arrival of a ticks becomes a spikes in as many timesteps as the window has ticks.  What a tick of
a window is worth (the ramp) becomes the threshold, taken off at a spike; the half ramp by which arrivals are rounded
and the bias are added in equal parts at every timestep.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.direct.golden import Execution, execute
from hwsim.traces.direct.rate import RateTrace, encoder
from hwsim.traces.network.layers import Conv2d, Layer, Linear, Network, Neuron
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs, Logits
from hwsim.traces.ttfs.trace import FirstSpikeNetwork
from training.common.data import Images

FRACTION_BITS = 5
MEMBRANE_BITS = 24
AT_ONCE = 500


def rate_network(network: FirstSpikeNetwork) -> Network:
    """The same layers with integrate-and-fire neurons, and an output without neurons whose currents are logits."""
    last = network.weighted()[-1].name
    return Network(
        tuple(
            _again(network, layer, layer.name == last) if isinstance(layer, Conv2d | Linear) else layer
            for layer in network.network
        )
    )


def _again(network: FirstSpikeNetwork, layer: Conv2d | Linear, last: bool) -> Layer:
    bias = np.zeros(layer.shape[2], np.int64) if layer.bias is None else layer.bias.astype(np.int64)
    if last:
        return replace(layer, bias=_shared(bias, network.window))
    ramp = network.neurons[layer.name].ramp << FRACTION_BITS
    total = (bias << FRACTION_BITS) + ramp // 2
    return replace(layer, bias=_shared(total, network.window), neuron=_neuron(ramp, layer.shape[2]))


def rate_trace(
    network: FirstSpikeNetwork, samples: Images, recorded: int, scale: float, provenance: Provenance
) -> RateTrace:
    """Execute on `samples` and record the spikes of the first; `scale` is the real value of an integer logit."""
    rate = rate_network(network)
    run = execute(rate, samples.x, network.window, encode=encoder(rate))
    sets = {"recorded": recorded, "test": len(samples)}
    logits = {name: Logits(run.logits[:n], scale, samples.y[:n], samples.ids[:n], "test") for name, n in sets.items()}
    spikes = {name: packed.first(recorded) for name, packed in run.spikes.items()}
    inputs = Inputs(samples.x, samples.y, samples.ids)
    return RateTrace(rate, network.window, spikes, inputs, logits, provenance)


def accuracy_over(network: FirstSpikeNetwork, samples: Images) -> tuple[float, ...]:
    """Fraction right at T = 1 .. window on all samples, executed in parts so that no spikes are kept."""
    rate = rate_network(network)
    right = np.zeros(network.window, np.int64)
    for start in range(0, len(samples), AT_ONCE):
        part = samples.take(np.arange(start, min(start + AT_ONCE, len(samples))))
        right += _right(execute(rate, part.x, network.window, encode=encoder(rate)), part.y)
    return tuple((right / len(samples)).tolist())


def _right(run: Execution, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    summed = run.logits.cumsum(axis=1, dtype=np.int64)
    right: NDArray[np.int64] = (summed.argmax(axis=2) == labels[:, None]).sum(axis=0)
    return right


def _neuron(ramp: int, channels: int) -> Neuron:
    # a leak of 1 in 2**0 forgets nothing
    return Neuron(1, 0, np.full(channels, ramp, np.int64), "soft", FRACTION_BITS, MEMBRANE_BITS)


def _shared(total: NDArray[np.int64], timesteps: int) -> NDArray[np.int32]:
    """An equal part for every timestep, rounded to the nearest."""
    return np.floor_divide(2 * total + timesteps, 2 * timesteps).astype(np.int32)
