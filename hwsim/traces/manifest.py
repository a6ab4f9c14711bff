"""A trace as one JSON object plus named arrays, in both directions, with every rule of version 1; it knows no files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.traces.check import MAX_LAYERS, MAX_SIZE, check_name, check_network
from hwsim.traces.geometry import n_words
from hwsim.traces.layer_record import Take, layer_arrays, layer_record, read_layer
from hwsim.traces.network import Layer, Network
from hwsim.traces.record import Record
from hwsim.traces.trace import Inputs, Logits, PackedSpikes, Provenance, Recipe, Trace

FORMAT = "hwsim-trace"
VERSION = 1
MAX_TIMESTEPS = 4096
MAX_SAMPLES = 2**31 - 1


def trace_record(trace: Trace) -> dict[str, object]:
    """The trace without its arrays, ready for JSON; digests are added by whoever stores the arrays."""
    provenance = asdict(trace.provenance)
    return {
        "format": FORMAT,
        "version": VERSION,
        "timesteps": trace.timesteps,
        "coding": "direct",
        "samples": trace.n_samples,
        "layers": [layer_record(layer) for layer in trace.network],
        "inputs": None if trace.inputs is None else {"samples": len(trace.inputs.labels)},
        "logits": {
            name: {"samples": len(logits.labels), "scale": logits.scale, "split": logits.split}
            for name, logits in trace.logits.items()
        },
        "provenance": provenance,
    }


def trace_arrays(trace: Trace) -> dict[str, NDArray[Any]]:
    """Every array of the trace as it is stored, by name, in a fixed order."""
    arrays: dict[str, NDArray[Any]] = {}
    for layer in trace.network:
        arrays |= {f"{layer.name}/{field}": array for field, array in layer_arrays(layer).items()}
        if layer.name in trace.spikes:
            arrays[f"{layer.name}/spikes"] = trace.spikes[layer.name].words
    if trace.inputs is not None:
        arrays |= {f"inputs/{field}": getattr(trace.inputs, field) for field in ("values", "labels", "sample_ids")}
    for name, logits in trace.logits.items():
        values = logits.values
        fits = values.dtype == np.int32 and np.array_equal(values, values.astype(np.int16))
        arrays[f"logits/{name}/values"] = values.astype(np.int16) if fits else values
        arrays |= {f"logits/{name}/{field}": getattr(logits, field) for field in ("labels", "sample_ids")}
    return arrays


def build_trace(record: Record, take: Take) -> Trace:
    """The trace that `record` and its arrays describe, every rule of the format checked; its `sha256` is left empty."""
    if (found := record.text("format")) != FORMAT:
        record.fail("format", FORMAT, found)
    record.integer("version", VERSION, VERSION)
    record.choice("coding", ("direct",))
    timesteps = record.integer("timesteps", 1, MAX_TIMESTEPS)
    samples = record.integer("samples", 1, MAX_SAMPLES)
    network = _read_network(record, take)
    spikes = {layer.name: _read_spikes(layer, samples, timesteps, take) for layer in network.spiking()}
    provenance = _read_provenance(record.record("provenance"))
    inputs = _read_inputs(record, network, samples, take)
    logits = _read_logits(record, network, timesteps, take)
    if "recorded" not in logits or len(logits["recorded"].labels) != samples:
        raise TraceError(f"logits: wanted a set 'recorded' of the {samples} samples with spikes")
    if inputs is not None:
        _check_same_samples(inputs, logits["recorded"], samples)
    return Trace(network, timesteps, spikes, inputs, logits, provenance)


def _read_network(record: Record, take: Take) -> Network:
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
    return Inputs(values, *_read_labels("inputs", count, network.n_classes, take))


def _read_labels(name: str, count: int, n_classes: int, take: Take) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels and sample ids of a set."""
    labels = take(f"{name}/labels", ("<i8",), (count,))
    if labels.min() < 0 or labels.max() >= n_classes:
        raise TraceError(f"array '{name}/labels': wanted classes from 0 to {n_classes - 1}, found others")
    ids = take(f"{name}/sample_ids", ("<i8",), (count,))
    if ids.min() < 0 or len(np.unique(ids)) != count:
        raise TraceError(f"array '{name}/sample_ids': wanted distinct indices from 0, found others")
    return labels, ids


def _read_logits(record: Record, network: Network, timesteps: int, take: Take) -> Mapping[str, Logits]:
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
        values = take(f"logits/{name}/values", ("<i4", "<i2"), (count, timesteps, network.n_classes))
        wide = np.asarray(values, dtype=np.int32)
        wide.flags.writeable = False
        logits[name] = Logits(wide, scale, *_read_labels(f"logits/{name}", count, network.n_classes, take), split)
    return logits


def _check_same_samples(inputs: Inputs, recorded: Logits, samples: int) -> None:
    for field in ("labels", "sample_ids"):
        if not np.array_equal(getattr(inputs, field)[:samples], getattr(recorded, field)):
            raise TraceError(f"array 'inputs/{field}': wanted the recorded samples first, found others")


def _read_provenance(fields: Record) -> Provenance:
    recipe = fields.optional("recipe")
    provenance = Provenance(
        name=fields.text("name"),
        dataset=fields.text("dataset"),
        split=fields.text("split"),
        licence=fields.text("licence"),
        framework=fields.text("framework"),
        command=fields.text("command"),
        seed=fields.integer("seed", 0, 2**64 - 1),
        synthetic=fields.flag("synthetic"),
        accuracy=_read_fractions(fields, "accuracy"),
        float_accuracy=_read_fractions(fields, "float_accuracy"),
        notes=fields.text("notes"),
        recipe=None if recipe is None else _read_recipe(recipe),
    )
    fields.close()
    return provenance


def _read_fractions(fields: Record, key: str) -> tuple[float, ...]:
    values = fields.numbers(key, MAX_TIMESTEPS)
    if not all(0 <= value <= 1 for value in values):
        fields.fail(key, "fractions from 0 to 1", values)
    return values


def _read_recipe(fields: Record) -> Recipe:
    rates = fields.record("rates")
    recipe = Recipe(
        geometry=fields.text("geometry"),
        timesteps=fields.integer("timesteps", 1, MAX_TIMESTEPS),
        samples=fields.integer("samples", 1, MAX_SIZE),
        rates={name: rates.number(name) for name in rates},
        seed=fields.integer("seed", 0, 2**64 - 1),
        steady=fields.flag("steady"),
    )
    fields.close()
    return recipe
