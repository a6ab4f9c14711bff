"""Signed spikes on the machines: what both count and compute, by naive twins and by hand, and who refuses them."""

from __future__ import annotations

import dataclasses
from dataclasses import fields, replace

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.digital.reference import Twin
from accelerators.imc import cases
from accelerators.imc.functional_cases import SIGNS, live_trace, lossless, named
from accelerators.imc.reference import activations, ends, unpacked
from accelerators.imc.test_counts import assert_same_counts
from accelerators.imc.test_functional import assert_same
from accelerators.imc.test_functional_devices import assert_equals_twin
from traces.direct.networks import Sketch, trace_of

from hwsim import api, make, simulate
from hwsim.accelerators.digital import Machine as Digital
from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.baseline import planes_of
from hwsim.contract.dense import Dense
from hwsim.errors import UsageError
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.network.layers import Network, neuron_of

ROOM = {"shift_add__bits": 48, "offset_corrector__bits": 48, "accumulator__bits": 48, "pooling__bits": 32}
WIDE = {"mac__input_bits": 20, "mac__sum_bits": 48, "ac__bits": 48, "pooling__bits": 32, "neuron__membrane_bits": 32}


def signed(network, *names):
    """The network with signed spikes of some layers, or of all that have neurons."""

    def changed(layer):
        if neuron_of(layer) is None or (names and layer.name not in names):
            return layer
        return replace(layer, neuron=replace(layer.neuron, signed=True))

    return Network(tuple(map(changed, network)))


def signed_maps(seed=0):
    """Signed spikes read as they are, beside unsigned ones, arranged, their maximum and their sum, and counted."""
    sketch = Sketch((4, 4, 3), bits=4, seed=seed)
    first = sketch.conv(70, bits=3, neuron=sketch.neuron(70, scale=1024))
    other = sketch.conv(6, kernel=1, padding=0, bits=2)
    sketch.pool("max", kernel=2, stride=1, padding=1)
    sketch.conv(6, kernel=2, padding=0, bits=3, groups=3)
    sketch.concat(sketch.last.name, other, first)
    sketch.conv(4, kernel=3, bits=3)
    sketch.pool("avg", kernel=2, stride=2)
    sketch.conv(3, kernel=1, padding=0, bits=4, neuron=sketch.neuron(3, scale=8))
    sketch.flatten()
    sketch.linear(6, neuron=sketch.neuron(6, scale=8))
    sketch.readout(votes=2)
    return signed(sketch.network(), first, "conv4", "conv6", "fc10")


def test_the_maps_are_what_they_are_for():
    network = signed_maps()
    kinds = {network.values(layer.inputs[0]) for layer in digital.weighted(network)}
    assert kinds == {(0, 15), (-1, 1), (0, 1), (-4, 4)}
    assert all(ends(network, layer.name) == network.values(layer.name) for layer in network.layers[:-1])


@pytest.mark.parametrize("signs", SIGNS, ids=named)
def test_crossbars_without_loss_give_the_golden_network_bit_for_bit(signs):
    trace = trace_of(signed_maps(10), samples=2, timesteps=2, extra=1)
    for dac_bits in (1, 3):
        run = Machine(lossless(**{**ROOM, "dac__bits": dac_bits}, **signs)).functional(trace)
        assert_same(trace, run.trace)
        for packed in trace.spikes.values():
            if packed.negative is not None:
                assert packed.negative.any() and (packed.words & ~packed.negative).any()
        assert run.clipped == 0


@pytest.mark.parametrize("signs", SIGNS, ids=named)
def test_cells_that_vary_noise_and_codes_that_are_cut_equal_the_naive_model(signs):
    sketch = Sketch((3, 3, 2), bits=2)
    sketch.conv(5, bits=3)
    sketch.conv(4, bits=3)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    trace = live_trace(lambda _seed: signed(sketch.network()), samples=1, extra=0)
    devices = {"devices__conductance_variation": 0.2, "devices__read_noise_levels": 0.5}
    for dac_bits, skip in ((1, "silent_rows"), (2, "none")):
        assert_equals_twin(cases.small(**ROOM, **devices, **signs, adc__bits=4, dac__bits=dac_bits, skip=skip), trace)


@pytest.mark.parametrize(("dac_bits", "skip"), [(1, "none"), (3, "silent_rows")])
def test_crossbars_count_what_the_naive_model_counts(dac_bits, skip):
    trace = cases.random_trace(signed_maps(), timesteps=2, samples=1)
    assert_same_counts(cases.small(**ROOM, dac__bits=dac_bits, skip=skip, rows_per_read=3), trace)


def test_whole_words_of_spikes_are_counted_by_sign():
    sketch = Sketch((3, 3, 2), bits=3)
    sketch.conv(128, bits=2)
    sketch.conv(3, kernel=2, padding=[1, 0, 0, 1], bits=2)
    sketch.flatten()
    sketch.linear(2, neuron=None)
    trace = cases.random_trace(signed(sketch.network()), timesteps=2, samples=1)
    for options in ({"placement": "kernel_split", "skip": "none"}, {"placement": "im2col", "skip": "silent_rows"}):
        spec = cases.small(**ROOM, **options, crossbar__rows=64, rows_per_read="all", dac__bits=1)
        assert_same_counts(spec, trace)


@pytest.mark.parametrize("skip", ["none", "gate", "skip"])
@pytest.mark.parametrize("loop_order", ["layer_outer", "timestep_outer"])
def test_the_array_counts_what_the_naive_model_counts(skip, loop_order):
    trace = cases.random_trace(signed_maps(), timesteps=2, samples=1)
    spec = digital.variant(skip=skip, loop_order=loop_order, array__rows=4, array__columns=3, detector__bits=5, **WIDE)
    found, wanted = cases.posted(Digital(spec).lower(trace)), Twin(spec, trace, "global_buffer").counts
    zero = np.zeros((1, 2), np.int64)
    assert all((found.get(key, zero) == wanted.get(key, zero)).all() for key in found.keys() | wanted.keys())


def chain(over_time=True):
    """Two neurons that fire as their inputs are, 1 or -1, and weights of 3 and -2 on each."""
    sketch = Sketch((1, 1, 2), bits=2, over_time=over_time, signed=True)
    sketch.linear(2, bits=2)
    sketch.last.weights.values[0, 0] = [[1, 0], [0, 1]]
    one = dataclasses.replace(
        sketch.neuron(2),
        leak=1,
        leak_bits=0,
        v_threshold=np.ones(2, np.int64),
        fraction_bits=0,
        fires_at_threshold=True,
    )
    sketch.layers[-1] = replace(sketch.last, neuron=replace(one, signed=True))
    sketch.linear(2, neuron=None)
    sketch.last.weights.values[0, 0] = [[3, -2], [-2, 3]]
    return sketch.network()


def test_a_spike_of_either_sign_is_an_accumulate_a_synapse_and_drives_its_row_once():
    """1 and -1, then nothing, then -1 alone: 3 spikes of 2 synapses.

    With rows that are silent left out both signs are read at first, none then, and -1 at last.
    """
    values = np.array([[1, -1], [0, 0], [-1, 0]], np.int8).reshape(1, 3, 1, 1, 2)
    trace = make.events(chain(), values, [0])
    assert trace.logits["recorded"].values[0].tolist() == [[5, -5], [0, 0], [-3, 2]]
    of_input = 2 * 2 + 2  # -1 is 11 of 2 bits on crossbars, 1 is 01
    digital_run, imc_run = (simulate(design, trace).runs[0] for design in ("digital", "imc"))
    assert digital_run.operations["AC"] == 3 * 2 + 3 * 2
    assert imc_run.operations["AC"] == (2 + 2 + 1) * 2 + 3 * 2
    counts = cases.posted(Machine(cases.small(**ROOM, skip="silent_rows")).lower(trace))
    assert counts["fc2", "crossbar", "drive_row"].tolist() == [[2, 0, 1]]
    assert counts["fc2", "crossbar", "read"].tolist() == [[2, 0, 1]]
    assert of_input == 6
    for machine, spec in ((Machine, cases.small(**ROOM)), (Digital, digital.variant())):
        counts = cases.posted(machine(spec).lower(trace))
        assert counts["fc1", "lower_threshold", "compare"].tolist() == [[2, 2, 2]]
        assert ("fc2", "lower_threshold", "compare") not in counts


def test_a_lower_threshold_is_priced_only_where_it_is():
    trace = cases.random_trace(signed_maps(), timesteps=2, samples=1)
    plain = cases.random_trace(signed(signed_maps()), timesteps=2, samples=1)
    for design in ("imc", "digital"):
        found = simulate(design, trace).runs[0]
        assert any(row.component == "lower_threshold" and row.count for row in found.rows)
        more = simulate(design, plain).runs[0]
        one, two = (sum(row.count for row in each.rows if row.component == "lower_threshold") for each in (found, more))
        assert 0 < one < two


@pytest.mark.parametrize("kind", ["qann", "ann"])
def test_activations_in_their_place_are_in_twos_complement(kind):
    """Counts of 4 timesteps, -4 to 4, in 4 bits; drawn ones in as many as there are."""
    trace = cases.random_trace(signed_maps(), timesteps=4, samples=2, rate=0.4)
    dense = Dense.of(kind, 4, 5, "trace", signed=True)
    assert dense.activation_bits == {"qann": 4, "ann": 5}[kind]
    network = replace(trace.network, activation_bits=dense.activation_bits)
    for name, planes in planes_of(dense, trace, range(2)).items():
        low, high = network.values(name)
        top = len(planes) - 1 if network.signed(name) else None
        digits = [
            unpacked(replace(trace, spikes={name: replace(trace.spikes[name], words=p, negative=None)}), name)
            for p in planes
        ]
        values = sum((digit << i) * (-1 if i == top else 1) for i, digit in enumerate(digits))
        assert low <= values.min() and values.max() <= high
        if kind == "qann":
            np.testing.assert_array_equal(values, activations(trace, name).sum(axis=1, keepdims=True))


@pytest.mark.parametrize("design", ["imc", "digital"])
def test_the_network_without_spikes_is_played_beside_them(design):
    trace = cases.random_trace(signed_maps(), timesteps=4, samples=2)
    report = simulate(design, trace, baselines=["ann", "qann"])
    assert [run.energy_pj.value > 0 for run in report.runs] == [True] * len(report.runs)


def test_the_machine_of_first_spikes_refuses_them_by_the_layer():
    sketch = Sketch((1, 1, 6), bits=4)
    sketch.linear(5)
    sketch.linear(3, neuron=None)
    direct = cases.random_trace(signed(sketch.network()), timesteps=2, samples=1)
    rate = RateTrace(*(getattr(direct, field.name) for field in fields(RateTrace)))
    with pytest.raises(UsageError, match=r"^layer 'fc1': the machine has neurons without leak that fire 1 above"):
        api.simulate(api.load_architecture("ttfs", ["coding=rate"]), rate)
