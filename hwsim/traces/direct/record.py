"""A direct-coded trace as one JSON object plus named arrays, in both directions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError, UsageError
from hwsim.printable import shortened
from hwsim.traces.direct.trace import Trace
from hwsim.traces.file.layers import Take, layer_arrays, layer_record, read_layer
from hwsim.traces.file.origin import check_rates
from hwsim.traces.file.record import Record
from hwsim.traces.file.samples import logits_arrays, logits_record, read_labels, read_logits
from hwsim.traces.network.check import check_network
from hwsim.traces.network.geometry import n_words
from hwsim.traces.network.layers import Input, Layer, Network, neuron_of
from hwsim.traces.network.limits import MAX_LAYERS
from hwsim.traces.network.raw_input import beyond
from hwsim.traces.provenance import Provenance, Recipe
from hwsim.traces.trace import MAX_EVENT_TIMESTEPS, MAX_SAMPLES, MAX_TIMESTEPS, Inputs, Logits, PackedSpikes


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
            arrays |= {f"{layer.name}/{field}": words for field, words in trace.spikes[layer.name].arrays().items()}
    if trace.inputs is not None:
        arrays |= {f"inputs/{field}": getattr(trace.inputs, field) for field in ("values", "labels", "sample_ids")}
    return arrays | logits_arrays(trace.logits)


def build_direct(record: Record, provenance: Provenance, take: Take, over_time: bool = False) -> Trace:
    """The trace that `record` and its arrays describe; raises TraceError for what breaks a rule of the coding.

    With inputs `over_time` there is one for each timestep.
    """
    timesteps = record.integer("timesteps", 1, MAX_EVENT_TIMESTEPS if over_time else MAX_TIMESTEPS)
    samples = record.integer("samples", 1, MAX_SAMPLES)
    network = read_network(record, take, over_time)
    spikes = {layer.name: _read_spikes(layer, samples, timesteps, take) for layer in network.spiking()}
    inputs = _read_inputs(record, network, samples, timesteps, take)
    logits = read_logits(record, network.n_classes, timesteps, take)
    if "recorded" not in logits or len(logits["recorded"].labels) != samples:
        raise TraceError(f"logits: wanted a set 'recorded' of the {samples} samples with spikes")
    if provenance.recipe is not None:
        _check_recipe(provenance.recipe, network, samples, timesteps)
    if inputs is not None:
        _check_same_samples(inputs, logits["recorded"], samples)
    return Trace(network, timesteps, spikes, inputs, logits, provenance)


def read_network(record: Record, take: Take, over_time: bool = False) -> Network:
    """The checked network under the key `layers`."""
    seen: dict[str, Layer] = {}
    layers: list[Layer] = []
    items = list(record.records("layers", MAX_LAYERS))
    ahead = {str(item.peek("name")): item.peek("shape") for item in items}
    for item in items:
        layer = read_layer(item, seen, ahead, take)
        if over_time and not layers and isinstance(layer, Input):
            layer = replace(layer, over_time=True)
        layers.append(layer)
        seen[layer.name] = layer
    network = Network(tuple(layers))
    check_network(network)
    return network


def _read_spikes(layer: Layer, samples: int, timesteps: int, take: Take) -> PackedSpikes:
    height, width, channels = layer.shape
    name, neuron = f"{layer.name}/spikes", neuron_of(layer)
    shape = samples, timesteps, height * width, n_words(channels)
    words = take(name, ("<u8",), shape)
    if channels % 64 and int(np.bitwise_or.reduce(words[..., -1], axis=None)) >> channels % 64:
        raise TraceError(f"array '{name}': wanted zero bits past the last of {channels} channels, found spikes")
    if neuron is None or not neuron.signed:
        return PackedSpikes(words, layer.shape)
    negative = take(f"{layer.name}/negative", ("<u8",), shape)
    if any((below & ~fired).any() for below, fired in zip(negative, words, strict=True)):
        raise TraceError(f"array '{layer.name}/negative': wanted only bits of '{name}', found others")
    return PackedSpikes(words, layer.shape, negative)


def _read_inputs(record: Record, network: Network, samples: int, timesteps: int, take: Take) -> Inputs | None:
    fields = record.optional("inputs")
    if fields is None:
        return None
    count = fields.integer("samples", samples, MAX_SAMPLES)
    fields.close()
    steps = (timesteps,) if network.input.over_time else ()
    source = network.input
    values = take("inputs/values", (source.dtype.str,), (count, *steps, *source.shape))
    if (found := beyond(values, source)) is not None:
        raise TraceError(f"array 'inputs/values': wanted {source.bits}-bit integers, found {found}")
    return Inputs(values, *read_labels("inputs", count, network.n_classes, take))


def _check_recipe(recipe: Recipe, network: Network, samples: int, timesteps: int) -> None:
    """A recipe draws a trace of the sizes of its own: one of others would cost what nobody expects."""
    if (recipe.samples, recipe.timesteps) != (samples, timesteps):
        found = f"{recipe.samples} samples, T = {recipe.timesteps}"
        raise TraceError(f"provenance.recipe: wanted the trace's {samples} samples, T = {timesteps}, found {found}")
    from hwsim.traces.network.drawn import drawn_network

    try:
        drawn = drawn_network(recipe.geometry, recipe.seed)
    except UsageError as error:
        raise TraceError(f"provenance.recipe: {error}") from None
    if [(layer.name, layer.shape) for layer in drawn] != [(layer.name, layer.shape) for layer in network]:
        raise TraceError(f"provenance.recipe: wanted the trace's layers, found those of '{shortened(recipe.geometry)}'")
    check_rates(recipe, (network.input.name, *(layer.name for layer in network.spiking())))


def _check_same_samples(inputs: Inputs, recorded: Logits, samples: int) -> None:
    for field in ("labels", "sample_ids"):
        if not np.array_equal(getattr(inputs, field)[:samples], getattr(recorded, field)):
            raise TraceError(f"array 'inputs/{field}': wanted the recorded samples first, found others")
