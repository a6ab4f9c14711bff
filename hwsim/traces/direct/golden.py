"""Execution of a network in integers from raw inputs.

Products of weights and activations are exact, or come from whoever can give others: the rest is the same for both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.kernels.golden import HARD, NO_RESET, SOFT, NeuronLevels, step_neurons
from hwsim.progress import in_parts
from hwsim.traces.direct.products import ExactProducts, Products, Values
from hwsim.traces.network.check import check_network
from hwsim.traces.network.layers import (
    Add,
    Concat,
    Conv2d,
    Flatten,
    Input,
    Layer,
    Linear,
    Network,
    Neuron,
    Pool,
    Readout,
    Upsample,
    is_delayed,
    neuron_of,
)
from hwsim.traces.network.limits import MAX_INT
from hwsim.traces.network.raw_input import beyond
from hwsim.traces.planes import pack_channels
from hwsim.traces.trace import PackedSpikes, RawValues

_SAMPLES_AT_ONCE = 64

Encode = Callable[[RawValues, int], Values]
"""What the input layer gives for raw samples at a timestep; they are given as they are where a coding has none."""


Watch = Callable[[str, int, NDArray[np.int64], NDArray[np.int64]], None]
"""Told of a layer's membranes [sample, y, x, channel] before and after each timestep."""


@dataclass(frozen=True, slots=True)
class Execution:
    """What a network did: spikes of every spiking layer, integer logits int32 [sample, timestep, class]."""

    spikes: Mapping[str, PackedSpikes]
    logits: NDArray[np.int32]


def execute(
    network: Network,
    inputs: RawValues,
    timesteps: int,
    products: Products | None = None,
    encode: Encode | None = None,
    watch: Watch | None = None,
) -> Execution:
    """Run `network` on raw inputs [sample, height, width, channel] as `hwsim.traces.network.layers` prescribes.

    With `products`, currents are theirs, and sums that leave 32 bits saturate.  `watch` sees all membranes.  Raises
    TraceError for a network that breaks a rule and for inputs of another shape or of too many bits.
    """
    parts = list(execute_parts(network, inputs, timesteps, products, encode, watch))
    spikes = {
        layer.name: PackedSpikes.joined([part.spikes[layer.name] for part in parts]) for layer in network.spiking()
    }
    return Execution(spikes, np.concatenate([part.logits for part in parts]))


def execute_parts(
    network: Network,
    inputs: RawValues,
    timesteps: int,
    products: Products | None = None,
    encode: Encode | None = None,
    watch: Watch | None = None,
) -> Iterator[Execution]:
    """The same, some samples at a time, in order."""
    check_network(network)
    shape = (timesteps, *network.input.shape) if network.input.over_time else network.input.shape
    wanted = network.input.dtype
    if inputs.dtype != wanted or inputs.shape[1:] != shape or not inputs.size:
        raise TraceError(
            f"inputs: wanted {wanted} (samples, {', '.join(map(str, shape))}), found {inputs.dtype} {inputs.shape}"
        )
    if (found := beyond(inputs, network.input)) is not None:
        raise TraceError(f"inputs: wanted {network.input.bits}-bit integers, found {found}")
    products = products or ExactProducts(network)
    if network.input.over_time:
        encode = at_timestep
    for start in in_parts(len(inputs), _SAMPLES_AT_ONCE):
        part = inputs[start : start + _SAMPLES_AT_ONCE]
        yield _Run(network, products, start, part, encode, watch).play(timesteps)


class _Run:
    """The state of one chunk of samples: membranes, and per layer the integers it passes on in this timestep."""

    def __init__(
        self,
        network: Network,
        products: Products,
        first_sample: int,
        inputs: RawValues,
        encode: Encode | None,
        watch: Watch | None,
    ) -> None:
        self.network = network
        self.products = products
        self.first_sample = first_sample
        self.n_samples = len(inputs)
        self.inputs, self.encode, self.watch = inputs, encode, watch
        self.values: dict[str, Values] = {} if encode else {network.input.name: inputs.astype(np.int32)}
        self.membranes = {
            layer.name: np.zeros((self.n_samples, *layer.shape), dtype=np.int64) for layer in network.spiking()
        }
        self.synapses = {
            layer.name: np.zeros((self.n_samples, *layer.shape), dtype=np.int64)
            for layer, neuron in ((layer, neuron_of(layer)) for layer in network)
            if neuron is not None and neuron.synapse is not None
        }
        self.before: dict[str, Values | None] = {}  # what neurons that are read late gave in the timestep before
        self.read_out: dict[str, NDArray[np.int64]] = {}  # membranes as they were read last
        self.unchanging = _unchanging(network, products.varying) if encode is None else frozenset()

    def play(self, timesteps: int) -> Execution:
        """All timesteps of the chunk."""
        spikes: dict[str, list[PackedSpikes]] = {layer.name: [] for layer in self.network.spiking()}
        logits = []
        for t in range(timesteps):
            self.before = {name: self.values.get(name) for name in self.network.read_late}
            if self.encode is not None:
                self.values[self.network.input.name] = self.encode(self.inputs, t)
            for layer in self.network.layers[1:]:
                if t == 0 or layer.name not in self.unchanging:
                    self.values[layer.name] = self._give(layer, t)
                if layer.name in spikes:
                    spikes[layer.name].append(self._packed(layer))
            logits.append(self.values[self.network.output.name][:, 0, 0])
        packed = {
            name: steps[0].each(lambda *words: np.stack(words, axis=1), *steps[1:]) for name, steps in spikes.items()
        }
        return Execution(packed, np.stack(logits, axis=1))

    def _packed(self, layer: Layer) -> PackedSpikes:
        """Spikes of one timestep: uint64 [sample, position, word]."""
        fired, neuron = self.values[layer.name].reshape(self.n_samples, -1, layer.shape[2]), neuron_of(layer)
        negative = pack_channels(fired < 0) if neuron is not None and neuron.signed else None
        return PackedSpikes(pack_channels(fired.astype(np.bool_)), layer.shape, negative)

    def _give(self, layer: Layer, timestep: int) -> Values:
        """What the layer passes on in this timestep: int32 [sample, y, x, channel]."""
        sources = [self._late(layer)] if is_delayed(layer) else [self.values[name] for name in layer.inputs]
        match layer:
            case Conv2d() | Linear():
                passed = self.products(layer, sources[0], self.first_sample, timestep)
                if layer.neuron is None and layer.bias is not None:
                    passed = _saturated(np.add(passed, layer.bias, dtype=np.int64))
            case Pool():
                passed = _pool(
                    layer, sources[0], self.network.gives_currents(layer.name) or self.network.signed(layer.name)
                )
            case Flatten():
                passed = sources[0].reshape(self.n_samples, *layer.shape)
            case Concat():
                passed = np.concatenate(sources, axis=-1)
            case Upsample():
                passed = sources[0].repeat(layer.factor[0], axis=1).repeat(layer.factor[1], axis=2)
            case Add():
                total = np.zeros((self.n_samples, *layer.shape), dtype=np.int64)
                for gain, source in zip(layer.gains, sources, strict=True):
                    total += np.int64(gain) * source
                passed = _saturated(total)
            case Readout():
                passed = self._read_out(layer, sources[0])
        neuron = neuron_of(layer)
        return passed if neuron is None else self._fire(layer, neuron, passed, timestep)

    def _late(self, layer: Layer) -> Values:
        """What the layer's input gave in the timestep before, zeros at the first."""
        (name,) = layer.inputs
        before = self.before[name]
        return np.zeros((self.n_samples, *self.network[name].shape), np.int32) if before is None else before

    def _read_out(self, layer: Readout, source: Values) -> Values:
        """Spikes of each class's channels, its membrane, or what that changed by."""
        if layer.of == "spikes":
            votes: Values = source.reshape(self.n_samples, *layer.shape, layer.votes).sum(axis=-1, dtype=np.int32)
            return votes
        membrane = self.membranes[layer.inputs[0]]
        if layer.of == "mean_membrane":
            return membrane.astype(np.int32)
        before = self.read_out.get(layer.name, np.zeros_like(membrane))
        self.read_out[layer.name] = membrane.copy()
        changed: Values = (membrane - before).astype(np.int32)
        return changed

    def _fire(self, layer: Layer, neuron: Neuron, currents: Values, timestep: int) -> Values:
        channels = layer.shape[2]
        bias = layer.bias if isinstance(layer, Conv2d | Linear | Add) else None
        arriving: NDArray[np.int32] | NDArray[np.int64] = currents
        levels = levels_of(neuron)
        if neuron.drives:  # at the membrane arrives what is whole already
            arriving, bias, levels = self._drive(layer, neuron, currents, bias), None, levels._replace(fraction_bits=0)
        spikes, membranes = np.empty((self.n_samples, *layer.shape), dtype=np.int32), self.membranes[layer.name]
        before = None if self.watch is None else membranes.copy()
        step_neurons(
            arriving.reshape(-1, channels),
            np.zeros(channels, dtype=np.int32) if bias is None else bias,
            neuron.v_threshold,
            np.broadcast_to(np.asarray(neuron.leak, np.int64), channels).copy(),
            levels,
            membranes.reshape(-1, channels),
            spikes.reshape(-1, channels),
        )
        if self.watch is not None and before is not None:
            self.watch(layer.name, timestep, before, membranes)
        return spikes

    def _drive(
        self, layer: Layer, neuron: Neuron, currents: Values, bias: NDArray[np.int32] | None
    ) -> NDArray[np.int64]:
        """What arrives at membranes, fractions and bias included, past feedback and synapse: int64, as `currents`."""
        drive: NDArray[np.int64] = currents.astype(np.int64) << neuron.fraction_bits
        if bias is not None:
            drive += bias
        if neuron.feedback is not None and layer.name in self.values:  # whose values are those of the timestep before
            drive += neuron.feedback * self.values[layer.name]
        synapse = neuron.synapse
        if synapse is None:
            return drive
        before, bound = self.synapses[layer.name], 1 << (neuron.membrane_bits - 1)
        left = (before * synapse.leak + (1 << synapse.leak_bits >> 1)) >> synapse.leak_bits
        now = self.synapses[layer.name] = np.clip(left + drive, -bound, bound - 1)
        return before if synapse.delayed else now


def at_timestep(values: RawValues, timestep: int) -> Values:
    """Inputs over time [sample, timestep, ...] at one timestep."""
    return values[:, timestep].astype(np.int32)


def levels_of(neuron: Neuron) -> NeuronLevels:
    """The neuron's parameters as the kernel takes them."""
    bound = 1 << (neuron.membrane_bits - 1)
    return NeuronLevels(
        neuron.leak_bits,
        neuron.fraction_bits,
        -bound,
        bound - 1,
        {"soft": SOFT, "hard": HARD, "none": NO_RESET}[neuron.reset],
        neuron.v_reset,
        int(neuron.fires_at_threshold),
        neuron.delayed_reset,
        neuron.reset_after_sum,
        neuron.signed,
    )


def _saturated(sums: NDArray[np.int64]) -> Values:
    """Sums in 32 bits; check_network bounds those of exact products, so only other products ever saturate."""
    return np.clip(sums, -MAX_INT, MAX_INT).astype(np.int32)


def _unchanging(network: Network, products_vary: bool) -> frozenset[str]:
    """Layers that give the same at every timestep, because only the input and no neuron lies before them."""
    names: set[str] = set()
    for layer in network:
        varies = neuron_of(layer) is not None or (products_vary and isinstance(layer, Conv2d | Linear))
        if isinstance(layer, Input) or (not varies and names.issuperset(layer.inputs)):
            names.add(layer.name)
    return frozenset(names)


def _pool(layer: Pool, source: Values, signed: bool) -> Values:
    """Sum or maximum, of integers that may be below zero where `signed`, of windows: int32 [sample, y, x, channel]."""
    combine = np.add if layer.kind == "avg" else np.maximum
    nothing = -MAX_INT if signed and layer.kind == "max" else 0
    pooled: Values = np.full((len(source), *layer.shape), nothing, np.int32)
    for part in layer.window.views(source, layer.shape[:2], nothing):
        combine(pooled, part, out=pooled)
    return pooled
