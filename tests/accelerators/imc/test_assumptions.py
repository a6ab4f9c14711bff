"""Named assumptions of the imc machine against plain loops over PEs, positions and timesteps."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from accelerators.imc import cases
from pydantic import ValidationError

from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.plan.placement import place
from hwsim.accelerators.imc.timing import read_interval_cycles
from hwsim.engine import simpy_engine
from hwsim.traces.network.layers import Conv2d, Linear, Network, Synapse

NETWORKS = [cases.convolutions, cases.residuals, cases.chain, cases.wide, cases.flattened_input]
TIMESTEPS = 2


def dense(**changes):
    return cases.small(**{"placement": "kernel_split", "skip": "none", "read_energy": "mean", **changes})


def weighted(network):
    return [layer for layer in network if isinstance(layer, Conv2d | Linear)]


class Pes:
    """PEs of one layer by enumeration, when each holds up to `crossbars_per_pe` kernel offsets of one channel block."""

    def __init__(self, spec, network, layer):
        kernel = layer.window.kernel[0] if isinstance(layer, Conv2d) else 1
        groups = getattr(layer, "groups", 1)
        channels = network[layer.inputs[0]].shape[2] // groups
        outputs = layer.shape[2] // groups
        slices = ceil(layer.weights.bits / spec.crossbar.cell_bits)
        offsets = [(ky, kx) for ky in range(kernel) for kx in range(kernel)]
        size = spec.chip.crossbars_per_pe
        self.stacks = [  # (group, channel block, kernel offsets)
            (group, block, offsets[i : i + size])
            for group in range(groups)
            for block in range(ceil(channels / spec.crossbar.rows))
            for i in range(0, len(offsets), size)
        ]
        self.column_blocks = ceil(outputs / (spec.crossbar.columns // slices))
        self.columns, self.outputs = outputs * slices, outputs
        bits = network.max_value(layer.inputs[0]).bit_length()
        self.reads = layer.shape[1] * ceil(bits / spec.dac.bits) * ceil(spec.crossbar.rows / spec.rows_at_once)

    @property
    def count(self):
        return len(self.stacks) * self.column_blocks


def expected(spec, network, layer, steps):
    """Counts of a layer with `conversion: pe` and `peripherals: pe_read`: {(component, action): count}."""
    pes, counts = Pes(spec, network, layer), {}

    def add(component, action, n):
        counts[component, action] = counts.get((component, action), 0) + n

    drives = min(spec.adc.columns_per_adc, spec.crossbar.columns) if spec.sensing == "current" else 1
    for _ in range(steps * layer.shape[0] * pes.reads):
        for _, _, offsets in pes.stacks:
            add("crossbar", "read", len(offsets) * pes.column_blocks * (drives if spec.read_energy == "array" else 1))
            add("offset", "count_rows", len(offsets))
            for component, action in (("adc", "convert"), ("column_mux", "select"), ("shift_add", "add")):
                add(component, action, pes.columns)
            add("adc_reference", "settle", pes.columns)
            add("accumulator", "add", pes.outputs)
            add("offset", "subtract", pes.outputs)
            for component, action in (("htree", "transfer"), ("global_buffer", "read"), ("spike_buffer", "read")):
                add(component, action, pes.column_blocks)
            add("neuron", "update", pes.column_blocks)
    return counts


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("sensing", ["sample_hold", "current"])
@pytest.mark.parametrize("read_energy", ["mean", "array"])
def test_counts_by_pe_equal_the_loops(network, sensing, read_energy):
    options = {"assumptions__conversion": "pe", "assumptions__peripherals": "pe_read", "rows_per_read": 5}
    spec = dense(sensing=sensing, read_energy=read_energy, **options)
    trace = cases.random_trace(network(), timesteps=TIMESTEPS, samples=1)
    counts = cases.posted(Machine(spec).lower(trace))
    for layer in weighted(trace.network):
        for (component, action), n in expected(spec, trace.network, layer, TIMESTEPS).items():
            assert counts[layer.name, component, action].sum() == n, (layer.name, component, action)
        assert ((layer.name, "crossbar", "read_mean") in counts) == (read_energy == "mean")
    used = {("global_buffer", "read"), ("spike_buffer", "read"), ("neuron", "update")}
    names = {layer.name for layer in weighted(trace.network)}
    assert {key[0] for key in counts if key[1:] in used} == names


@pytest.mark.parametrize("network", NETWORKS)
def test_pes_and_adcs_when_a_pe_converts(network):
    spec = dense(assumptions__conversion="pe")
    trace = cases.random_trace(network(), samples=1)
    workload = Machine(spec).lower(trace)
    pes = sum(Pes(spec, trace.network, layer).count for layer in weighted(trace.network))
    tiles = ceil(pes / spec.chip.pes_per_tile)
    assert workload.hardware.notes["PEs in use"] == pes
    assert workload.hardware.instances["adc"] == tiles * spec.chip.pes_per_tile * ceil(6 / 4)
    assert workload.hardware.instances["column_mux"] == tiles * spec.chip.pes_per_tile * 6
    # 3 crossbars of 8 rows, levels up to 3: one code more than 3 * 8 * 3 values above 0 need.
    assert workload.hardware.notes["ADC bits without loss"] == (3 * 8 * 3).bit_length()


def test_an_amplitude_is_one_pulse_however_many_bits_it_has():
    network = cases.random_trace(cases.chain(), samples=1)
    widths, amplitude = (
        Machine(dense(mesh="ideal", read_energy="array", dac__bits=2, dac__coding=coding, crossbar__read_ns=400.0))
        for coding in ("pulse_width", "amplitude")
    )
    service = [
        next(iter(machine.lower(network).batches)).schedules["static"][0].stages[1].service
        for machine in (widths, amplitude)
    ]
    np.testing.assert_array_equal(service[0], 3 * service[1])


def test_layers_off_chip_are_the_fully_connected_ones_after_the_last_convolution():
    trace = cases.random_trace(cases.convolutions(), timesteps=TIMESTEPS, samples=2)
    whole, part = (
        Machine(dense(assumptions__classifier=where, pipelining="none")).lower(trace)
        for where in ("on_chip", "off_chip")
    )
    everything, without = cases.posted(whole), cases.posted(part)
    away = {layer.name for layer in trace.network if isinstance(layer, Linear)}
    assert len(away) == 2
    assert not {layer for layer, _, _ in without} & away
    for key, counts in everything.items():
        # There is no tile to go to, and none that keeps a row for them.
        if key[0] not in away and key[1] != "noc" and key[1:] != ("spike_buffer", "write"):
            np.testing.assert_array_equal(without[key], counts, err_msg=str(key))
    assert set(part.hardware.crossbars) == set(whole.hardware.crossbars) - away
    ends = [simpy_engine.run(next(iter(each.batches)).schedules["static"][0]).makespan_cycles for each in (whole, part)]
    assert 0 < ends[1] < ends[0]


def test_states_of_layers_off_chip_need_no_unit_on_it():
    """A synaptic current only there: its unit is on the chip with the layer, and priced where it is counted."""
    network = cases.convolutions()
    layers = (
        replace(layer, neuron=replace(layer.neuron, synapse=Synapse(13, 4)))
        if isinstance(layer, Linear) and layer.neuron is not None
        else layer
        for layer in network
    )
    trace = cases.random_trace(Network(tuple(layers)), samples=1)
    for where, there in (("on_chip", True), ("off_chip", False)):
        workload = Machine(dense(assumptions__classifier=where)).lower(trace)
        assert ("synapse" in workload.hardware.instances) == there
        assert any(component == "synapse" for _, component, _ in cases.posted(workload)) == there


def test_a_network_without_convolutions_stays_on_the_chip():
    trace = cases.random_trace(cases.flattened_input(), samples=1)
    on, off = (
        cases.posted(Machine(dense(assumptions__classifier=where)).lower(trace)) for where in ("on_chip", "off_chip")
    )
    assert on.keys() == off.keys()


def test_what_the_membrane_memory_keeps():
    network = cases.convolutions()
    trace = cases.random_trace(network, samples=1)
    bits = dense().neuron.membrane_bits

    def stored(**changes):
        kinds = Machine(dense(**changes)).lower(trace).hardware.storage
        return kinds["membrane"].used_bits, kinds["spike_buffer"].used_bits

    neurons = [np.prod(layer.shape) for layer in network if getattr(layer, "neuron", None) is not None]
    maps = sum(np.prod(network[layer.inputs[0]].shape) for layer in weighted(network))
    assert stored()[0] == bits * sum(neurons)
    assert stored(assumptions__membrane_layers=2) == (bits * sum(neurons[:2]), stored()[1])
    assert stored(assumptions__activations="whole_maps") == (bits * (sum(neurons) + maps), 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"assumptions__conversion": "pe", "placement": "im2col"}, "conversion: pe needs placement: kernel_split"),
        ({"assumptions__conversion": "pe", "skip": "silent_rows"}, "need skip: none, got silent_rows"),
        ({"assumptions__peripherals": "pe_read", "skip": "silent_rows"}, "need skip: none, got silent_rows"),
        ({"dac__coding": "amplitude"}, "amplitude needs read_energy: array, got mean"),
        ({"assumptions__membrane_layers": 0}, "membrane_layers"),
    ],
)
def test_assumptions_that_contradict_the_machine_are_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        dense(**changes)


def test_the_shipped_machine_assumes_nothing_and_the_interval_of_a_pe_is_a_crossbars():
    assert cases.plain_spec().assumptions.switched_on == "none"
    plain, by_pe = dense(), dense(assumptions__conversion="pe")
    trace = cases.random_trace(cases.chain(), samples=1)
    for spec in (plain, by_pe):
        placed = next(iter(place(spec, trace.network).layers.values()))
        assert read_interval_cycles(spec, placed) == max(spec.read_cycles, 4 * spec.convert_cycles)
    assert by_pe.assumptions.switched_on == "conversion pe"
