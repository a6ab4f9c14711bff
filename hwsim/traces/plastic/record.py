"""A trace of a learning network as one JSON object plus named arrays, in both directions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.kernels.stdp.rules import FACTOR_BITS, RATE_BITS
from hwsim.traces.file.layers import Take
from hwsim.traces.file.record import Record
from hwsim.traces.file.samples import read_labels
from hwsim.traces.network.limits import MAX_INT
from hwsim.traces.plastic.check import MAX_NEURONS, MAX_PIXELS, MAX_REPEATS, check_plastic, check_state
from hwsim.traces.plastic.trace import (
    QUANTITIES,
    ExcitatoryNeurons,
    Inhibition,
    InhibitionKind,
    InhibitoryNeurons,
    LearnedState,
    PlasticNetwork,
    PlasticSamples,
    PlasticTrace,
    PoissonInput,
    QFormat,
    RoundingName,
    Rule,
    Stdp,
)
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import MAX_SAMPLES, MAX_TIMESTEPS

PARTS = ("train", "test")
_MAX_CLASSES = 1 << 15
_WHOLE = 1 << FACTOR_BITS


def plastic_record(trace: PlasticTrace) -> dict[str, object]:
    """What of the manifest only traces of learning networks have, ready for JSON."""
    state = trace.state
    return {
        "network": asdict(trace.network),
        "classes": trace.n_classes,
        "parts": {name: {"samples": len(trace.parts[name].labels)} for name in PARTS},
        "state": None if state is None else {"samples": state.samples, "strength": state.strength},
    }


def plastic_arrays(trace: PlasticTrace) -> dict[str, NDArray[Any]]:
    """Every array of the trace as it is stored, by name, in a fixed order."""
    fields = ("values", "labels", "sample_ids", "input_spikes", "digests")
    arrays = {f"{name}/{field}": getattr(trace.parts[name], field) for name in PARTS for field in fields}
    arrays["train/responses"] = trace.responses
    if trace.state is not None:
        arrays |= {"state/weights": trace.state.weights, "state/theta": trace.state.theta}
    return arrays


def build_plastic(record: Record, provenance: Provenance, take: Take) -> PlasticTrace:
    """The trace that `record` and its arrays describe; raises TraceError for what breaks a rule of the coding."""
    network = _read_network(record.record("network"))
    n_classes = record.integer("classes", 1, _MAX_CLASSES)
    fields = record.record("parts")
    parts = {name: _read_part(fields.record(name), name, network, n_classes, take) for name in PARTS}
    fields.close()
    learned = record.optional("state")
    state = None if learned is None else _read_state(learned, network, take)
    responses = take("train/responses", ("<i4",), (len(parts["train"].labels) if state is None else state.samples,))
    slots = network.neurons.count * (network.coding.present_steps + network.coding.rest_steps)
    _check_counts("train/responses", responses, slots)
    return PlasticTrace(network, n_classes, parts, responses, provenance, state=state)


def _read_state(fields: Record, network: PlasticNetwork, take: Take) -> LearnedState:
    forms, n = network.formats, network.neurons.count
    samples = fields.integer("samples", 1, MAX_SAMPLES)
    strength = fields.integer("strength", 0, MAX_INT) if forms else fields.number("strength")
    fields.close()
    weights = take("state/weights", ("<u2" if forms else "<f4",), (network.pixels, n))
    theta = take("state/theta", ("<i4" if forms else "<f4",), (n,))
    state = LearnedState(weights, theta, strength, samples)
    check_state(network, state)
    return state


def _read_network(fields: Record) -> PlasticNetwork:
    formats = fields.optional("formats")
    network = PlasticNetwork(
        pixels=fields.integer("pixels", 1, MAX_PIXELS),
        coding=_read_coding(fields.record("coding")),
        neurons=_read_neurons(fields.record("neurons")),
        inhibition=_read_inhibition(fields.record("inhibition")),
        stdp=_read_stdp(fields.record("stdp")),
        formats=None if formats is None else {name: _read_format(formats.record(name)) for name in QUANTITIES},
        seed=fields.integer("seed", 0, 2**64 - 1),
    )
    if formats is not None:
        formats.close()
    fields.close()
    check_plastic(network)
    return network


def _read_coding(fields: Record) -> PoissonInput:
    coding = PoissonInput(
        peak_millihertz=fields.integer("peak_millihertz", 1, MAX_INT),
        dt_us=fields.integer("dt_us", 1, MAX_INT),
        present_steps=fields.integer("present_steps", 1, MAX_TIMESTEPS),
        rest_steps=fields.integer("rest_steps", 0, MAX_TIMESTEPS),
        fewest_spikes=fields.integer("fewest_spikes", 0, MAX_INT),
        most_repeats=fields.integer("most_repeats", 0, MAX_REPEATS),
    )
    fields.close()
    return coding


def _read_neurons(fields: Record) -> ExcitatoryNeurons:
    neurons = ExcitatoryNeurons(
        count=fields.integer("count", 1, MAX_NEURONS),
        leak=fields.integer("leak", 0, _WHOLE),
        v_threshold_mv=fields.number("v_threshold_mv"),
        v_reset_mv=fields.number("v_reset_mv"),
        v_lowest_mv=fields.number("v_lowest_mv"),
        refractory_steps=fields.integer("refractory_steps", 0, MAX_TIMESTEPS),
        theta_plus_mv=fields.number("theta_plus_mv"),
        theta_leak=fields.integer("theta_leak", 0, _WHOLE),
        one_winner=fields.flag("one_winner"),
    )
    fields.close()
    return neurons


def _read_inhibition(fields: Record) -> Inhibition:
    layer = fields.record("neurons")
    neurons = InhibitoryNeurons(
        drive_mv=layer.number("drive_mv"),
        leak=layer.integer("leak", 0, _WHOLE),
        v_threshold_mv=layer.number("v_threshold_mv"),
        v_reset_mv=layer.number("v_reset_mv"),
        refractory_steps=layer.integer("refractory_steps", 0, MAX_TIMESTEPS),
    )
    layer.close()
    inhibition = Inhibition(
        kind=cast("InhibitionKind", fields.choice("kind", get_args(InhibitionKind))),
        strength_mv=fields.number("strength_mv"),
        delay_steps=fields.integer("delay_steps", 0, MAX_TIMESTEPS),
        neurons=neurons,
        most_responding=fields.integer("most_responding", 0, MAX_NEURONS),
        strength_step_mv=fields.number("strength_step_mv"),
        strength_lowest_mv=fields.number("strength_lowest_mv"),
        strength_highest_mv=fields.number("strength_highest_mv"),
    )
    fields.close()
    return inhibition


def _read_stdp(fields: Record) -> Stdp:
    stdp = Stdp(
        rule=cast("Rule", fields.choice("rule", get_args(Rule))),
        potentiation=fields.integer("potentiation", 0, 1 << RATE_BITS),
        depression=fields.integer("depression", 0, 1 << RATE_BITS),
        pre_leak=fields.integer("pre_leak", 0, _WHOLE),
        post_leak=fields.integer("post_leak", 0, _WHOLE),
        w_highest=fields.number("w_highest"),
        weight_sum=fields.number("weight_sum"),
        initial_highest=fields.number("initial_highest"),
        window_steps=fields.integer("window_steps", 1, 2 * MAX_TIMESTEPS),
        spikes_per_factor=fields.integer("spikes_per_factor", 1, MAX_TIMESTEPS),
    )
    fields.close()
    return stdp


def _read_format(fields: Record) -> QFormat:
    form = QFormat(
        integer_bits=fields.integer("integer_bits", 0, 32),
        fraction_bits=fields.integer("fraction_bits", 0, 32),
        rounding=cast("RoundingName", fields.choice("rounding", get_args(RoundingName))),
    )
    fields.close()
    return form


def _read_part(fields: Record, name: str, network: PlasticNetwork, n_classes: int, take: Take) -> PlasticSamples:
    count = fields.integer("samples", 1, MAX_SAMPLES)
    fields.close()
    values = take(f"{name}/values", ("|u1",), (count, network.pixels))
    labels, sample_ids = read_labels(name, count, n_classes, take)
    spikes = take(f"{name}/input_spikes", ("<i4",), (count,))
    _check_counts(f"{name}/input_spikes", spikes, network.pixels * network.coding.present_steps)
    return PlasticSamples(values, labels, sample_ids, spikes, take(f"{name}/digests", ("<u8",), (count,)))


def _check_counts(name: str, counts: NDArray[np.int32], slots: int) -> None:
    if int(counts.min()) < 0 or int(counts.max()) > slots:
        raise TraceError(f"array '{name}': wanted counts from 0 to {slots}, found others")
