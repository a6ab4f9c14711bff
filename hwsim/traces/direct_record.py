"""A direct-coded trace as one JSON object plus named arrays, in both directions; it knows no files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.traces.check import MAX_LAYERS, check_name, check_network
from hwsim.traces.geometry import n_words
from hwsim.traces.layer_record import Take, layer_arrays, layer_record, read_layer
from hwsim.traces.network import Layer, Network
from hwsim.traces.record import Record
from hwsim.traces.trace import MAX_SAMPLES, MAX_TIMESTEPS, Inputs, Logits, PackedSpikes, Provenance, Trace


def direct_record(trace: Trace) -> dict[str, object]:
    """What of the manifest only direct-coded traces have, ready for JSON."""
    return {
        "timesteps": trace.timesteps,
        "samples": trace.n_samples,
        "layers": [layer_record(layer) for layer in trace.network],
        "inputs": None if trace.inputs is None else {"samples": len(trace.inputs.labels)},
        "logits": logits_record(trace.logits),
    }


def direct_arrays(trace: Trace) -> dict[str, NDArray[Any]]:
    """Every array of the trace as it is stored, by name, in a fixed order."""
    # Packing would cut weights that are out of range to those that are in range.
    check_network(trace.network)
    arrays: dict[str, NDArray[Any]] = {}
    for layer in trace.network:
        arrays |= {f"{layer.name}/{field}": array for field, array in layer_arrays(layer).items()}
        if layer.name in trace.spikes:
            arrays[f"{layer.name}/spikes"] = trace.spikes[layer.name].words
    if trace.inputs is not None:
        arrays |= {f"inputs/{field}": getattr(trace.inputs, field) for field in ("values", "labels", "sample_ids")}
    return arrays | logits_arrays(trace.logits)


def logits_record(sets: Mapping[str, Logits]) -> dict[str, object]:
    """Sets of logits without their arrays, ready for JSON."""
    return {
        name: {"samples": len(logits.labels), "scale": logits.scale, "split": logits.split}
        for name, logits in sets.items()
    }


def logits_arrays(sets: Mapping[str, Logits]) -> dict[str, NDArray[Any]]:
    """Arrays of sets of logits as they are stored, narrow where that loses nothing."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, logits in sets.items():
        values = logits.values
        fits = values.dtype == np.int32 and np.array_equal(values, values.astype(np.int16))
        arrays[f"logits/{name}/values"] = values.astype(np.int16) if fits else values
        arrays |= {f"logits/{name}/{field}": getattr(logits, field) for field in ("labels", "sample_ids")}
    return arrays


def build_direct(record: Record, provenance: Provenance, take: Take) -> Trace:
    """The trace that `record` and its arrays describe, every rule of the coding checked."""
    timesteps = record.integer("timesteps", 1, MAX_TIMESTEPS)
    samples = record.integer("samples", 1, MAX_SAMPLES)
    network = read_network(record, take)
    spikes = {layer.name: _read_spikes(layer, samples, timesteps, take) for layer in network.spiking()}
    inputs = _read_inputs(record, network, samples, take)
    logits = read_logits(record, network.n_classes, timesteps, take)
    if "recorded" not in logits or len(logits["recorded"].labels) != samples:
        raise TraceError(f"logits: wanted a set 'recorded' of the {samples} samples with spikes")
    if inputs is not None:
        _check_same_samples(inputs, logits["recorded"], samples)
    return Trace(network, timesteps, spikes, inputs, logits, provenance)


def read_network(record: Record, take: Take) -> Network:
    """The checked network under the key `layers`."""
    seen: dict[str, Layer] = {}
    layers = []
    for item in record.records("layers", MAX_LAYERS):
        layer = read_layer(item, seen, take)
        layers.append(layer)
        seen[layer.name] = layer
    network = Network(tuple(layers))
    check_network(network)
    return network


def _read_spikes(layer: Layer, samples: int, timesteps: int, take: Take) -> PackedSpikes:
    height, width, channels = layer.shape
    name = f"{layer.name}/spikes"
    words = take(name, ("<u8",), (samples, timesteps, height * width, n_words(channels)))
    if channels % 64 and (words[..., -1] >> np.uint64(channels % 64)).any():
        raise TraceError(f"array '{name}': wanted zero bits past the last of {channels} channels, found spikes")
    return PackedSpikes(words, layer.shape)


def _read_inputs(record: Record, network: Network, samples: int, take: Take) -> Inputs | None:
    fields = record.optional("inputs")
    if fields is None:
        return None
    count = fields.integer("samples", samples, MAX_SAMPLES)
    fields.close()
    values = take("inputs/values", ("|u1",), (count, *network.input.shape))
    if int(values.max()) >> network.input.bits:
        raise TraceError(f"array 'inputs/values': wanted {network.input.bits}-bit integers, found {int(values.max())}")
    return Inputs(values, *read_labels("inputs", count, network.n_classes, take))


def read_labels(name: str, count: int, n_classes: int, take: Take) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels and sample ids of a set."""
    labels = take(f"{name}/labels", ("<i8",), (count,))
    if labels.min() < 0 or labels.max() >= n_classes:
        raise TraceError(f"array '{name}/labels': wanted classes from 0 to {n_classes - 1}, found others")
    ids = take(f"{name}/sample_ids", ("<i8",), (count,))
    if ids.min() < 0 or len(np.unique(ids)) != count:
        raise TraceError(f"array '{name}/sample_ids': wanted distinct indices from 0, found others")
    return labels, ids


def read_logits(record: Record, n_classes: int, timesteps: int, take: Take) -> Mapping[str, Logits]:
    """The sets of logits under the key `logits`."""
    sets = record.record("logits")
    logits = {}
    for name in sets:
        check_name(name)
        fields = sets.record(name)
        count = fields.integer("samples", 1, MAX_SAMPLES)
        scale, split = fields.number("scale"), fields.text("split")
        if scale <= 0:
            fields.fail("scale", "a positive number", scale)
        fields.close()
        values = take(f"logits/{name}/values", ("<i4", "<i2"), (count, timesteps, n_classes))
        wide = np.asarray(values, dtype=np.int32)
        wide.flags.writeable = False
        logits[name] = Logits(wide, scale, *read_labels(f"logits/{name}", count, n_classes, take), split)
    return logits


def _check_same_samples(inputs: Inputs, recorded: Logits, samples: int) -> None:
    for field in ("labels", "sample_ids"):
        if not np.array_equal(getattr(inputs, field)[:samples], getattr(recorded, field)):
            raise TraceError(f"array 'inputs/{field}': wanted the recorded samples first, found others")
