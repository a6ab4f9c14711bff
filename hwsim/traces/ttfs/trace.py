"""A network of neurons that fire at most once, and when each did.

Golden semantics.  Layers form a chain; each has a window of T = `window` ticks in which its neurons may fire, and the
time of a spike counts from the first tick of that window: 0 to T - 1, or -1 for a neuron that stays silent.

Raw input x of `bits` bits, with m = 2**bits - 1, is silent if 0 and else fires at

    t = ((m - x) * (T - 1) * 2 + m) // (2 * m)                             (1 - x / m) * (T - 1), rounded half up

A layer lives through ticks s = 0, 1, ..., `start` + T - 1, where s = 0 is the first tick of the window of the layer
that it reads and `start` the first of its own: T for windows one after another (a barrier), less where they overlap.
At s = 0 every neuron's potential u is its bias (`bias` of the layer, int32 [channel], 0 where it has none) and its
slope is 0.  Each tick does, in this order,

    1. where s = T: slope = ramp if s > start else 0                       only with `psp` windowed: inputs end here
    2. where s = start: slope = saturate(slope + ramp)
    3. for every input spike with time s, in order of the neurons' indices (y, x, channel):
           slope = saturate(slope + weight)
    4. u = saturate(u + slope)
    5. where s >= start, if the neuron has not fired and u >= v_threshold: it fires at time s - start

with saturation to `slope_bits` and `potential_bits` signed bits.  A neuron that has fired changes no more: its u stays
what it was.  So a spike at t has added weight * (T - t) at the end of its window (its post-synaptic potential is a
ramp, and with `psp` lasting it rises on), and a barrier with windowed potentials is exactly the activation function

    T - t = 1 + floor((z - v_threshold + ramp * T) / ramp) clipped to T, silent below 1
    z     = bias + sum of weight * (T - t) over the input spikes

that is a ReLU rounded to the nearest multiple of `ramp` with v_threshold = ramp * T + ramp // 2, if nothing saturates.

The decision is the output neuron that fires first; of several at that tick the one with the highest u, then the lowest
index.  If none fires it is the one with the highest u at the end, then the lowest index.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.kept import Keeps
from hwsim.traces.network.layers import Conv2d, Linear, Network
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs, RawValues, in_a_line

SILENT = -1
MAX_WINDOW = 1024
MAX_BITS = 31  # of slope and potential: the sum of both fits in 32 bits

Times = NDArray[np.int16]
Psp = Literal["windowed", "lasting"]


@dataclass(frozen=True, slots=True)
class FirstSpikeNeurons:
    """The neurons of one layer."""

    v_threshold: int  # from 1 to 2**(potential_bits - 1) - 1
    ramp: int  # what is added to every slope at the first tick of the layer's own window, >= 0
    start: int  # first tick of the own window, counted from the first of the window of the layer read: 1 to T
    slope_bits: int
    potential_bits: int


@dataclass(frozen=True, slots=True)
class FirstSpikeNetwork(Keeps):
    """Input, Flatten, Conv2d (one group) and Linear layers in a chain, whose weighted layers all have such neurons.

    Layers of `network` have no `neuron` of their own.  An average pool is a convolution or part of the next one.
    """

    network: Network
    window: int  # ticks
    psp: Psp
    neurons: Mapping[str, FirstSpikeNeurons]  # per weighted layer, in order

    def weighted(self) -> tuple[Conv2d | Linear, ...]:
        """The layers that have weights and neurons, in order."""
        return self.network.weighted()

    def source(self, name: str) -> str:
        """The layer whose spikes a layer reads: the input or a weighted layer, a Flatten apart."""
        layer = self.network[name]
        read = self.network[layer.inputs[0]]
        while read.inputs and not isinstance(read, Conv2d | Linear):
            read = self.network[read.inputs[0]]
        return read.name

    @property
    def barrier(self) -> bool:
        """Whether every layer's window begins where the one before ends."""
        return all(neurons.start == self.window for neurons in self.neurons.values())


@dataclass(frozen=True, slots=True)
class Decisions:
    """The class that the network gives each sample of a set."""

    classes: NDArray[np.int16]  # [sample]
    labels: NDArray[np.int64]  # [sample]
    sample_ids: NDArray[np.int64]  # [sample]
    split: str  # data set split the ids count in: "test", "train"

    @property
    def accuracy(self) -> float:
        """Fraction right."""
        return float((self.classes == self.labels).mean())


@dataclass(frozen=True, slots=True)
class FirstSpikeTrace(Keeps):
    """A first-spike network, what it did, and where that was recorded."""

    coding: ClassVar = "ttfs"

    network: FirstSpikeNetwork
    times: Mapping[str, Times]  # per weighted layer: int16 [sample, height, width, channel], SILENT or 0 to T - 1
    inputs: Inputs  # raw samples; the first are those whose times are recorded
    decisions: Mapping[str, Decisions]  # "recorded": the samples with times; others: larger sets, where present
    provenance: Provenance
    sha256: str = ""  # of the file it was read from

    def __repr__(self) -> str:
        """What it is of, in one line."""
        return in_a_line(self)

    @property
    def timesteps(self) -> int:
        """One: the windows of an inference are one timestep of the network."""
        return 1

    @property
    def n_samples(self) -> int:
        """How many samples have recorded times."""
        return len(next(iter(self.times.values())))

    def with_inputs(self, samples: int) -> FirstSpikeTrace:
        """The same with only the first raw inputs, and no more recorded samples than those."""
        inputs = Inputs(*(getattr(self.inputs, name)[:samples] for name in ("values", "labels", "sample_ids")))
        recorded, n = self.decisions["recorded"], min(samples, self.n_samples)
        cut = replace(
            recorded,
            classes=recorded.classes[:n],
            labels=recorded.labels[:n],
            sample_ids=recorded.sample_ids[:n],
        )
        times = {name: times[:n] for name, times in self.times.items()}
        return replace(self, times=times, inputs=inputs, decisions={**self.decisions, "recorded": cut})

    def spike_rate(self, layer: str) -> float:
        """Fraction of a layer's neurons that fire."""
        times = self.times[layer]
        return int((times != SILENT).sum(dtype=np.int64)) / math.prod(times.shape)

    def spike_rates(self) -> Mapping[str, float]:
        """Fraction of the neurons of every layer that fire."""
        return {name: self.spike_rate(name) for name in self.times}

    def static_accuracy(self) -> tuple[float | None, int]:
        """Fraction right on the largest set of decisions, None if unknown; and that set's size."""
        if self.provenance.synthetic:
            return None, self.n_samples
        largest = max(self.decisions.values(), key=lambda decisions: decisions.labels.size)
        return largest.accuracy, largest.labels.size

    def accuracy_by_timestep(self) -> list[float]:
        """The fraction right, of the one timestep; empty where it is unknown."""
        accuracy, _ = self.static_accuracy()
        return [] if accuracy is None else [accuracy]


def input_times(values: RawValues, bits: int, window: int) -> Times:
    """Spike times of raw inputs: int16, the shape of `values`."""
    top = (1 << bits) - 1
    levels = np.arange(top + 1, dtype=np.int64)
    table = ((top - levels) * (window - 1) * 2 + top) // (2 * top)
    table[0] = SILENT
    times: Times = table.astype(np.int16)[values]
    return times
