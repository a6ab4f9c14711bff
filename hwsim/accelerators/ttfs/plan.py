"""How a network lies on the cores: passes, issue cycles and memories of every layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from hwsim.accelerators.ttfs.spec import TtfsSpec
from hwsim.contract.maps import origin
from hwsim.kernels.first_spike.network import Sliding
from hwsim.traces.direct.rate import RateTrace, input_counts
from hwsim.traces.network.geometry import window
from hwsim.traces.network.layers import Conv2d, Linear, Network, Shape
from hwsim.traces.ttfs.trace import FirstSpikeTrace

AnyCoding = FirstSpikeTrace | RateTrace


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer on its core."""

    layer: Conv2d | Linear
    source: str  # the layer whose spikes it reads: the input or a layer with weights
    source_shape: Shape  # as its windows see it: (1, 1, n) where it is flattened
    core: int
    widths: tuple[int, ...]  # neurons of each pass at one output position
    words: tuple[int, ...]  # accesses of the weight banks for one input spike of each pass
    bias_words: tuple[int, ...]  # and for the biases
    issue_cycles: tuple[int, ...]  # cycles of one input spike

    @property
    def name(self) -> str:
        """Name of the layer."""
        return self.layer.name

    @property
    def positions(self) -> int:
        """Output positions, each of which has passes of its own."""
        return self.layer.shape[0] * self.layer.shape[1]

    @property
    def passes(self) -> int:
        """Passes of an inference."""
        return self.positions * len(self.widths)

    @property
    def sliding(self) -> Sliding:
        """How its window moves over the source."""
        moves = window(self.layer)
        return Sliding(moves.kernel[0], moves.stride[0], moves.padding[0])

    @property
    def taps(self) -> int:
        """Inputs of a neuron."""
        return self.sliding.kernel**2 * self.source_shape[2]

    @property
    def weight_words(self) -> int:
        """Words of the weight banks that its weights and biases take."""
        return sum(self.taps * words + bias for words, bias in zip(self.words, self.bias_words, strict=True))


@dataclass(frozen=True, slots=True)
class Plan:
    """A network on a machine."""

    spec: TtfsSpec
    network: Network
    ticks: int  # of a window, or timesteps of a rate-coded trace
    layers: tuple[LayerPlan, ...]
    starts: Mapping[str, int]  # first ticks of the layers' own windows, of first spikes
    most_spikes: Mapping[str, int]  # of the input and every layer in any sample; of first spikes one a neuron

    def spikes_bits(self, core: int) -> int:
        """Bits of the largest map that layers of a core read or give: a word a spike, and one a position."""
        words = [0]
        for planned in self.layers:
            if planned.core == core:
                names = (planned.source,) if planned is self.layers[-1] else (planned.source, planned.name)
                words += [self.most_spikes[name] + prod(self.network[name].shape[:2]) for name in names]
        return max(words) * self.spec.spikes.port_bits

    def listed(self, planned: LayerPlan) -> int:
        """Spikes that may lie under one window of a layer."""
        return min(planned.taps * (1 if self.spec.coding == "ttfs" else self.ticks), self.most_spikes[planned.source])

    def needed_bits(self) -> Mapping[str, int]:
        """Bits that the fullest core needs of each memory: all banks of weights, one of the queue and of the spikes."""
        cores = range(self.spec.cores)
        return {
            "weights": max(map(self.weight_bits, cores)),
            "spikes": max(map(self.spikes_bits, cores)),
            "queue": max(map(self.listed, self.layers)) * self.spec.queue.port_bits,
        }

    def weight_bits(self, core: int) -> int:
        """Bits of weights and biases on a core."""
        words = sum(planned.weight_words for planned in self.layers if planned.core == core)
        return words * self.spec.weights.port_bits


def network_of(trace: AnyCoding) -> Network:
    """Layers of a trace of either coding."""
    return trace.network.network if isinstance(trace, FirstSpikeTrace) else trace.network


def plan_network(spec: TtfsSpec, trace: AnyCoding) -> Plan:
    """Place a trace's network; whether it fits is not asked here."""
    network = network_of(trace)
    weighted = network.weighted()
    # In order, as equally many on each core as can be; without gaps where there are more cores than layers.
    layers = tuple(
        _place(spec, network, layer, min(i * spec.cores // len(weighted), i)) for i, layer in enumerate(weighted)
    )
    if isinstance(trace, RateTrace):
        return Plan(spec, network, trace.timesteps, layers, {}, most_spikes(trace))
    starts = {name: neurons.start for name, neurons in trace.network.neurons.items()}
    return Plan(spec, network, trace.network.window, layers, starts, most_spikes(trace))


def most_spikes(trace: AnyCoding) -> Mapping[str, int]:
    """Spikes of the input and of every layer with neurons: as many as neurons can fire once, or as rates really do."""
    network = network_of(trace)
    if isinstance(trace, FirstSpikeTrace):
        return {layer.name: prod(layer.shape) for layer in network}
    most = {network.input.name: int(input_counts(trace).sum(axis=(1, 2, 3)).max())}
    for name, packed in trace.spikes.items():
        most[name] = int(np.bitwise_count(packed.words).sum(axis=(1, 2, 3), dtype=np.int64).max())
    return most | {network.output.name: 0}


def _place(spec: TtfsSpec, network: Network, layer: Conv2d | Linear, core: int) -> LayerPlan:
    lanes, channels, bits = spec.array.lanes, layer.shape[2], layer.weights.bits
    widths = tuple(min(lanes, channels - low) for low in range(0, channels, lanes))
    width, banks = spec.weights.port_bits, spec.weights.banks
    has_bias = layer.bias is not None
    return LayerPlan(
        layer=layer,
        source=origin(network, layer.inputs[0]),
        source_shape=network[layer.inputs[0]].shape,
        core=core,
        widths=widths,
        words=tuple(-(-n * bits // width) for n in widths),
        bias_words=tuple(-(-n * spec.pe.potential_bits // width) if has_bias else 0 for n in widths),
        issue_cycles=tuple(max(1, -(-n * bits // (banks * width))) for n in widths),
    )
