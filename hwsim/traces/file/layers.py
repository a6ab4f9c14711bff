"""Layers as JSON objects plus arrays, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, cast, get_args

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.file.record import Record
from hwsim.traces.network.check import check_edges
from hwsim.traces.network.layers import (
    Add,
    Concat,
    Conv2d,
    Flatten,
    Input,
    Layer,
    Leak,
    Linear,
    Neuron,
    Pool,
    ReadOf,
    Readout,
    SeededWeights,
    StoredWeights,
    Synapse,
    Upsample,
    Weights,
    neuron_of,
)
from hwsim.traces.network.limits import MAX_INPUT_BITS, MAX_INT, MAX_SIZE, check_name
from hwsim.traces.network.weights import MOST_BITS, pack_nibbles, unpack_nibbles, weight_type
from hwsim.traces.network.window import Pair, Sides, Window

KINDS: dict[str, type[Layer]] = {
    "input": Input,
    "conv2d": Conv2d,
    "linear": Linear,
    "pool": Pool,
    "flatten": Flatten,
    "concat": Concat,
    "upsample": Upsample,
    "add": Add,
    "readout": Readout,
}
_FLAGS = ("fires_at_threshold", "delayed_reset", "reset_after_sum", "signed")
PACKED_BITS = 4
"""Weights of at most this many bits are stored two per byte."""


class Take(Protocol):
    """Gives the named array after checking it against the dtypes (as in an npy header) and the shape it must have."""

    def __call__(self, name: str, dtypes: tuple[str, ...], shape: tuple[int, ...], /) -> NDArray[Any]:
        """Raise TraceError unless the array exists and is as wanted."""


def layer_record(layer: Layer) -> dict[str, object]:
    """The layer without its arrays, ready for JSON."""
    kind = next(kind for kind, known in KINDS.items() if isinstance(layer, known))
    record: dict[str, object] = {
        "name": layer.name,
        "kind": kind,
        "inputs": list(layer.inputs),
        "shape": list(layer.shape),
    }
    match layer:
        case Input():
            record |= {"bits": layer.bits} | ({"signed": True} if layer.signed else {})
        case Conv2d():
            padding = {"padding": _said(layer.window.padding)}
            record |= _window_record(layer.window) | padding | {"groups": layer.groups}
            apart = {"dilation": layer.window.dilation, "spread": layer.window.spread}
            record |= {key: _said(sizes) for key, sizes in apart.items() if sizes != (1, 1)}
        case Pool():
            record |= {"pool": layer.kind} | _window_record(layer.window)
            record |= {"padding": _said(layer.window.padding)} if any(layer.window.padding) else {}
        case Upsample():
            record |= {"factor": list(layer.factor)}
        case Add():
            # Only what is said, here and below: earlier readers know nothing of it.
            record |= {"gains": list(layer.gains)} | ({} if layer.bias is None else {"bias": True})
        case Readout():
            record |= {"votes": layer.votes, "of": layer.of}
    if isinstance(layer, Conv2d | Linear):
        record |= {"weights": _weights_record(layer.weights), "bias": layer.bias is not None}
        record |= {"delayed": True} if layer.delayed else {}
    if isinstance(layer, Conv2d | Linear | Add):
        record |= {"neuron": None if layer.neuron is None else _neuron_record(layer.neuron)}
    return record


def _window_record(window: Window) -> dict[str, object]:
    return {"kernel": _said(window.kernel), "stride": _said(window.stride)}


def _said(sizes: tuple[int, ...]) -> int | list[int]:
    """One integer where it says all."""
    return sizes[0] if len(set(sizes)) == 1 else list(sizes)


def _weights_record(weights: Weights) -> dict[str, object]:
    if isinstance(weights, SeededWeights):
        return {"kind": "seeded", "bits": weights.bits, "seed": weights.seed}
    return {"kind": "stored", "bits": weights.bits}


def _neuron_record(neuron: Neuron) -> dict[str, object]:
    names = ("leak_bits", "reset", "v_reset", "fraction_bits", "membrane_bits")
    record: dict[str, object] = {"leak": "per_channel" if isinstance(neuron.leak, np.ndarray) else neuron.leak}
    record |= {name: getattr(neuron, name) for name in names}
    record |= {name: True for name in _FLAGS if getattr(neuron, name)}
    if (synapse := neuron.synapse) is not None:
        leak = "per_channel" if isinstance(synapse.leak, np.ndarray) else synapse.leak
        late = {"delayed": True} if synapse.delayed else {}
        record["synapse"] = {"leak": leak, "leak_bits": synapse.leak_bits, **late}
    return record | ({} if neuron.feedback is None else {"feedback": True})


def layer_arrays(layer: Layer) -> dict[str, NDArray[Any]]:
    """The layer's arrays as they are stored, by field."""
    arrays: dict[str, NDArray[Any]] = {}
    if isinstance(layer, Conv2d | Linear) and isinstance(layer.weights, StoredWeights):
        packed = layer.weights.bits <= PACKED_BITS
        arrays["weights"] = pack_nibbles(layer.weights.values) if packed else layer.weights.values
        arrays["weight_scale"] = layer.weights.scale
    if isinstance(layer, Conv2d | Linear | Add) and layer.bias is not None:
        arrays["bias"] = layer.bias
    if (neuron := neuron_of(layer)) is not None:
        arrays["v_threshold"] = neuron.v_threshold
        if isinstance(neuron.leak, np.ndarray):
            arrays["leak"] = neuron.leak
        if neuron.synapse is not None and isinstance(neuron.synapse.leak, np.ndarray):
            arrays["synapse_leak"] = neuron.synapse.leak
        if neuron.feedback is not None:
            arrays["feedback"] = neuron.feedback
    return arrays


_ABSENT = {
    "conv1d": "a convolution here is two-dimensional: one with a kernel of [k, 1] over maps of width 1",
    "conv3d": "a convolution here is two-dimensional",
    "conv_transpose2d": "a transposed convolution is a conv2d over a map that is spread",
}
"""What other tools know and this version of the format lacks: no misspelling of what it has."""


def read_layer(record: Record, seen: Mapping[str, Layer], ahead: Mapping[str, object], take: Take) -> Layer:
    """The layer that `record` and its arrays describe; `seen` holds the layers before it, by name.

    `ahead` holds what stands as the shape of every layer, none of it checked: some read layers that are yet to come.
    """
    name = record.text("name")
    check_name(name)
    kind = record.choice("kind", KINDS, _ABSENT)
    inputs = record.texts("inputs", 64)
    shape = record.integers("shape", 1, MAX_SIZE, 3)
    if len(shape) != 3:
        record.fail("shape", "3 integers", list(shape))
    base = Layer(name, inputs, shape)
    if kind in ("conv2d", "linear"):
        # The shape of the weights follows from the layer read, so the edge is checked before it is used.
        late = record.has("delayed") and record.flag("delayed")
        check_edges(base, ahead if late else seen, "layers" if late else "earlier layers")
        channels = _channels(record, ahead[inputs[0]]) if late else seen[inputs[0]].shape[2]
        layer = _read_weighted(kind, base, channels, late, record, take)
    else:
        layer = _read_plain(kind, base, record, take)
    record.close()
    return layer


def _channels(record: Record, shape: object) -> int:
    """Channels of a layer whose shape stands in the manifest and may be anything."""
    channels = shape[2] if isinstance(shape, list) and len(shape) == 3 else None
    if not isinstance(channels, int) or not 1 <= channels <= MAX_SIZE:
        record.fail("inputs", "a layer whose shape is 3 integers", shape)
    return channels


def _read_plain(kind: str, base: Layer, record: Record, take: Take) -> Layer:
    name, inputs, shape = base.name, base.inputs, base.shape
    match kind:
        case "input":
            signed = record.has("signed") and record.flag("signed")
            return Input(name, inputs, shape, bits=record.integer("bits", 1, MAX_INPUT_BITS), signed=signed)
        case "pool":
            pool = cast("Literal['avg', 'max']", record.choice("pool", ("avg", "max")))
            return Pool(name, inputs, shape, pool, _read_window(record, record.has("padding")))
        case "add":
            gains = record.integers("gains", -MAX_SIZE, MAX_SIZE, 64)
            bias = record.has("bias") and record.flag("bias")
            values = take(f"{name}/bias", ("<i4",), (shape[2],)) if bias else None
            return Add(name, inputs, shape, gains, _read_neuron(record, base, take), values)
        case "concat":
            return Concat(name, inputs, shape)
        case "upsample":
            factor = record.integers("factor", 1, MAX_SIZE, 2)
            if len(factor) != 2:
                record.fail("factor", "2 integers", list(factor))
            return Upsample(name, inputs, shape, (factor[0], factor[1]))
        case "readout":
            of = cast("ReadOf", record.choice("of", get_args(ReadOf)))
            return Readout(name, inputs, shape, record.integer("votes", 1, MAX_SIZE), of)
    return Flatten(name, inputs, shape)


def _read_weighted(kind: str, base: Layer, channels: int, late: bool, record: Record, take: Take) -> Layer:
    name, inputs, shape = base.name, base.inputs, base.shape
    window, groups = Window(), 1
    if kind == "conv2d":
        window = _read_window(record, padded=True)
        groups = record.integer("groups", 1, channels)
    weights = _read_weights(record, base, (*window.kernel, channels // groups, shape[2]), take)
    bias = take(f"{name}/bias", ("<i4",), (shape[2],)) if record.flag("bias") else None
    neuron = _read_neuron(record, base, take)
    if kind == "linear":
        return Linear(name, inputs, shape, weights, bias, neuron, late)
    return Conv2d(name, inputs, shape, window, groups, weights, bias, neuron, late)


def _read_window(record: Record, padded: bool) -> Window:
    kernel, stride = (cast("Pair", record.sizes(key, 1, MAX_SIZE, 2)) for key in ("kernel", "stride"))
    padding = cast("Sides", record.sizes("padding", 0, MAX_SIZE, 4) if padded else (0,) * 4)
    dilation, spread = (
        cast("Pair", record.sizes(key, 1, MAX_SIZE, 2) if record.has(key) else (1, 1)) for key in ("dilation", "spread")
    )
    return Window(kernel, stride, padding, dilation, spread)


def _read_weights(record: Record, base: Layer, shape: tuple[int, int, int, int], take: Take) -> Weights:
    fields = record.record("weights")
    kind = fields.choice("kind", ("stored", "seeded"))
    bits = fields.integer("bits", 1, MOST_BITS)
    if kind == "seeded":
        seed = fields.integer("seed", 0, 2**64 - 1)
        fields.close()
        return SeededWeights(shape, bits, seed)
    fields.close()
    scale = take(f"{base.name}/weight_scale", ("<f4",), (shape[3],))
    count = shape[0] * shape[1] * shape[2] * shape[3]
    if bits > PACKED_BITS:
        return StoredWeights(take(f"{base.name}/weights", (np.dtype(weight_type(bits)).str,), shape), bits, scale)
    packed = take(f"{base.name}/weights", ("|u1",), (-(-count // 2),))
    if count % 2 and packed[-1] >> 4:
        fields.fail("bits", "an empty last nibble", int(packed[-1]))
    return StoredWeights(_frozen(unpack_nibbles(packed, shape)), bits, scale)


def _read_neuron(record: Record, base: Layer, take: Take) -> Neuron | None:
    fields = record.optional("neuron")
    if fields is None:
        return None
    neuron = Neuron(
        leak=_read_leak(fields, f"{base.name}/leak", base, take),
        leak_bits=fields.integer("leak_bits", 0, 16),
        v_threshold=take(f"{base.name}/v_threshold", ("<i8",), (base.shape[2],)),
        reset=cast("Literal['soft', 'hard', 'none']", fields.choice("reset", ("soft", "hard", "none"))),
        v_reset=fields.integer("v_reset", -MAX_INT - 1, MAX_INT),
        fraction_bits=fields.integer("fraction_bits", 0, 24),
        membrane_bits=fields.integer("membrane_bits", 2, 32),
        **{name: fields.has(name) and fields.flag(name) for name in _FLAGS},
        synapse=_read_synapse(fields.record("synapse"), base, take) if fields.has("synapse") else None,
        feedback=(
            take(f"{base.name}/feedback", ("<i8",), (base.shape[2],))
            if fields.has("feedback") and fields.flag("feedback")
            else None
        ),
    )
    fields.close()
    return neuron


def _read_synapse(fields: Record, base: Layer, take: Take) -> Synapse:
    leak, bits = _read_leak(fields, f"{base.name}/synapse_leak", base, take), fields.integer("leak_bits", 0, 16)
    synapse = Synapse(leak, bits, fields.has("delayed") and fields.flag("delayed"))
    fields.close()
    return synapse


def _read_leak(fields: Record, array: str, base: Layer, take: Take) -> Leak:
    """One leak for the layer, or an array of one for each channel."""
    if fields.is_text("leak"):
        fields.choice("leak", ("per_channel",))
        return take(array, ("<i8",), (base.shape[2],))
    return fields.integer("leak", 0, 2**16)


def _frozen(array: NDArray[np.int8]) -> NDArray[np.int8]:
    array.flags.writeable = False
    return array
