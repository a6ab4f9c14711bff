"""The imc machine counts what a naive model written from the design counts, for every combination of its options."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from accelerators.imc import cases
from accelerators.imc.chip_reference import Chip, all_counts
from accelerators.imc.reference import crossbar_counts, read_interval
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from traces.direct.networks import Sketch, networks

from hwsim.accelerators.imc import Machine
from hwsim.traces.network.layers import Conv2d, Linear

SIGNS = (("offset", "popcount", "digital"), ("offset", "reference_column", "digital"))
SIGNS += (("differential", "popcount", "analog"), ("differential", "popcount", "digital"))
OPTIONS = {
    "placement": ("im2col", "kernel_split"),
    "skip": ("none", "silent_rows"),
    "sensing": ("sample_hold", "current"),
    "read_energy": ("value", "mean"),
    "direct_input": ("every_step", "once"),
    "loop_order": ("timestep_outer", "layer_outer"),
}
MORE = tuple(itertools.product(("none", "layers"), ("used", "all")))  # packing, convert
DRIVES = tuple(itertools.product((1, 2, 3, 4), (8, 3, 1)))  # bits of a digit, rows of a phase


def assert_same_counts(spec, trace):
    wanted = all_counts(spec, trace)
    workload = Machine(spec).lower(trace)
    found = {key: counts for key, counts in cases.posted(workload).items() if counts.any()}
    assert sorted(found) == sorted(wanted)
    for key, counts in wanted.items():
        np.testing.assert_array_equal(found[key], counts, err_msg=str(key))


@pytest.mark.parametrize("signs", SIGNS, ids="-".join)
def test_counts_equal_the_naive_model_for_every_combination_of_options(signs):
    encoding, correction, subtraction = signs
    fixed = {"signs__encoding": encoding, "signs__correction": correction, "signs__subtraction": subtraction}
    trace = cases.random_trace(cases.tiny(), timesteps=2, samples=1, rate=0.3)
    for number, chosen in enumerate(itertools.product(*OPTIONS.values())):
        dac_bits, rows = DRIVES[number % len(DRIVES)]
        packing, convert = MORE[number // 3 % len(MORE)]
        options = dict(zip(OPTIONS, chosen, strict=True)) | {"packing": packing, "convert": convert}
        assert_same_counts(cases.small(**fixed, **options, dac__bits=dac_bits, rows_per_read=rows), trace)


@pytest.mark.parametrize(
    "network",
    [*cases.WINDOWS, cases.flattened_input, cases.chain, cases.wide, cases.arranged],
)
@pytest.mark.parametrize("direct_input", ["every_step", "once"])
def test_counts_equal_the_naive_model_for_strides_padding_groups_pools_and_residuals(network, direct_input):
    trace = cases.random_trace(network(), timesteps=2, samples=2, rate=0.4)
    assert_same_counts(cases.small(direct_input=direct_input, skip="silent_rows"), trace)
    assert_same_counts(cases.small(direct_input=direct_input, placement="kernel_split", dac__bits=2), trace)


@pytest.mark.parametrize("bits", [1, 7, 300])
@pytest.mark.parametrize("skip", OPTIONS["skip"])
def test_counts_equal_the_naive_model_for_words_of_the_tree_of_any_width(skip, bits):
    trace = cases.random_trace(cases.chain(), timesteps=2, samples=2, rate=0.3)
    assert_same_counts(cases.small(skip=skip, htree__bits=bits), trace)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(network=networks(recurrent=True), data=st.data())
def test_counts_equal_the_naive_model_on_random_networks_and_crossbars(network, data):
    rows = data.draw(st.integers(1, 20), "rows")
    options = {key: data.draw(st.sampled_from(values), key) for key, values in OPTIONS.items()}
    options |= dict(zip(("packing", "convert"), data.draw(st.sampled_from(MORE), "more"), strict=True))
    if network.read_late:
        options["loop_order"] = "timestep_outer"
    encoding, correction, subtraction = data.draw(st.sampled_from(SIGNS), "signs")
    spec = cases.small(
        **options,
        signs__encoding=encoding,
        signs__correction=correction,
        signs__subtraction=subtraction,
        crossbar__rows=rows,
        crossbar__columns=data.draw(st.integers(17, 40), "columns"),  # 8-bit weights in pairs of 1-bit cells fit
        crossbar__cell_bits=data.draw(st.integers(1, 4), "cell bits"),
        rows_per_read=data.draw(st.integers(1, rows), "rows per read"),
        dac__bits=data.draw(st.integers(1, 4), "dac bits"),
        adc__columns_per_adc=data.draw(st.sampled_from([1, 4, 64]), "columns per ADC"),
        chip__pes_per_tile=data.draw(st.integers(1, 3), "PEs"),
        neuron__membrane_bits=32,
        accumulator__bits=32,
        offset_corrector__bits=32,
        shift_add__bits=32,
        pooling__bits=33,  # of a readout of membranes
    )
    rate = data.draw(st.sampled_from([0.0, 0.1, 0.6, 1.0]), "rate")
    assert_same_counts(spec, cases.random_trace(network, timesteps=2, samples=1, rate=rate, seed=rows))


@pytest.mark.parametrize("skip", ["none", "silent_rows"])
@pytest.mark.parametrize("sensing", ["sample_hold", "current"])
@pytest.mark.parametrize("dac_bits", [1, 3])
def test_crossbar_service_is_read_intervals_one_after_another_plus_detection(skip, sensing, dac_bits):
    spec = cases.small(skip=skip, sensing=sensing, dac__bits=dac_bits, rows_per_read=3, direct_input="once")
    trace = cases.random_trace(cases.convolutions(), timesteps=2, samples=1, rate=0.15)
    (batch,) = Machine(spec).lower(trace).batches
    stages = {stage.name: stage for stage in batch.schedules["static"][0].stages}
    for layer in trace.network:
        if not isinstance(layer, Conv2d | Linear):
            continue
        bits = trace.network.max_value(layer.inputs[0]).bit_length()
        interval = read_interval(spec, 1, 3, bits)  # conversion 0.83 ns and read 10 ns at 250 MHz
        _, serial, silent = crossbar_counts(spec, trace, layer, Chip(spec, trace.network))
        cycles = serial * interval + silent * spec.silence_detector.cycles
        if skip == "none":
            cycles = full_service(spec, trace, layer, interval)
        np.testing.assert_array_equal(stages[layer.name].service, cycles[0].ravel())


def full_service(spec, trace, layer, interval):
    """Every digit of every position takes all phases: int64 [sample, timestep, row]."""
    height, width, _ = layer.shape
    bits = trace.network.max_value(layer.inputs[0]).bit_length()
    cycles = width * -(-bits // spec.dac.bits) * -(-spec.crossbar.rows // spec.rows_at_once) * interval
    full = np.full((1, trace.timesteps, height), cycles)
    if layer.inputs[0] == "input":
        full[:, 1:] = 0
    return full


def test_latency_after_a_row_and_service_of_the_digital_steps():
    """A pooled picture of 2 x 3 positions, 66 channels (two words, two flits); by hand from the machine's rules."""
    spec = cases.small(rows_per_read=3, early_exit__threshold=0.5, shift_add__cycles=2, htree__cycles=3)
    trace = cases.random_trace(cases.wide(), timesteps=2, samples=1)
    (batch,) = Machine(spec).lower(trace).batches
    stages = {stage.name: stage for stage in batch.schedules["early exit"][0].stages}

    def latency(name):
        return set(stages[name].latencies.tolist())

    # Phases of 8 rows by 3: 3.  conv1 has 4 * 40 = 160 rows, 20 blocks, 60 sums to add in 6 levels; conv2's two groups
    # of 35 rows have 5 blocks each, 30 sums, 5 levels.  A read phase is max(3, 4 * 1) = 4; 3 + 4 - 4 remain after it.
    assert latency("conv1") == {3 + 2 + 6 + 3}
    assert latency("conv2") == {3 + 2 + 5 + 3}
    assert latency("conv1.neuron") == latency("add4") == {spec.neuron.cycles}
    assert latency("pool5") == {spec.pooling.cycles}
    assert latency("input") == latency("sigma_e") == {0}
    # A row of conv1 is 3 x 70.  The membranes of a position are 70 * 24 / 128 = 14 words, read and written by one port.
    # Its 20 row blocks have 24 column blocks of 3 weights: 480 crossbars on 160 PEs, which share that work.
    assert set(stages["conv1.neuron"].service.tolist()) == {1}
    assert set(stages["pool5"].service.tolist()) == {1 * 2 * 4}  # one position, two words, four operands
    assert set(stages["input"].service.tolist()) == {2 * 2}  # two positions of 80 bits, two words each
    assert set(stages["sigma_e"].service.tolist()) == {2 * 3 + 6}


def test_a_neurons_row_takes_what_is_slower_of_lanes_and_membrane_port():
    """conv1 of the chain: 5 positions of 5 channels on one PE, one word of 128 bits a position."""
    stage = {}
    for ports, lanes in (("1r1w", 8), ("1r1w", 2), ("1rw", 8)):
        spec = cases.small(membrane__ports=ports, neuron__lanes=lanes, chip__crossbars_per_pe=100)
        (batch,) = Machine(spec).lower(cases.random_trace(cases.chain(), samples=1)).batches
        stages = {stage.name: stage for stage in batch.schedules["static"][0].stages}
        stage[ports, lanes] = set(stages["conv1.neuron"].service.tolist())
    assert stage == {("1rw", 8): {10}, ("1r1w", 8): {5}, ("1r1w", 2): {13}}


def test_a_decision_looks_every_class_up_once():
    trace = cases.random_trace(cases.chain(), timesteps=2, samples=1)
    counts = cases.posted(Machine(cases.small(early_exit__threshold=0.5)).lower(trace))
    decision = {key[2]: n.tolist() for key, n in counts.items() if key[1] == "sigma_e"}
    assert decision == {
        "exponent": [[4, 4]],
        "logarithm": [[1, 1]],
        "multiply": [[10, 10]],  # scale and entropy of 4 classes, two for the comparison
        "add": [[16, 16]],  # accumulate, compare, sum, sum of products
        "fifo": [[4, 4]],
    }


def test_parts_of_a_chip_follow_from_its_tiles():
    spec = cases.small()
    hardware = Machine(spec).lower(cases.random_trace(cases.chain(), samples=1)).hardware
    # Weights of 4 bits in 2-bit cells, 2 columns, 3 across 6: conv1 2 x 2 crossbars of 9 rows and 5 channels, conv2
    # 6 x 1 of 45 rows, fc 2 x 2 of 12 rows and 4 classes; on PEs of 3 crossbars 2 + 2 + 2, so 3 tiles of 2 PEs.
    tiles = 3
    wanted = {"crossbar": 6, "row_driver": 6 * 8, "adc": 12, "adc_reference": 12}
    wanted |= {"column_mux": 36, "shift_add": 12, "accumulator": 12, "htree": 1, "noc": 1}
    wanted |= {
        "neuron": 2,
        "pooling": 1,
        "silence_detector": 6,
        "offset": 2,
        "spike_buffer": 1,
        "membrane": 2,
    }
    # The mesh is 2 x 2: routes may turn at the place without a tile.
    assert hardware.instances == {name: n * tiles for name, n in wanted.items()} | {
        "global_buffer": 1,
        "noc": 4,
        "clock": 1,
    }
    # Of 6 PEs each layer has 2, and as large a share of what tiles share; a pool keeps its own unit running.
    apart = {"pooling", "global_buffer", "sigma_e", "clock"}
    third = dict.fromkeys(hardware.instances.keys() - apart, Fraction(1, 3))
    layers = ("conv1", "conv2", "fc5")
    assert {stage: hardware.clocked[stage] for stage in layers} == dict.fromkeys(layers, third)
    assert {name for stage in hardware.clocked.keys() - {*layers} for name in hardware.clocked[stage]} <= apart


def test_current_sensing_drives_rows_again_in_every_mux_phase_that_the_crossbar_has():
    """Found wrong once: 8 columns an ADC on a crossbar of 6 columns take 6 phases."""
    trace = cases.random_trace(cases.chain())
    held, sensed = (
        cases.posted(Machine(cases.small(sensing=sensing, adc__columns_per_adc=8)).lower(trace))
        for sensing in ("sample_hold", "current")
    )
    key = ("conv1", "crossbar", "drive_row")
    np.testing.assert_array_equal(sensed[key], 6 * held[key])


def test_accumulates_of_the_network_do_not_depend_on_the_width_of_a_digit():
    """Found wrong once: pulses were taken for accumulates."""
    trace = cases.random_trace(cases.convolutions())
    operations = [
        {key: counts.tolist() for key, counts in found.items() if key[2] in ("AC", "MAC", "membrane update")}
        for found in (cases.posted(Machine(cases.small(dac__bits=bits)).lower(trace)) for bits in (1, 2, 4))
    ]
    assert operations[0] == operations[1] == operations[2]


def test_activations_travel_through_a_flatten_to_the_layer_that_reads_them():
    """Found wrong once: a pool that was only flattened sent nothing to the next tile."""
    spec = cases.small(chip__pes_per_tile=1, chip__crossbars_per_pe=100)
    trace = cases.random_trace(cases.chain(), timesteps=1, samples=1)
    # conv1, conv2 (with the pool) and fc on tiles 0, 1, 2 of a 2 x 2 mesh: pool to fc is (0, 1) to (1, 0), two links.
    flits = 2 * 2  # two rows of two positions, one flit of 32 bits each
    assert trace.network["pool3"].shape == (2, 2, 3)
    assert cases.posted(Machine(spec).lower(trace))["pool3", "noc", "hop"].tolist() == [[2 * flits]]


def test_only_direct_coded_currents_are_kept_and_read_again():
    """Found wrong once: every layer wrote its currents to the buffer at every timestep."""
    trace = cases.random_trace(cases.residuals(), timesteps=3, samples=1)
    counts = cases.posted(Machine(cases.small(direct_input="once")).lower(trace))
    kept = {key: n.tolist() for key, n in counts.items() if key[1] == "psum_buffer" and n.any()}
    words = 6 * 4 * 1  # positions, one access of 128 bits for 3 currents of 20
    assert kept == {
        ("conv1", "psum_buffer", "write"): [[words, 0, 0]],
        ("conv1", "psum_buffer", "read"): [[0, words, words]],
    }


def test_a_flattened_picture_is_still_the_direct_coded_input():
    """Found wrong once: its products were counted as accumulates and done again at every timestep."""
    trace = cases.random_trace(cases.flattened_input(), timesteps=3, samples=1)
    counts = cases.posted(Machine(cases.small(direct_input="once")).lower(trace))
    assert counts["fc2", "operations", "MAC"].tolist() == [[24 * 7, 0, 0]]
    assert ("fc2", "operations", "AC") not in counts
    assert counts["fc2", "crossbar", "read"][0, 1:].tolist() == [0, 0]


def test_a_sum_of_currents_without_a_neuron_is_added_and_stored_nowhere():
    """Found wrong once: a traceback, as currents have no largest activation."""
    sketch = Sketch((4, 4, 1), bits=2)
    first = sketch.conv(3)
    left, right = sketch.conv(3, source=first, neuron=None), sketch.conv(3, source=first, neuron=None)
    currents = sketch.sum([left, right], [1, 1])
    sketch.sum([currents, first], [1, 2], neuron=True)
    sketch.flatten()
    sketch.linear(3, neuron=None)
    assert_same_counts(cases.small(), cases.random_trace(sketch.network(), samples=1))
