"""A sequence trace as one JSON object plus named arrays, in both directions."""

from __future__ import annotations

from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.printable import shortened
from hwsim.traces.file.layers import Take
from hwsim.traces.file.origin import check_rates
from hwsim.traces.file.record import Record
from hwsim.traces.file.samples import logits_arrays, logits_record, read_labels, read_logits
from hwsim.traces.network.geometry import n_words
from hwsim.traces.network.limits import check_name
from hwsim.traces.provenance import Provenance
from hwsim.traces.sequence.check import LIMITS, MAX_FRACTION_BITS, MAX_LAYERS, MAX_STATE_BITS, MAX_WIDTH, check_sequence
from hwsim.traces.sequence.trace import (
    NEURONS,
    Activation,
    GateUnits,
    LstmLayer,
    Readout,
    SequenceInputs,
    SequenceNetwork,
    SequenceSpikes,
    SequenceTrace,
)
from hwsim.traces.trace import MAX_SAMPLES, MAX_TIMESTEPS, Logits


def sequence_record(trace: SequenceTrace) -> dict[str, object]:
    """What of the manifest only sequence traces have, ready for JSON."""
    network = trace.network
    readout = network.readout
    return {
        "timesteps": trace.timesteps,
        "samples": trace.n_samples,
        "elements": network.n_elements,
        "features": network.n_features,
        "input_bits": network.input_bits,
        "membrane_carry": network.membrane_carry,
        "state_per_step": network.state_per_step,
        "layers": [_layer_record(layer) for layer in network.layers],
        "readout": {"classes": network.n_classes, "weight_bits": readout.weight_bits, "over": readout.over},
        "inputs": {"samples": len(trace.inputs.labels)},
        "logits": logits_record(trace.logits),
    }


def _layer_record(layer: LstmLayer) -> dict[str, object]:
    keys = ("activation", "reset", *LIMITS)
    return {
        "name": layer.name,
        "hidden": layer.n_hidden,
        "weight_bits": layer.weight_bits,
        "fraction_bits": layer.fraction_bits,
        "state_bits": layer.state_bits,
        "units": {name: {key: getattr(units, key) for key in keys} for name, units in layer.units.items()},
    }


def sequence_arrays(trace: SequenceTrace) -> dict[str, NDArray[Any]]:
    """Every array of the trace as it is stored, by name, in a fixed order."""
    network = trace.network
    check_sequence(network)
    arrays: dict[str, NDArray[Any]] = {}
    for layer in network.layers:
        arrays[f"{layer.name}/input_weights"] = layer.input_weights
        arrays[f"{layer.name}/hidden_weights"] = layer.hidden_weights
        arrays[f"{layer.name}/biases"] = np.stack([layer.units[name].bias for name in NEURONS])
        arrays[f"{layer.name}/v_thresholds"] = np.stack([layer.units[name].v_threshold for name in NEURONS])
    arrays |= {"readout/weights": network.readout.weights, "readout/bias": network.readout.bias}
    arrays |= {f"{name}/spikes": spikes.words for name, spikes in trace.spikes.items()}
    arrays |= {f"inputs/{field}": getattr(trace.inputs, field) for field in ("values", "labels", "sample_ids")}
    return arrays | logits_arrays(trace.logits)


def build_sequence(record: Record, provenance: Provenance, take: Take) -> SequenceTrace:
    """The trace that `record` and its arrays describe; raises TraceError for what breaks a rule of the coding."""
    timesteps = record.integer("timesteps", 1, MAX_TIMESTEPS)
    samples = record.integer("samples", 1, MAX_SAMPLES)
    network = _read_network(record, take)
    spikes = {
        f"{layer.name}/{neurons}": _read_spikes(
            f"{layer.name}/{neurons}/spikes",
            (samples, network.n_elements, timesteps, layer.planes(neurons)),
            layer.n_hidden,
            take,
        )
        for layer, neurons in network.recorded()
    }
    inputs = _read_inputs(record, network, samples, take)
    logits = read_logits(record, network.n_classes, timesteps, take)
    _check_recorded(inputs, logits.get("recorded"), samples)
    if (recipe := provenance.recipe) is not None:
        if (recipe.samples, recipe.timesteps) != (samples, timesteps):
            found = f"{recipe.samples} samples, T = {recipe.timesteps}"
            raise TraceError(f"provenance.recipe: wanted the trace's {samples} samples, T = {timesteps}, found {found}")
        widths = [network.n_features, *(layer.n_hidden for layer in network.layers), network.n_classes]
        own = f"{network.n_elements}x{'-'.join(map(str, widths))}"
        if recipe.geometry != f"lstm:{own}":
            raise TraceError(f"provenance.recipe: wanted geometry 'lstm:{own}', found '{shortened(recipe.geometry)}'")
        check_rates(recipe, tuple(spikes))
    return SequenceTrace(network, timesteps, spikes, inputs, logits, provenance)


def _read_network(record: Record, take: Take) -> SequenceNetwork:
    n_elements, n_features = (record.integer(key, 1, MAX_WIDTH) for key in ("elements", "features"))
    input_bits = record.integer("input_bits", 2, 8)
    flags = record.flag("membrane_carry"), record.flag("state_per_step")
    layers: list[LstmLayer] = []
    width = n_features
    for fields in record.records("layers", MAX_LAYERS):
        layer = _read_layer(fields, width, take)
        if layer.name in {other.name for other in layers}:
            raise TraceError(f"layer '{layer.name}': wanted a name used once, found it twice")
        layers.append(layer)
        width = layer.n_hidden
    readout = _read_readout(record.record("readout"), width, take)
    network = SequenceNetwork(n_elements, n_features, input_bits, tuple(layers), readout, *flags)
    check_sequence(network)
    return network


def _read_layer(fields: Record, width: int, take: Take) -> LstmLayer:
    name = fields.text("name")
    check_name(name)
    hidden = fields.integer("hidden", 1, MAX_WIDTH)
    weight_bits = fields.integer("weight_bits", 2, 8)
    fraction_bits = fields.integer("fraction_bits", 0, MAX_FRACTION_BITS)
    state_bits = fields.integer("state_bits", 2, MAX_STATE_BITS)
    biases = take(f"{name}/biases", ("<i4",), (len(NEURONS), hidden))
    thresholds = take(f"{name}/v_thresholds", ("<i8",), (len(NEURONS), hidden))
    of_units = fields.record("units")
    units = {
        neurons: _read_units(of_units.record(neurons), biases[row], thresholds[row])
        for row, neurons in enumerate(NEURONS)
    }
    of_units.close()
    fields.close()
    return LstmLayer(
        name=name,
        input_weights=take(f"{name}/input_weights", ("|i1",), (4, width, hidden)),
        hidden_weights=take(f"{name}/hidden_weights", ("|i1",), (4, hidden, hidden)),
        weight_bits=weight_bits,
        units=units,
        fraction_bits=fraction_bits,
        state_bits=state_bits,
    )


def _read_units(fields: Record, bias: NDArray[np.int32], thresholds: NDArray[np.int64]) -> GateUnits:
    units = GateUnits(
        activation=cast("Activation", fields.choice("activation", get_args(Activation))),
        reset=cast("Literal['soft', 'hard']", fields.choice("reset", ("soft", "hard"))),
        bias=bias,
        v_threshold=thresholds,
        **{key: fields.integer(key, low, high) for key, (low, high) in LIMITS.items()},
    )
    fields.close()
    return units


def _read_readout(fields: Record, width: int, take: Take) -> Readout:
    classes = fields.integer("classes", 1, MAX_WIDTH)
    bits = fields.integer("weight_bits", 2, 8)
    over = cast("Literal['last', 'all']", fields.choice("over", ("last", "all")))
    fields.close()
    weights = take("readout/weights", ("|i1",), (width, classes))
    return Readout(weights, take("readout/bias", ("<i4",), (classes,)), bits, over)


def _read_spikes(name: str, shape: tuple[int, int, int, int], units: int, take: Take) -> SequenceSpikes:
    words = take(name, ("<u8",), (*shape, n_words(units)))
    if units % 64 and (words[..., -1] >> np.uint64(units % 64)).any():
        raise TraceError(f"array '{name}': wanted zero bits past the last of {units} units, found spikes")
    if shape[3] == 2 and (words[:, :, :, 1] & ~words[:, :, :, 0]).any():
        raise TraceError(f"array '{name}': wanted signs only of units that fire, found others")
    return SequenceSpikes(words, units)


def _read_inputs(record: Record, network: SequenceNetwork, samples: int, take: Take) -> SequenceInputs:
    fields = record.record("inputs")
    count = fields.integer("samples", samples, MAX_SAMPLES)
    fields.close()
    values = take("inputs/values", ("|i1",), (count, network.n_elements, network.n_features))
    half = 1 << (network.input_bits - 1)
    if int(values.min()) < -half or int(values.max()) >= half:
        raise TraceError(f"array 'inputs/values': wanted integers from {-half} to {half - 1}, found others")
    return SequenceInputs(values, *read_labels("inputs", count, network.n_classes, take))


def _check_recorded(inputs: SequenceInputs, recorded: Logits | None, samples: int) -> None:
    if recorded is None or len(recorded.labels) != samples:
        raise TraceError(f"logits: wanted a set 'recorded' of the {samples} samples with spikes")
    for field in ("labels", "sample_ids"):
        if not np.array_equal(getattr(inputs, field)[:samples], getattr(recorded, field)):
            raise TraceError(f"array 'inputs/{field}': wanted the recorded samples first, found others")
