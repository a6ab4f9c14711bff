"""Execution of spiking LSTMs against their specification in plain Python, and the dependencies that it claims."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from traces.sequence import networks as cases
from traces.sequence.networks import MIXED, PLAIN, SPIKING, network_of, run_plainly, trace_of, unpacked

from hwsim.errors import TraceError
from hwsim.traces.sequence.check import check_sequence
from hwsim.traces.sequence.golden import execute_sequence
from hwsim.traces.sequence.trace import NEURONS


@pytest.mark.parametrize("activations", [SPIKING, MIXED, PLAIN])
@pytest.mark.parametrize(("carry", "per_step"), [(False, True), (True, True), (False, False), (True, False)])
def test_equals_the_specification_unit_by_unit(activations, carry, per_step):
    network = network_of(
        (5, 4), activations=activations, over="all", seed=3, membrane_carry=carry, state_per_step=per_step
    )
    trace = trace_of(network)
    found = {name: unpacked(spikes) for name, spikes in trace.spikes.items()}
    fired = dict.fromkeys(found, 0)
    for sample in range(trace.n_samples):
        spikes, logits = run_plainly(network, trace.inputs.values[sample], trace.timesteps)
        assert spikes.keys() == found.keys()
        for name, of_step in spikes.items():
            for (n, t), wanted in of_step.items():
                assert found[name][sample, n, t].tolist() == wanted, (name, n, t)
                fired[name] += sum(map(abs, wanted))
        assert trace.logits["recorded"].values[sample].tolist() == logits
    slots = trace.n_samples * network.n_elements * trace.timesteps
    for name, count in fired.items():
        assert 0 < count < slots * trace.spikes[name].n_units, f"{name} is constant, so the test says little"


@pytest.mark.parametrize("activations", [SPIKING, MIXED])
def test_states_and_membranes_saturate_as_specified(activations, monkeypatch):
    network = cases.narrowed(network_of((6,), elements=8, activations=activations, seed=3), 5, 9)
    trace, cut, clamped = trace_of(network), {5: 0, 9: 0}, cases.clamped

    def counting(value, bits):
        cut[bits] += clamped(value, bits) != value
        return clamped(value, bits)

    monkeypatch.setattr(cases, "clamped", counting)
    hidden = unpacked(trace.spikes["lstm1/hidden"])
    for sample in range(trace.n_samples):
        spikes, logits = run_plainly(network, trace.inputs.values[sample], trace.timesteps)
        for (n, t), wanted in spikes["lstm1/hidden"].items():
            assert hidden[sample, n, t].tolist() == wanted
        assert trace.logits["recorded"].values[sample].tolist() == logits
    assert min(cut.values()) > 0, cut


def test_every_reset_and_a_reading_of_the_last_element():
    resets = set()
    for seed in range(4):
        network = network_of((6,), seed=seed)
        resets |= {units.reset for layer in network.layers for units in layer.units.values()}
        trace = trace_of(network, samples=2)
        for sample in range(2):
            _, logits = run_plainly(network, trace.inputs.values[sample], trace.timesteps)
            assert trace.logits["recorded"].values[sample].tolist() == logits
    assert resets == {"soft", "hard"}


def test_in_a_wavefront_fewer_timesteps_are_a_prefix_of_more():
    network = network_of((8, 6), elements=6)
    values = trace_of(network).inputs.values
    long, short = execute_sequence(network, values, 4), execute_sequence(network, values, 2)
    for name, spikes in short.spikes.items():
        np.testing.assert_array_equal(spikes.words, long.spikes[name].words[:, :, :2])
    np.testing.assert_array_equal(short.logits, long.logits[:, :2])


@pytest.mark.parametrize("flags", [{"membrane_carry": True}, {"state_per_step": False}])
def test_otherwise_they_are_not(flags):
    network = network_of((8, 6), elements=6, **flags)
    values = trace_of(network).inputs.values
    long, short = execute_sequence(network, values, 4), execute_sequence(network, values, 2)
    assert not network.wavefront
    name = "lstm1/hidden"
    assert (short.spikes[name].words != long.spikes[name].words[:, :, :2]).any()


def test_many_samples_are_each_executed_alone():
    network = network_of((4,), elements=3)
    values = trace_of(network, n_inputs=150).inputs.values
    together = execute_sequence(network, values, 2)
    for sample in (0, 63, 64, 149):
        alone = execute_sequence(network, values[sample : sample + 1], 2)
        np.testing.assert_array_equal(alone.logits[0], together.logits[sample])
        np.testing.assert_array_equal(
            alone.spikes["lstm1/hidden"].words[0], together.spikes["lstm1/hidden"].words[sample]
        )


def test_rates_count_spikes_of_either_sign():
    trace = trace_of(network_of((70,), elements=3))
    for name, rate in trace.spike_rates().items():
        assert rate == pytest.approx(np.abs(unpacked(trace.spikes[name])).mean())
    assert unpacked(trace.spikes["lstm1/cell"]).min() == -1


def with_units(network, name, **changes):
    layer = network.layers[0]
    units = dict(layer.units) | {name: replace(layer.units[name], **changes)}
    return replace(network, layers=(replace(layer, units=units), *network.layers[1:]))


def with_layer(network, **changes):
    return replace(network, layers=(replace(network.layers[0], **changes), *network.layers[1:]))


def broken_networks():
    network, mixed = network_of((5, 4)), network_of((5,), activations=MIXED)
    first = network.layers[0]
    wide = np.full(5, 2**31 - 1, np.int32)
    swapped = {name: first.units[name] for name in NEURONS[::-1]}
    return {
        "elements: wanted 1": replace(network, n_elements=0),
        "features: wanted 1": replace(network, n_features=2**16 + 1),
        "input_bits: wanted 2 to 8, found 9": replace(network, input_bits=9),
        "layers: wanted 1 to 64, found 0": replace(network, layers=()),
        "wanted a name used once": replace(network, layers=(first, replace(network.layers[1], name="lstm1"))),
        "wanted another name": with_layer(network, name="readout"),
        "letters, digits": with_layer(network, name="../x"),
        "input_weights int8 (4, 3, 5)": replace(network, n_features=3, layers=(with_layer(
            network, input_weights=first.input_weights[:, :2]).layers[0],)),
        "hidden_weights int8 (4, 5, 5), found int16": with_layer(
            network, hidden_weights=first.hidden_weights.astype(np.int16)),
        "weights of 2 to 8 bits, found 1": with_layer(network, weight_bits=1),
        "from -2 to 1 (2 bits)": with_layer(network, weight_bits=2),
        "fraction_bits from 0 to 14": with_layer(network, fraction_bits=15),
        "state_bits from 2 to 24": with_layer(network, state_bits=25),
        "wanted units of input, forget": with_layer(network, units=swapped),
        "activation spike of 'output'": with_units(network, "output", activation="signed_spike"),
        "activation spike or signed_spike of 'cell'": with_units(
            network, "cell", activation="multi_bit", v_threshold=np.zeros(5, np.int64)),
        "wanted an activation among": with_units(network, "input", activation="relu"),
        "wanted reset 'soft' or 'hard'": with_units(network, "input", reset="none"),
        "leak <= 2**leak_bits": with_units(network, "input", leak=17),
        "membrane_bits from 2 to 32": with_units(network, "input", membrane_bits=33),
        "input_shift from 0 to 24": with_units(network, "input", input_shift=-1),
        "value_shift 0 for spikes": with_units(network, "input", value_shift=1),
        "hidden_shift 0": with_units(network, "cell", hidden_shift=1),
        "bias int32 (5,), found int64": with_units(network, "input", bias=np.zeros(5, np.int64)),
        "v_threshold int64 (5,), found int64 (4,)": with_units(network, "input", v_threshold=np.ones(4, np.int64)),
        "v_threshold from 0 to 2047": with_units(network, "input", v_threshold=np.full(5, 2048)),
        "a multi-bit activation has none": with_units(mixed, "forget", v_threshold=np.ones(5, np.int64)),
        "currents within 32 bits": with_units(network, "input", bias=wide),
        "'lstm1/cell': wanted currents within": with_units(network, "cell", input_shift=24),
        "'readout': wanted weights int8 (4, 3)": replace(
            network, readout=replace(network.readout, weights=np.zeros((5, 3), np.int8))),
        "'readout': wanted bias int32": replace(network, readout=replace(network.readout, bias=np.zeros(2, np.int32))),
        "over 'last' or 'all'": replace(network, readout=replace(network.readout, over="first")),
        "logits within 32 bits": replace(
            network, readout=replace(network.readout, bias=np.full(3, 2**31 - 1, np.int32))),
    }  # fmt: skip


@pytest.mark.parametrize("message", broken_networks())
def test_a_network_that_breaks_a_rule_is_refused(message):
    with pytest.raises(TraceError) as caught:
        check_sequence(broken_networks()[message])
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "values",
    [np.zeros((2, 4, 2), np.int8), np.zeros((2, 4, 3), np.int16), np.zeros((0, 4, 3), np.int8)],
)
def test_inputs_of_another_form_are_refused(values):
    with pytest.raises(TraceError, match=r"inputs: wanted int8 \(samples, 4, 3\)"):
        execute_sequence(network_of(), values, 2)


def test_inputs_of_too_many_bits_are_refused():
    with pytest.raises(TraceError, match="6-bit integers from -32 to 31"):
        execute_sequence(network_of(), np.full((1, 4, 3), 32, np.int8), 2)
