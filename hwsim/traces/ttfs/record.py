"""A first-spike trace as one JSON object plus named arrays, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.traces.file.layers import Take, layer_arrays, layer_record, read_layer
from hwsim.traces.file.record import Record
from hwsim.traces.file.samples import read_labels
from hwsim.traces.network.layers import Conv2d, Layer, Linear, Network
from hwsim.traces.network.limits import MAX_INT, MAX_LAYERS, check_name
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import MAX_SAMPLES, Inputs
from hwsim.traces.ttfs.check import check_first_spike
from hwsim.traces.ttfs.trace import (
    MAX_BITS,
    MAX_WINDOW,
    SILENT,
    Decisions,
    FirstSpikeNetwork,
    FirstSpikeNeurons,
    FirstSpikeTrace,
    Psp,
    Times,
)

_NEURON_KEYS = ("v_threshold", "ramp", "start", "slope_bits", "potential_bits")


def first_spike_record(trace: FirstSpikeTrace) -> dict[str, object]:
    """What of the manifest only first-spike traces have, ready for JSON."""
    network = trace.network
    return {
        "samples": trace.n_samples,
        "window": network.window,
        "psp": network.psp,
        "layers": [layer_record(layer) for layer in network.network],
        "neurons": {
            name: {key: getattr(neurons, key) for key in _NEURON_KEYS} for name, neurons in network.neurons.items()
        },
        "inputs": {"samples": len(trace.inputs.labels)},
        "decisions": {
            name: {"samples": len(decisions.labels), "split": decisions.split}
            for name, decisions in trace.decisions.items()
        },
    }


def first_spike_arrays(trace: FirstSpikeTrace) -> dict[str, NDArray[Any]]:
    """Every array of the trace as it is stored, by name, in a fixed order."""
    # Packing would cut weights that are out of range to those that are in range.
    check_first_spike(trace.network)
    arrays: dict[str, NDArray[Any]] = {}
    for layer in trace.network.network:
        arrays |= {f"{layer.name}/{field}": array for field, array in layer_arrays(layer).items()}
        if layer.name in trace.times:
            arrays[f"{layer.name}/times"] = trace.times[layer.name]
    arrays |= {f"inputs/{field}": getattr(trace.inputs, field) for field in ("values", "labels", "sample_ids")}
    for name, decisions in trace.decisions.items():
        arrays |= {
            f"decisions/{name}/{field}": getattr(decisions, field) for field in ("classes", "labels", "sample_ids")
        }
    return arrays


def build_first_spike(record: Record, provenance: Provenance, take: Take) -> FirstSpikeTrace:
    """The trace that `record` and its arrays describe; raises TraceError for what breaks a rule of the coding."""
    samples = record.integer("samples", 1, MAX_SAMPLES)
    network = _read_network(record, take)
    times = {layer.name: _read_times(layer, samples, network.window, take) for layer in network.weighted()}
    inputs = _read_inputs(record, network, samples, take)
    decisions = _read_decisions(record, network.network.n_classes, take)
    recorded = decisions.get("recorded")
    if recorded is None or len(recorded.labels) != samples:
        raise TraceError(f"decisions: wanted a set 'recorded' of the {samples} samples with times")
    for field in ("labels", "sample_ids"):
        if not np.array_equal(getattr(inputs, field)[:samples], getattr(recorded, field)):
            raise TraceError(f"array 'inputs/{field}': wanted the recorded samples first, found others")
    return FirstSpikeTrace(network, times, inputs, decisions, provenance)


def _read_network(record: Record, take: Take) -> FirstSpikeNetwork:
    window = record.integer("window", 2, MAX_WINDOW)
    psp = cast("Psp", record.choice("psp", ("windowed", "lasting")))
    seen: dict[str, Layer] = {}
    for item in record.records("layers", MAX_LAYERS):
        layer = read_layer(item, seen, {}, take)
        if layer.name in seen:
            raise TraceError(f"layer '{layer.name}': wanted a name used once, found it twice")
        seen[layer.name] = layer
    fields, neurons = record.record("neurons"), {}
    for layer in seen.values():
        if isinstance(layer, Conv2d | Linear):
            neurons[layer.name] = _read_neurons(fields.record(layer.name), window)
    fields.close()
    network = FirstSpikeNetwork(Network(tuple(seen.values())), window, psp, neurons)
    check_first_spike(network)
    return network


def _read_neurons(fields: Record, window: int) -> FirstSpikeNeurons:
    neurons = FirstSpikeNeurons(
        v_threshold=fields.integer("v_threshold", 1, MAX_INT),
        ramp=fields.integer("ramp", 0, MAX_INT),
        start=fields.integer("start", 1, window),
        slope_bits=fields.integer("slope_bits", 2, MAX_BITS),
        potential_bits=fields.integer("potential_bits", 2, MAX_BITS),
    )
    fields.close()
    return neurons


def _read_times(layer: Layer, samples: int, window: int, take: Take) -> Times:
    name = f"{layer.name}/times"
    times = take(name, ("<i2",), (samples, *layer.shape))
    if int(times.min()) < SILENT or int(times.max()) >= window:
        raise TraceError(f"array '{name}': wanted ticks from 0 to {window - 1}, or {SILENT}, found others")
    return times


def _read_inputs(record: Record, network: FirstSpikeNetwork, samples: int, take: Take) -> Inputs:
    fields = record.record("inputs")
    count = fields.integer("samples", samples, MAX_SAMPLES)
    fields.close()
    source = network.network.input
    values = take("inputs/values", ("|u1",), (count, *source.shape))
    if int(values.max()) >> source.bits:
        raise TraceError(f"array 'inputs/values': wanted {source.bits}-bit integers, found {int(values.max())}")
    return Inputs(values, *read_labels("inputs", count, network.network.n_classes, take))


def _read_decisions(record: Record, n_classes: int, take: Take) -> Mapping[str, Decisions]:
    sets, decisions = record.record("decisions"), {}
    for name in sets:
        check_name(name)
        fields = sets.record(name)
        count, split = fields.integer("samples", 1, MAX_SAMPLES), fields.text("split")
        fields.close()
        classes = take(f"decisions/{name}/classes", ("<i2",), (count,))
        if int(classes.min()) < 0 or int(classes.max()) >= n_classes:
            raise TraceError(
                f"array 'decisions/{name}/classes': wanted classes from 0 to {n_classes - 1}, found others"
            )
        decisions[name] = Decisions(classes, *read_labels(f"decisions/{name}", count, n_classes, take), split)
    return decisions
