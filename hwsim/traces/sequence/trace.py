"""A spiking LSTM over sequences as integers, and what it did.

Golden semantics.  A sample is a sequence of N elements x[n], vectors of signed integers of `input_bits` bits.  The
network runs T timesteps on every element; (n, t) is one cell step.  A layer holds four gates, `input` (i), `forget`
(f), `candidate` (g) and `output` (o), and the activation of the cell state, `cell` (s), each with `n_hidden` units; a
spike and a multi-bit value of 1.0 stand for 2**p, p = `fraction_bits`.  Step (n, t) of a layer does, for every unit,

    x        = x[n], the same at every t, in the first layer; hidden spikes h[n, t] of the layer before in later ones
    c', h'   = cell state and hidden spikes of an earlier step of this layer, see `state_per_step`; 0 before the first
    current  = (sum(W_x * x) << input_shift) + (sum(W_h * h') << hidden_shift) + bias    of i, f, g, o, each its own
    i, f, g, o = activate(current)
    c        = saturate(round(f * c', p) + round(i * g, p))                              to `state_bits` signed bits
    s        = activate((c << input_shift) + bias)                                       of `cell`
    h        = o * s, read by others as -1, 0 or 1                                       o and s are spikes

with round(z, k) = (z + 2**(k - 1)) >> k (z itself where k is 0) and `>>` the arithmetic shift.  An activation is one of

    spike          v = saturate(round(v * leak, leak_bits) + current)                    to `membrane_bits` signed bits
                   fires 1 if v > v_threshold, strictly; then v = v - v_threshold (soft reset) or 0 (hard)
    signed_spike   the same, and fires -1 if v < -v_threshold; then v = v + v_threshold or 0
    multi_bit      no membrane: min(max(round(current, value_shift), 0), 2**p)
    signed_multi_bit         min(max(round(current, value_shift), -2**p), 2**p)

`output` is a spike, `cell` a spike or a signed spike, so that hidden values are spikes; the others are free.

`membrane_carry`   false: all membranes are 0 before the first timestep of each element; true: only before the first
                   element, and then they run on through t and n.
`state_per_step`   true: c' and h' are those of (n - 1, t), T states side by side; false: one state runs through all
                   steps, c' and h' are those of (n, t - 1), and of (n - 1, T - 1) where t = 0.

With `membrane_carry` false and `state_per_step` true step (n, t) needs (n - 1, t) and (n, t - 1) only: a wavefront, and
fewer timesteps are a prefix of more.  Otherwise steps depend on each other in a row.

The logits of timestep t are sum(W * h) + bias over the hidden spikes h[N - 1, t] of the last layer (`over` last) or
over the sum of h[n, t] for all n (`over` all); the decision after a timestep is the class with the highest sum of
logits up to it, the lower index of several.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.kept import Keeps
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Logits, in_a_line

GATES = ("input", "forget", "candidate", "output")
"""In the order of the weights' first axis: i, f, g, o."""
NEURONS = (*GATES, "cell")
HIDDEN = "hidden"

Activation = Literal["spike", "signed_spike", "multi_bit", "signed_multi_bit"]


@dataclass(frozen=True, slots=True)
class GateUnits:
    """The units of one gate, or of the cell's activation."""

    activation: Activation
    bias: NDArray[np.int32]  # [unit], added at every step, in units of the shifted current
    v_threshold: NDArray[np.int64]  # [unit], 0 where the activation is multi-bit
    leak: int  # 2**leak_bits for IF
    leak_bits: int
    reset: Literal["soft", "hard"]
    membrane_bits: int
    input_shift: int
    hidden_shift: int  # 0 for `cell`
    value_shift: int  # 0 for spikes

    @property
    def leaks(self) -> bool:
        """Whether a step leaves less than all of a membrane."""
        return self.leak != 1 << self.leak_bits

    @property
    def spiking(self) -> bool:
        """Whether the units fire, and so have membranes."""
        return self.activation in ("spike", "signed_spike")

    @property
    def signed(self) -> bool:
        """Whether the activation may be negative."""
        return self.activation in ("signed_spike", "signed_multi_bit")


@dataclass(frozen=True, slots=True)
class LstmLayer:
    """One spiking LSTM layer."""

    name: str
    input_weights: NDArray[np.int8]  # W_x [gate, input, unit]
    hidden_weights: NDArray[np.int8]  # W_h [gate, unit before, unit]
    weight_bits: int  # of both, two's complement
    units: Mapping[str, GateUnits]  # by NEURONS
    fraction_bits: int
    state_bits: int

    @property
    def n_inputs(self) -> int:
        """Width of what it reads."""
        return int(self.input_weights.shape[1])

    @property
    def n_hidden(self) -> int:
        """Units of each gate."""
        return int(self.input_weights.shape[2])

    @property
    def spiking(self) -> tuple[str, ...]:
        """The gates, and the cell's activation, that fire."""
        return tuple(name for name in NEURONS if self.units[name].spiking)

    def planes(self, neurons: str) -> int:
        """Bit planes of recorded spikes: 2 where they may be negative."""
        return 1 + self.units["cell" if neurons == HIDDEN else neurons].signed


@dataclass(frozen=True, slots=True)
class Readout:
    """The linear layer that gives the logits."""

    weights: NDArray[np.int8]  # [unit, class]
    bias: NDArray[np.int32]  # [class]
    weight_bits: int
    over: Literal["last", "all"]


@dataclass(frozen=True)
class SequenceNetwork:
    """Spiking LSTM layers, each reading the one before, and a readout."""

    n_elements: int
    n_features: int
    input_bits: int  # of the raw input, two's complement
    layers: tuple[LstmLayer, ...]
    readout: Readout
    membrane_carry: bool
    state_per_step: bool

    @property
    def n_classes(self) -> int:
        """Width of the logits."""
        return int(self.readout.weights.shape[1])

    @property
    def wavefront(self) -> bool:
        """Whether timesteps of an element can overlap those of others."""
        return self.state_per_step and not self.membrane_carry

    @cached_property
    def by_name(self) -> Mapping[str, LstmLayer]:
        """Layers by name."""
        return {layer.name: layer for layer in self.layers}

    def recorded(self) -> tuple[tuple[LstmLayer, str], ...]:
        """Whose spikes a trace holds: the spiking gates and the hidden spikes of every layer, in order."""
        return tuple((layer, neurons) for layer in self.layers for neurons in (*layer.spiking, HIDDEN))


@dataclass(frozen=True, slots=True)
class SequenceSpikes:
    """Spikes of one gate, or the hidden spikes, of one layer, bit-packed along units.

    `words` is uint64 [sample, element, timestep, plane, word]: unit u is bit `u % 64` of word `u // 64`, bits past the
    last unit are zero.  Plane 0 holds who fires; plane 1, where spikes are signed, which of those are negative.
    """

    words: NDArray[np.uint64]
    n_units: int

    def counts(self) -> NDArray[np.int64]:
        """Spikes of either sign: int64 [sample, element, timestep]."""
        return np.asarray(np.bitwise_count(self.words[:, :, :, 0]).sum(axis=-1, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class SequenceInputs:
    """Raw sequences; the first ones are those whose spikes are recorded."""

    values: NDArray[np.int8]  # [sample, element, feature]
    labels: NDArray[np.int64]  # [sample]
    sample_ids: NDArray[np.int64]  # index of each in its data set's split


@dataclass(frozen=True, slots=True)
class SequenceTrace(Keeps):
    """A spiking LSTM, what it did, and where that was recorded."""

    coding: ClassVar = "sequence"

    network: SequenceNetwork
    timesteps: int
    spikes: Mapping[str, SequenceSpikes]  # 'LAYER/GATE' for those of `SequenceNetwork.recorded`
    inputs: SequenceInputs
    logits: Mapping[str, Logits]  # "recorded": the samples with spikes; others: larger sets, where present
    provenance: Provenance
    sha256: str = ""  # of the file it was read from

    def __repr__(self) -> str:
        """What it is of, in one line."""
        return in_a_line(self)

    @property
    def n_samples(self) -> int:
        """How many samples have recorded spikes."""
        return len(next(iter(self.spikes.values())).words)

    def spikes_of(self, layer: LstmLayer, neurons: str) -> SequenceSpikes:
        """Recorded spikes of a gate, of `cell`, or the `hidden` ones."""
        return self.spikes[f"{layer.name}/{neurons}"]

    def spike_rates(self) -> Mapping[str, float]:
        """Spikes per unit per cell step, of every gate that fires and of the hidden spikes."""
        return {name: float(spikes.counts().mean()) / spikes.n_units for name, spikes in self.spikes.items()}

    def static_accuracy(self) -> tuple[float | None, int]:
        """Fraction right after all timesteps on the largest set of logits, None if unknown; and that set's size."""
        known = self.accuracy_by_timestep()
        return known[-1] if known else None, self._largest().labels.size

    def accuracy_by_timestep(self) -> list[float]:
        """Fraction right after each timestep on the largest set of logits; empty for synthetic traces."""
        return [] if self.provenance.synthetic else [float(a) for a in self._largest().accuracy()]

    def _largest(self) -> Logits:
        return max(self.logits.values(), key=lambda logits: logits.labels.size)
