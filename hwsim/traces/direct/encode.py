"""Packed bit planes of any layer's activations, computed from the recorded spikes; it runs no neuron and no weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.kept import kept_with
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.geometry import input_shape, window
from hwsim.traces.network.layers import Add, Concat, Flatten, Input, Layer, Network, Pool, Upsample, is_delayed
from hwsim.traces.planes import max_planes, pack_channels, pack_integers, sum_planes, unpack_channels, widened

Words = NDArray[np.uint64]
_ALL = (1 << 64) - 1  # bits of a word
_MOST_KEPT = 1 << 20  # bits of raw inputs whose planes are kept with them


def activation_planes(
    trace: Trace, layer_name: str, samples: slice = slice(None), in_place_of_spikes: Mapping[str, Words] | None = None
) -> Words:
    """Bit planes of a layer's activations: uint64 [plane, sample, timestep, position, word], read-only.

    Plane p holds binary digit p; words are packed as in `PackedSpikes`.  There are `bits(layer)`
    planes: 1 for spikes, `bits` for the input, 3 for a 2 x 2 average pool (window sums 0..4).  What depends on the raw
    input alone is the same at every timestep and has a timestep axis of length 1, which broadcasts.  `samples` counts
    in the recorded samples.  `in_place_of_spikes` are planes, of these samples, of all layers that have neurons, for a
    network with `activation_bits`.

    Raises TraceError for a layer that gives currents and for an input that is not recorded.
    """
    return Activations(trace, samples, in_place_of_spikes).planes(layer_name)


class Activations:
    """Planes of one layer after another, as `activation_planes` gives them.

    Where all that have weights ask once for what they read, in network order, none is computed twice, and none is kept
    that is not read again.
    """

    def __init__(self, trace: Trace, samples: slice, in_place_of_spikes: Mapping[str, Words] | None = None) -> None:
        self._trace = trace
        self._samples = slice(*samples.indices(trace.n_samples))
        self._given = in_place_of_spikes or {}
        self._known = dict(self._given)
        self._readers: dict[str, int] = {}  # that are yet to come, of layers that were read

    def planes(self, layer_name: str) -> Words:
        """Those of a layer that someone reads.

        Raises TraceError for a layer that gives currents and for an input that is not recorded.
        """
        network = self._trace.network
        if network.gives_currents(layer_name):
            raise TraceError(f"layer '{layer_name}': wanted activations, found a layer that gives currents")
        missing = self._missing(layer_name)
        for name in missing:
            self._known[name] = _planes(self._trace, network[name], self._samples, self._known)
        planes = self._known[layer_name]
        planes.flags.writeable = False
        computed = (network[name] for name in missing if name not in self._trace.spikes)
        for source in (layer_name, *(source for layer in computed for source in set(layer.inputs))):
            self._read(source)
        return planes

    def read_by(self, layer: Layer) -> Words:
        """Those that a layer with weights reads: of a delayed one what its input gave in the timestep before."""
        planes = self.planes(layer.inputs[0])
        if not is_delayed(layer):
            return planes
        late = np.zeros_like(planes)
        late[:, :, 1:] = planes[:, :, :-1]
        late.flags.writeable = False
        return late

    def met_by(self, layer: Layer) -> Words:
        """The same as its windows meet them: of a spread map with nothing between its places."""
        planes = self.read_by(layer)
        picture = planes.reshape(*planes.shape[:3], *input_shape(layer, self._trace.network)[:2], planes.shape[-1])
        return window(layer).spread_out(picture).reshape(*planes.shape[:3], -1, planes.shape[-1])

    def _missing(self, layer_name: str) -> list[str]:
        """The layer and all that it is computed from, back to what is known, spikes and input, in network order."""
        network, spikes = self._trace.network, self._trace.spikes
        wanted, ahead = set[str](), [layer_name]
        while ahead:
            name = ahead.pop()
            if name not in wanted and name not in self._known:
                wanted.add(name)
                ahead += () if name in spikes else network[name].inputs
        return sorted(wanted, key=network.places.__getitem__)

    def _read(self, name: str) -> None:
        """Forget a layer after its last reader."""
        left = self._readers.pop(name, len(self._trace.network.consumers[name])) - 1
        if left > 0:
            self._readers[name] = left
        elif name not in self._given:
            self._known.pop(name, None)


def _planes(trace: Trace, layer: Layer, samples: slice, known: dict[str, Words]) -> Words:
    if layer.name in trace.spikes:
        return trace.spikes[layer.name].planes(samples)
    network = trace.network
    n_planes = network.bits(layer.name)
    match layer:
        case Input():
            return _input_planes(trace, layer, samples)
        case Pool():
            signed = network.signed(layer.name)
            lowest = signed and layer.kind == "max"  # in the padding, where it is never more than what is there
            terms = _window_terms(layer, network[layer.inputs[0]].shape[:2], known[layer.inputs[0]], lowest)
            if layer.kind == "max":
                return max_planes(terms, signed)
            return sum_planes(_wide(network, layer.inputs * len(terms), terms, n_planes), [1] * len(terms), n_planes)
        case Flatten():
            return _flatten(known[layer.inputs[0]], network[layer.inputs[0]].shape[2])
        case Concat():
            return _side_by_side(network, layer, [known[name] for name in layer.inputs], n_planes)
        case Upsample():
            return _repeated(layer, network[layer.inputs[0]].shape[:2], known[layer.inputs[0]])
        case Add():
            terms = [known[name] for name in layer.inputs]
            return sum_planes(_wide(network, layer.inputs, terms, n_planes), layer.gains, n_planes)
    raise TraceError(f"layer '{layer.name}': wanted recorded spikes, found none")


def _wide(network: Network, names: Sequence[str], terms: Sequence[Words], n_planes: int) -> list[Words]:
    """Planes of some layers, those of signed ones with as many as there are of the result."""
    named = zip(names, terms, strict=True)
    return [widened(planes, n_planes) if network.signed(name) else planes for name, planes in named]


def _input_planes(trace: Trace, layer: Input, samples: slice) -> Words:
    if trace.inputs is None:
        raise TraceError(f"layer '{layer.name}': wanted raw inputs of the recorded samples, found none in this trace")
    values, steps = trace.inputs.values[samples], trace.timesteps if layer.over_time else 1
    positions = values.reshape(len(values), steps, layer.shape[0] * layer.shape[1], layer.shape[2])

    def pack() -> Words:
        return pack_integers(positions, layer.bits)

    if layer.bits * positions.size > _MOST_KEPT or len(values) < trace.n_samples:
        return pack()
    return kept_with(trace.inputs).once(("planes", len(values), layer.bits), pack)


def _window_terms(layer: Pool, source: tuple[int, int], planes: Words, lowest: bool) -> list[Words]:
    """One array of planes per offset in the window, each over the output positions.

    Padding is 0, or the `lowest` integer of so many planes in two's complement: a sign and nothing else.
    """
    rows, columns = layer.shape[:2]
    picture = planes.reshape(*planes.shape[:3], *source, planes.shape[-1])
    shape = (*planes.shape[:3], rows * columns, planes.shape[-1])
    if not (lowest and any(layer.window.padding)):
        return [view.reshape(shape) for view in layer.window.views(picture, (rows, columns))]
    digits, signs = (
        layer.window.views(part, (rows, columns), n) for part, n in ((picture[:-1], 0), (picture[-1:], _ALL))
    )
    return [np.concatenate(both).reshape(shape) for both in zip(digits, signs, strict=True)]


def _side_by_side(network: Network, layer: Concat, sources: list[Words], n_planes: int) -> Words:
    """The channels of all sources in one row of channels; what has fewer planes, or timesteps, is spread."""
    sources = _wide(network, layer.inputs, sources, n_planes)
    steps = max(planes.shape[2] for planes in sources)
    bits = []
    for name, planes in zip(layer.inputs, sources, strict=True):
        unpacked = unpack_channels(planes, network[name].shape[2])
        digits = np.zeros((n_planes, unpacked.shape[1], steps, *unpacked.shape[3:]), np.uint8)
        digits[: len(planes)] = unpacked
        bits.append(digits)
    return pack_channels(np.concatenate(bits, axis=-1))


def _repeated(layer: Upsample, source: tuple[int, int], planes: Words) -> Words:
    """Every place of a map `factor` times."""
    picture = planes.reshape(*planes.shape[:3], *source, planes.shape[-1])
    repeated = picture.repeat(layer.factor[0], axis=3).repeat(layer.factor[1], axis=4)
    return repeated.reshape(*planes.shape[:3], -1, planes.shape[-1])


def _flatten(planes: Words, channels: int) -> Words:
    """(position, channel) as one row of channels, repacked so that no bits lie unused between positions."""
    if channels % 64 == 0:
        return planes.reshape(*planes.shape[:3], 1, -1)
    bits = unpack_channels(planes, channels)
    return pack_channels(bits.reshape(*planes.shape[:3], 1, -1))
