"""A spiking network as integers: layers, edges, geometry, weights and neurons.

Golden semantics, per timestep t and in the order of `Network.layers` (docs/design.md, golden semantics):

    current[c] = sum(weight[..., c] * x)                                   exact integers
    v          = saturate(((v * leak[c] + half) >> leak_bits) + (current << fraction_bits) + bias[c])
    spike      = v > v_threshold[c], or >= where `fires_at_threshold`
    v          = v - v_threshold[c] (soft reset)  or  v_reset (hard reset)  where it spiked; nothing without reset

with half = 2**(leak_bits - 1) (0 when leak_bits is 0), `>>` the arithmetic shift, and saturation to `membrane_bits`
signed bits, once, after the sum.  With a delayed reset v is left as it is when it spikes, and reset in the next
timestep, of which `due` is the comparison of what the last one left: a hard reset sets v before it leaks, or after the
sum where `reset_after_sum`, a soft one takes v_threshold[c] off the sum after the leak.

`signed` neurons also fire -1, where v < -v_threshold[c], or <= where `fires_at_threshold`: a soft reset then adds
v_threshold[c], a hard one is the same, and feedback is that of a spike times -1.

What arrives, drive = (current << fraction_bits) + bias[c], and feedback[c] more where the neuron spiked in the timestep
before, goes to the membrane, or with a `Synapse` to a current i of the neuron, which the membrane takes:

    i = saturate(((i * leak_i[c] + half_i) >> leak_bits_i) + drive)        v takes i, or i as it was before if `delayed`

A layer with weights may be `delayed`: x is what neurons gave in the timestep before, and nothing at the first.

A layer without a neuron passes its integer `current + bias` on: to an `Add`, or out of the network as logits (one
integer vector a timestep, not accumulated).  Membranes start at zero for each sample.  A `Readout` at the end makes
logits of neurons that fire: spikes in groups, or what a membrane changed by, so that the sum is the membrane.

Activations that are not binary stay integers: an average pool gives the *sum* of its window (the divisor belongs to the
weights or threshold that follow), a residual `Add` without a neuron gives sums such as {0, 1, 2}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import mul
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.kept import Keeps
from hwsim.traces.network.window import Window

Shape = tuple[int, int, int]
"""Height, width, channels of a layer's output; a vector is (1, 1, n)."""


Integers = NDArray[np.signedinteger[Any]]
"""Weights as they are stored: int8 or int16."""

Leak = int | NDArray[np.int64]
"""What a timestep leaves of a state, in 2**-leak_bits: of the layer, or [channel]."""


@dataclass(frozen=True, slots=True)
class Synapse:
    """A synaptic current of each neuron: it leaks, adds up what arrives and saturates as wide as the membrane."""

    leak: Leak
    leak_bits: int
    delayed: bool = False  # the membrane takes what the timestep before left, before anything arrives

    @property
    def leaks(self) -> bool:
        """Whether a timestep leaves less than all of any current."""
        return _leaks(self.leak, self.leak_bits)


@dataclass(frozen=True, slots=True)
class Neuron:
    """Integer LIF neurons of one layer (IF when `leak == 2**leak_bits`)."""

    leak: Leak
    leak_bits: int
    v_threshold: NDArray[np.int64]  # [channel], in units of 2**-fraction_bits weight steps
    reset: Literal["soft", "hard", "none"]
    fraction_bits: int
    membrane_bits: int
    v_reset: int = 0
    fires_at_threshold: bool = False
    delayed_reset: bool = False
    reset_after_sum: bool = False  # of a delayed hard reset: what arrives in its timestep is lost
    synapse: Synapse | None = None
    feedback: NDArray[np.int64] | None = None  # [channel], in units of 2**-fraction_bits weight steps
    signed: bool = False  # it fires -1 below minus its threshold

    @property
    def leaks(self) -> bool:
        """Whether a timestep leaves less than all of any membrane."""
        return _leaks(self.leak, self.leak_bits)

    @property
    def plain(self) -> bool:
        """Whether it fires 1 above its threshold and is reset at once, with one leak for all channels and one state."""
        at_once = not (self.fires_at_threshold or self.delayed_reset or self.signed) and self.reset != "none"
        return at_once and not isinstance(self.leak, np.ndarray) and not self.drives

    @property
    def drives(self) -> bool:
        """Whether anything stands between what arrives and the membrane, or comes back from the neuron itself."""
        return self.synapse is not None or self.feedback is not None


def _leaks(leak: Leak, bits: int) -> bool:
    return bool(np.any(np.asarray(leak) != 1 << bits))


@dataclass(frozen=True, slots=True)
class StoredWeights(Keeps):
    """Integer weights, two's complement in `bits` bits; of 1 bit -1 and 1.

    [kernel y, x, channel_in / groups, channel_out], int8 for up to 8 bits and int16 for more.
    """

    values: Integers
    bits: int
    scale: NDArray[np.float32]  # [channel_out]: real weight = values * scale


@dataclass(frozen=True, slots=True)
class SeededWeights(Keeps):
    """Weights of a synthetic network: drawn by a counter-based generator when asked for, never stored."""

    shape: tuple[int, int, int, int]
    bits: int
    seed: int


Weights = StoredWeights | SeededWeights


@dataclass(frozen=True, slots=True)
class Layer:
    """What all layers have: a name, the names of the layers they read, and the shape they give."""

    name: str
    inputs: tuple[str, ...]
    shape: Shape


def raw_type(bits: int, signed: bool) -> np.dtype[np.integer[Any]]:
    """The narrowest type that holds raw samples of so many bits."""
    return np.dtype(f"{'i' if signed else 'u'}{1 if bits <= 8 else 2}")


@dataclass(frozen=True, slots=True)
class Input(Layer):
    """The network's input: integers of `bits` bits, the same at every timestep or others at each.

    They are unsigned, or `signed` in two's complement.
    """

    bits: int
    over_time: bool = False
    signed: bool = False

    @property
    def values(self) -> tuple[int, int]:
        """The least and the largest that one can be."""
        half = 1 << (self.bits - 1)
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)

    @property
    def dtype(self) -> np.dtype[np.integer[Any]]:
        """In what raw samples are stored."""
        return raw_type(self.bits, self.signed)


@dataclass(frozen=True, slots=True)
class Conv2d(Layer):
    """A convolution; `bias` is int32 [channel_out] in units of 2**-fraction_bits weight steps.

    One that is `delayed` reads what its input, neurons at any place of the network, gave one timestep before.
    """

    window: Window
    groups: int
    weights: Weights
    bias: NDArray[np.int32] | None
    neuron: Neuron | None
    delayed: bool = False


@dataclass(frozen=True, slots=True)
class Linear(Layer):
    """Fully connected layer over (1, 1, n); weights have the shape [1, 1, n_in, n_out].  `delayed` as a convolution."""

    weights: Weights
    bias: NDArray[np.int32] | None
    neuron: Neuron | None
    delayed: bool = False


@dataclass(frozen=True, slots=True)
class Pool(Layer):
    """Pooling: `avg` gives the window's sum, `max` its maximum; padding adds nothing and is never the maximum.

    A pool of currents gives currents.
    """

    kind: Literal["avg", "max"]
    window: Window


@dataclass(frozen=True, slots=True)
class Flatten(Layer):
    """(h, w, c) read in that order as (1, 1, h * w * c)."""


@dataclass(frozen=True, slots=True)
class Concat(Layer):
    """The channels of its inputs one after another: two or more activations of one height and width."""


@dataclass(frozen=True, slots=True)
class Upsample(Layer):
    """Each position `factor` (rows, columns) times beside itself, nearest neighbours: (h, w, c) as (h fy, w fx, c)."""

    factor: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Add(Layer):
    """sum(gains[i] * inputs[i]), integer; the inputs may be activations, or currents when it has a neuron.

    Only with a neuron it may have a `bias`, int32 [channel] in units of 2**-fraction_bits weight steps.
    """

    gains: tuple[int, ...]
    neuron: Neuron | None
    bias: NDArray[np.int32] | None = None


ReadOf = Literal["spikes", "membrane", "mean_membrane"]
"""What logits are made of."""


@dataclass(frozen=True, slots=True)
class Readout(Layer):
    """Logits from the activations of the layer before: of each class the sum of `votes` neighbouring channels.

    Of the `membrane` of neurons, what it has changed by in this timestep after any reset: summed it is the membrane.
    Of its mean over time (`mean_membrane`) the membrane itself, after any reset: summed it is the mean times T.
    """

    votes: int
    of: ReadOf

    @property
    def of_membrane(self) -> bool:
        """Whether it reads membranes and no spikes."""
        return self.of != "spikes"


@dataclass(frozen=True)
class Network:
    """Layers in an order in which each comes after those it reads; the first is the Input, the last gives logits.

    What is read of the timestep before may come later: so a layer's own spikes come back to it (`delayed`).
    """

    layers: tuple[Layer, ...]
    activation_bits: int | None = None  # None for spikes; of the activation functions that stand in for all neurons
    _by_name: Mapping[str, Layer] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {layer.name: layer for layer in self.layers})

    def __getitem__(self, name: str) -> Layer:
        return self._by_name[name]

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    @property
    def input(self) -> Input:
        """The direct-coded input layer."""
        first = self.layers[0]
        assert isinstance(first, Input)
        return first

    @property
    def output(self) -> Layer:
        """The layer whose integers are the logits."""
        return self.layers[-1]

    @property
    def n_classes(self) -> int:
        """Width of the logits."""
        return self.layers[-1].shape[2]

    @cached_property
    def consumers(self) -> Mapping[str, tuple[str, ...]]:
        """Who reads each layer, in network order."""
        found: dict[str, list[str]] = {layer.name: [] for layer in self.layers}
        for layer in self.layers:
            for name in dict.fromkeys(layer.inputs):
                found[name].append(layer.name)
        return {name: tuple(readers) for name, readers in found.items()}

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Place of each layer in network order."""
        return {layer.name: place for place, layer in enumerate(self.layers)}

    @cached_property
    def following_input(self) -> frozenset[str]:
        """An input that stays and what flattens, pools or adds it, with no weights and no neuron in between."""
        found: set[str] = set()
        if self.input.over_time:
            return frozenset()
        for layer in self.layers:  # in one pass: a recursion would take exponential time on a chain of sums
            starts_anew = isinstance(layer, Conv2d | Linear) or neuron_of(layer) is not None
            if not starts_anew and found.issuperset(layer.inputs):
                found.add(layer.name)
        return frozenset(found)

    @cached_property
    def read_late(self) -> Mapping[str, tuple[str, ...]]:
        """Neurons that are read one timestep later, and who does so, in network order."""
        found: dict[str, list[str]] = {}
        for layer in filter(is_delayed, self.layers):
            found.setdefault(layer.inputs[0], []).append(layer.name)
        return {name: tuple(readers) for name, readers in found.items()}

    def spiking(self) -> tuple[Layer, ...]:
        """The layers that have neurons and therefore recorded spikes."""
        return tuple(layer for layer in self.layers if neuron_of(layer) is not None)

    def weighted(self) -> tuple[Conv2d | Linear, ...]:
        """The layers that have weights."""
        return tuple(layer for layer in self.layers if isinstance(layer, Conv2d | Linear))

    @property
    def has_signed_spikes(self) -> bool:
        """Whether any neurons fire -1, too."""
        return any(neuron.signed for neuron in map(neuron_of, self.layers) if neuron is not None)

    def values(self, name: str) -> Values:
        """The least and the largest integer a layer's activation can be (0 and 1 for spikes, -1 and 1 for signed ones).

        ValueError for layers that give currents.
        """
        values = self._values[name]
        if values is None:
            raise ValueError(f"{name} gives currents, not activations")
        return values

    def max_value(self, name: str) -> int:
        """The largest of them."""
        return self.values(name)[1]

    def signed(self, name: str) -> bool:
        """Whether any of them is below zero."""
        return self.values(name)[0] < 0

    def fires_both(self, name: str) -> bool:
        """Whether they are signed spikes, perhaps arranged or their maximum: -1, 0 and 1."""
        return self.values(name) == (-1, 1)

    def bits(self, name: str) -> int:
        """Bits of one of them: as many as the largest has, in two's complement where they are signed."""
        low, high = self.values(name)
        return high.bit_length() if low >= 0 else max(high, -low - 1).bit_length() + 1

    def gives_currents(self, name: str) -> bool:
        """Whether a layer passes signed currents on: weights without a neuron, what adds or pools them, a readout."""
        return self._values[name] is None

    @cached_property
    def _values(self) -> Mapping[str, Values | None]:
        """Per layer, in one pass: a recursion over inputs would take exponential time on a chain of residual sums."""
        half = 1 << ((self.activation_bits or 1) - 1)
        of_signed = (-1, 1) if self.activation_bits is None else (-half, half - 1)
        values: dict[str, Values | None] = {}
        for layer in self.layers:
            if (neuron := neuron_of(layer)) is not None:
                values[layer.name] = of_signed if neuron.signed else (0, 2 * half - 1)
            else:
                values[layer.name] = _values_of(layer, [values.get(i) for i in layer.inputs])
        return values


Values = tuple[int, int]
"""The least and the largest that an activation can be."""


def _values_of(layer: Layer, inputs: list[Values | None]) -> Values | None:
    """What activations of a layer without neurons can be, from those that it reads; None for currents."""
    known = [values for values in inputs if values is not None]
    if len(known) < len(inputs):
        return None
    match layer:
        case Input():
            return layer.values
        case Pool(kind="avg"):
            return layer.window.taps * known[0][0], layer.window.taps * known[0][1]
        case Add():
            lows, highs = zip(*known, strict=True)
            return sum(map(mul, layer.gains, lows)), sum(map(mul, layer.gains, highs))
        case Concat():
            return min(low for low, _ in known), max(high for _, high in known)
        case Pool() | Flatten() | Upsample():
            return known[0]
    return None  # weights and readouts give currents


def is_delayed(layer: Layer) -> bool:
    """Whether a layer reads what its input gave one timestep before; at the first timestep nothing."""
    return isinstance(layer, Conv2d | Linear) and layer.delayed


def neuron_of(layer: Layer) -> Neuron | None:
    """The layer's neuron, or None for layers that have none."""
    return layer.neuron if isinstance(layer, Conv2d | Linear | Add) else None
