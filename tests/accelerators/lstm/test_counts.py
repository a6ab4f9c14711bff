"""What a spiking LSTM machine counts: the closed forms of the paper's model, and brute force over spikes."""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from accelerators.lstm.reference import GATES, Step, design, machine_of, tally
from traces.sequence.networks import MIXED, SPIKING, network_of, trace_of, unpacked, with_random_spikes

from hwsim import api

BRUTE = [
    {"hidden": (6,)},
    {"hidden": (6, 5), "over": "all"},
    {"hidden": (70,), "elements": 3},
    {"hidden": (6, 5), "activations": MIXED},
    {"hidden": (6, 5), "membrane_carry": True},
    {"hidden": (6, 5), "state_per_step": False, "over": "all"},
]


def drawn(hidden=(6,), elements=5, timesteps=3, samples=2, rate=0.4, **changes):
    network = network_of(hidden, elements=elements, **changes)
    return with_random_spikes(trace_of(network, timesteps=timesteps, samples=samples), rate)


def counted(trace, *overrides, baseline=None):
    """Counts of all timesteps by (layer, component, action): int64 [sample]."""
    machine = machine_of(design(*overrides))
    workload = machine.lower(trace) if baseline is None else machine.baseline(trace, baseline)
    return {tuple(key): counts.sum(axis=1) for key, counts in tally(workload).counts.items()}


def total(counts, component, action):
    return sum(values for key, values in counts.items() if key[1:] == (component, action))


def rate_of(trace, sample, layer):
    """Hidden spikes of a layer, of a sample."""
    return np.abs(unpacked(trace.spikes[f"{layer.name}/hidden"])[sample])


@pytest.mark.parametrize("product", ["once", "every_step"])
def test_operations_are_those_of_the_published_model(product):
    """One layer, readout of the last element; rho counts the spikes that a step reads, so not those of the last one.

    MAC = m N 4HI; AC = N T 4HH rho + f * c and the readout; i * g and o * s of spikes are ANDs: 3 N T H together.
    """
    trace = drawn((6,), elements=5, timesteps=3)
    inputs, hidden, classes, elements, timesteps = 3, 6, 3, 5, 3
    counts = counted(trace, f"input_product={product}")
    m = 1 if product == "once" else timesteps
    assert total(counts, "operations", "MAC").tolist() == [m * elements * 4 * hidden * inputs] * 2
    for sample in range(2):
        spikes = rate_of(trace, sample, trace.network.layers[0])
        rho = spikes[:-1].sum() / (elements * timesteps * hidden)
        recurrent = elements * timesteps * 4 * hidden * hidden * rho
        of_elements = elements * timesteps * hidden
        wanted = recurrent + of_elements + spikes[-1].sum() * classes
        assert total(counts, "operations", "AC")[sample] == pytest.approx(wanted)
        assert total(counts, "ac", "add")[sample] == pytest.approx(recurrent)
    n_t_h = elements * timesteps * hidden
    assert total(counts, "operations", "AND").tolist() == [2 * n_t_h] * 2
    assert total(counts, "operations", "membrane update").tolist() == [5 * n_t_h] * 2


def test_the_ordinary_lstm_multiplies_everything_once():
    trace = drawn((6,), elements=5)
    wanted = 5 * (4 * 6 * 3 + 4 * 6 * 6 + 3 * 6) + 6 * 3  # N (4HI + 4HH + 3H) + HC
    counts = counted(trace, baseline="ann")
    assert total(counts, "operations", "MAC").tolist() == [wanted] * 2
    assert not any(key[1] in ("ac", "neuron", "detector", "queue") for key in counts)
    assert total(counts, "mac", "mac").tolist() == [wanted - 5 * 3 * 6] * 2
    assert total(counts, "elementwise", "mac").tolist() == [5 * 3 * 6] * 2
    assert total(counts, "elementwise", "clip").tolist() == [5 * 5 * 6] * 2


@pytest.mark.parametrize("changes", BRUTE)
@pytest.mark.parametrize("options", [(), ("input_product=every_step",), ("schedule=serial",), ("cells.count=2",)])
def test_counts_equal_brute_force_over_spikes(changes, options):
    trace = drawn(**changes)
    spec, counts = design(*options).spec, counted(trace, *options)
    network, timesteps, elements = trace.network, trace.timesteps, trace.network.n_elements
    for sample in range(2):
        step = Step(trace, sample)
        for position, layer in enumerate(network.layers):
            hidden, bits = layer.n_hidden, layer.weight_bits
            rows = sum(step.spikes(position, n, t) for n in range(elements) for t in range(timesteps))
            found = {key[1:]: values[sample] for key, values in counts.items() if key[0] == layer.name}
            assert found["ac", "add"] == rows * 4 * hidden
            assert found["weights", "read"] == rows * 4 * ceil(hidden * bits / spec.weights.port_bits)
            done = elements * (timesteps if spec.input_product == "every_step" else 1) * (position == 0)
            assert found.get(("mac", "mac"), 0) == done * 4 * layer.n_inputs * hidden
            fetched = 4 * layer.n_inputs * ceil(hidden * bits / spec.input_weights.port_bits)
            assert found.get(("input_weights", "read"), 0) == done * fetched
            steps = elements * timesteps
            firing = sum(layer.units[gate].spiking for gate in GATES)
            for action in ("update", "hold"):
                assert found["neuron", action] == steps * (firing + 1) * hidden
            assert found["elementwise", "clip"] == steps * (4 - firing) * hidden
            assert found["operations", "AC"] == found["ac", "add"] + found["elementwise", "add"]
            assert found["operations", "MAC"] == found.get(("mac", "mac"), 0) + found["elementwise", "mac"]
            assert sum(found["elementwise", action] for action in ("and", "add", "mac")) == 3 * steps * hidden
            looks = ceil(hidden / spec.detector.bits) + (ceil(layer.n_inputs / spec.detector.bits) if position else 0)
            assert found["detector", "scan"] == steps * looks
            words = [ceil((1 + each.units["cell"].signed) * each.n_hidden / 24) for each in network.layers]
            read = words[position] + (words[position - 1] if position else 0)
            assert found["state", "read"] == steps * (hidden + read)
            assert found["state", "write"] == steps * (hidden + words[position])
        last = rate_of(trace, sample, network.layers[-1])
        rows = last.sum() if network.readout.over == "all" else last[-1].sum()
        classes = network.n_classes
        assert counts["readout", "readout", "add"][sample] == rows * classes
        wanted = rows * ceil(classes * network.readout.weight_bits / spec.readout_weights.port_bits)
        assert counts["readout", "readout_weights", "read"][sample] == wanted


@pytest.mark.parametrize(
    ("activations", "kinds"),
    [
        (SPIKING, {"and": 2, "add": 1, "mac": 0}),
        (MIXED, {"and": 1, "add": 1, "mac": 1}),
        (("multi_bit", "multi_bit", "signed_multi_bit", "spike", "spike"), {"and": 1, "add": 0, "mac": 2}),
        (("multi_bit", "spike", "signed_spike", "spike", "spike"), {"and": 1, "add": 2, "mac": 0}),
    ],
)
def test_a_product_is_an_and_of_two_spikes_an_ac_of_one_and_else_a_mac(activations, kinds):
    trace = drawn((6,), activations=activations)
    counts = counted(trace)
    for action, products in kinds.items():
        assert total(counts, "elementwise", action).tolist() == [products * 5 * 3 * 6] * 2


@pytest.mark.parametrize(("cells", "crossings"), [(1, 0), (2, 1), (3, 1), (4, 3)])
def test_membranes_and_kept_products_move_from_cell_to_cell(cells, crossings):
    """T = 4 on 1, 2, 2 and 4 cells with work: membranes of 5 x 6 units, 32 bits, 2 a word; products of 4 x 6 units."""
    trace = drawn((6,), elements=5, timesteps=4)
    every = counted(trace, f"cells.count={cells}", "input_product=every_step", "queue.port_bits=64")
    assert total(every, "queue", "write").tolist() == [5 * crossings * 15] * 2
    assert total(every, "queue", "read").tolist() == [5 * crossings * 15] * 2
    once = counted(trace, f"cells.count={cells}", "input_product=once", "queue.port_bits=64")
    assert total(once, "queue", "write").tolist() == [5 * (crossings * (15 + 12) + 12)] * 2
    assert total(once, "queue", "read").tolist() == [5 * (crossings * 15 + 3 * 12)] * 2


def not_zero(trace, layer):
    """Units of a layer that fire at an element in any timestep: int [sample, element]."""
    return np.abs(unpacked(trace.spikes[f"{layer.name}/hidden"])).any(axis=2).sum(axis=2)


def test_zeros_of_the_quantised_network_are_units_that_never_fire():
    trace = drawn((6, 5), timesteps=3, rate=0.2)
    counts = counted(trace, baseline="qann")
    one, two = (not_zero(trace, layer) for layer in trace.network.layers)
    assert 0 < one.sum() < one.size * 6
    np.testing.assert_array_equal(counts["lstm1", "narrow_mac", "mac"], 4 * 6 * one[:, :-1].sum(axis=1))
    read = one.sum(axis=1) + two[:, :-1].sum(axis=1)
    np.testing.assert_array_equal(counts["lstm2", "narrow_mac", "mac"], 4 * 5 * read)
    np.testing.assert_array_equal(counts["readout", "narrow_mac", "mac"], 3 * two[:, -1])
    assert counts["lstm1", "mac", "mac"].tolist() == [5 * 4 * 6 * 3] * 2


def test_a_stated_density_is_a_share_of_the_units():
    for density, units in ((0.0, 0), (0.5, 3), (1.0, 6)):
        counts = counted(drawn((6,)), f"baseline.qann_density={density}", baseline="qann")
        assert counts["lstm1", "narrow_mac", "mac"].tolist() == [(5 - 1) * 4 * 6 * units] * 2


def test_the_report_names_the_share_that_multiplies():
    trace = drawn((6,), samples=3)
    loaded = design()
    run = api.simulate(loaded, trace).runs[0]
    multiplied = run.operations["MAC"]
    assert run.mac_share.of_operations == pytest.approx(multiplied / (multiplied + run.operations["AC"]))
    arithmetic = [row for row in run.rows if row.component in ("mac", "ac", "elementwise", "readout")]
    energy = {
        name: sum(row.energy_pj for row in arithmetic if row.action in name)
        for name in (("mac",), ("add", "and", "clip"))
    }
    wanted = energy[("mac",)] / sum(energy.values())
    assert run.mac_share.of_energy == pytest.approx(wanted)
