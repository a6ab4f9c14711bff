"""What must hold of the stdp machine: counts of the description, layouts, dense sweeps, rounding, storage, refusals."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from accelerators.stdp.cases import lowered, machine, network, random_sample, tallied, totals, trace_of
from accelerators.stdp.reference import expected_counts
from traces.plastic import cases as plastic_cases

from hwsim import api
from hwsim.errors import ArchitectureError
from hwsim.kernels.stdp.rules import INPUT_SPIKES, OUTPUT_SPIKES
from hwsim.traces.plastic.run import learn
from hwsim.traces.plastic.session import Session
from hwsim.traces.plastic.trace import QFormat

LAYOUTS = ("pre_major", "post_major", "transposable")


@pytest.mark.parametrize("name", ["stdp", "stdp_baseline"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    "more",
    [
        (),
        ("inhibition=layer", "stdp=pairwise"),
        ("inhibition=layer", "inhibition_storage=sparse"),
        ("skip=none", "stdp=pairwise"),
        ("skip=none", "stdp=windowed"),
        ("inhibition=direct", "normalise=false"),
    ],
)
def test_counts_are_those_of_the_description(name, layout, more):
    chip = machine(f"layout={layout}", "weight_memory.port_bits=64", *more, name=name)
    net = network(90, 37, present=12, rest=4)
    on_chip = chip.network_of(trace_of(net))
    train = [random_sample(on_chip, seed, presentations=1 + (seed == 2)) for seed in range(4)]
    infer = [random_sample(on_chip, 7, learns=False)]
    runs = tallied(lowered(chip, net, train=train, infer=infer))
    for phase, samples in (("train", train), ("infer", infer)):
        found = totals(runs[phase])
        for i, sample in enumerate(samples):
            expected = expected_counts(chip.spec, on_chip, sample, phase == "train")
            assert {key: int(counts[i]) for key, counts in found.items() if counts[i]} == {
                key: int(count) for key, count in expected.items() if count
            }


def test_a_layout_reads_side_by_side_what_it_keeps_side_by_side():
    """Row of 64 neurons, column of 96 pixels, 16 weights an access: 4 and 6 words, or as many as weights."""
    net, reads = network(96, 64, present=1, window_steps=1), {}
    for layout in LAYOUTS:
        chip = machine(f"layout={layout}", "normalise=false")
        input_only, depression, potentiation = (
            [1, 0, 0, *learned, 0] for learned in ([0] * 4, [5, 3, 0, 0], [0, 0, 2, 9])
        )
        runs = tallied(lowered(chip, net, train=[[input_only], [depression], [potentiation]]))
        spikes, low, high = totals(runs["train"])["weight_memory", "read"]
        reads[layout] = spikes, low - spikes, high - spikes
    assert reads == {"pre_major": (4, 20, 18), "post_major": (64, 15, 12), "transposable": (4, 20, 12)}


def test_stochastic_rounding_draws_where_it_could_round():
    net = network(30, 8, present=10, rest=2)
    updates = 5 * 4 + 2 * 9
    sample = [[2, 1, 1, 5, 4, 2, 9, 0]] + [[0] * 8] * 11
    alone = {}
    for quantity in ("weights", "membranes", "traces", "thresholds"):
        for kind in ("direct", "layer"):
            chip = machine(f"{quantity}.rounding=stochastic", f"inhibition={kind}")
            runs = tallied(lowered(chip, net, train=[sample * 2], infer=[sample]))
            alone[quantity, kind] = tuple(int(totals(runs[run])["rounder", "draw"][0]) for run in ("train", "infer"))
            assert lowered(chip, net, train=[sample]).hardware.instances["rounder"] == 1
    for kind, membranes in (("direct", 2), ("layer", 3)):
        assert alone["weights", kind] == (2 * updates + 30 * 8, 0)
        assert alone["membranes", kind] == (24 * membranes * 8, 12 * membranes * 8)
        assert alone["traces", kind] == (24 * (30 + 8), 0)
        assert alone["thresholds", kind] == (2 * 8, 0)
    assert lowered(machine(), net, train=[sample]).hardware.instances["rounder"] == 0


@pytest.mark.parametrize(
    ("neurons", "published"), [(400, 5.35), (900, 6.14), (1600, 6.68), (2500, 7.05), (3600, 7.28), (4900, 7.45)]
)
def test_synapses_follow_the_memory_law(neurons, published):
    """4 (784 + 2 N) / (784 + N): FP32 with a layer and two full matrices, over 8 bits with direct inhibition."""
    net, bits = network(784, neurons, present=1), []
    for name in ("stdp_baseline", "stdp"):
        roomy = (f"{key}.capacity_kib=1000000" for key in ("weight_memory", "inhibition_memory", "neuron_memory"))
        chip = machine(*roomy, "trace_memory.capacity_kib=64", "current_memory.capacity_kib=64", name=name)
        hardware = lowered(chip, net, infer=[[[0] * 8]]).hardware
        used = sum(hardware.storage[key].used_bits for key in ("weight_memory", "inhibition_memory"))
        assert used == hardware.notes["synapse bits, inhibition dense"]
        bits.append(used)
    assert bits[0] == 32 * (784 * neurons + 2 * neurons**2)
    assert bits[1] == 8 * (784 * neurons + neurons**2)
    assert bits[0] / bits[1] == pytest.approx(4 * (784 + 2 * neurons) / (784 + neurons))
    assert bits[0] / bits[1] == pytest.approx(published, abs=0.006)


def test_sparse_inhibition_needs_no_matrix():
    net = network(20, 10, present=1)
    for kind, bits in (("direct", 21), ("layer", 21 + 10 * 8)):
        chip = machine("inhibition_storage=sparse", f"inhibition={kind}")
        hardware = lowered(chip, net, infer=[[[0] * 8]]).hardware
        assert hardware.storage["inhibition_memory"].used_bits == bits
        assert hardware.instances["inhibition_memory"] == 0
        assert hardware.notes["synapse bits, inhibition sparse"] == 8 * 200 + bits


def test_the_network_takes_formats_and_rules_from_the_machine_and_numbers_from_the_trace():
    net = network(30, 7, present=9, rest=3)
    net = replace(net, inhibition=plastic_cases.inhibition(strength_step_mv=0.5, strength_highest_mv=9.0))
    trace = trace_of(net)
    found = machine("rest_steps=5", "repeats=1").network_of(trace)
    assert found.formats == {
        "weights": QFormat(1, 7, "nearest"),
        "membranes": QFormat(8, 12, "nearest"),
        "traces": QFormat(1, 10, "truncate"),
        "thresholds": QFormat(8, 12, "nearest"),
    }
    assert (found.stdp.rule, found.inhibition.kind, found.inhibition.strength_step_mv) == ("windowed", "direct", 0.5)
    assert (found.coding.rest_steps, found.coding.most_repeats) == (5, 1)
    assert replace(found.stdp, rule="pairwise") == net.stdp
    other = machine("normalise=false", name="stdp_baseline").network_of(trace)
    assert (other.formats, other.stdp.rule, other.inhibition.kind) == (None, "pairwise", "layer")
    assert (other.inhibition.strength_step_mv, other.stdp.weight_sum) == (0.0, 0.0)
    assert (found.inhibition.delay_steps, other.inhibition.delay_steps) == (net.inhibition.delay_steps, 2)
    assert other.coding == net.coding


@pytest.mark.parametrize(
    ("key", "capacity", "message"),
    [
        ("weight_memory", 306, "784 pixels and 400 neurons need 306.2 KiB, it has 306 KiB"),
        ("inhibition_memory", 156, "need 156.2 KiB, it has 156 KiB"),
        ("neuron_memory", 2, "need 2.234 KiB, it has 2 KiB"),
        ("trace_memory", 1, "need 1.59 KiB, it has 1 KiB"),
        ("event_queue", 1, "need 1.531 KiB, it has 1 KiB"),
        ("current_memory", 1, "need 1.025 KiB, it has 1 KiB"),
        ("input_memory", 0.5, "need 0.7656 KiB, it has 0.5 KiB"),
    ],
)
def test_a_network_that_does_not_fit_is_refused_before_it_learns(key, capacity, message):
    chip = machine(f"{key}.capacity_kib={capacity}")
    with pytest.raises(ArchitectureError, match=rf"^{key}\.capacity_kib: .*{message}"):
        chip.lower(trace_of(network(784, 400, present=4096)))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("weights.format=FP32", "rounds to nearest even"),
        ("weights.format=Q1", "weights.format"),
        ("traces.rounding=null", "rounding"),
        ("layout=diagonal", "layout"),
        ("adder.lanes=0", "adder.lanes"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_in_one_line(override, message):
    with pytest.raises(ArchitectureError, match=message) as found:
        api.load_architecture("stdp", (override,))
    assert "\n" not in str(found.value)


def test_random_numbers_are_as_wide_as_what_is_rounded_off():
    """A rate of 20 bits times a trace of 10 leaves 23 below a weight of 7; a leak has 16."""
    for name, bits in (("weights", 23), ("membranes", 16), ("traces", 16), ("thresholds", 16)):
        wide, narrow = (machine(f"{name}.rounding=stochastic", f"rounder.bits={n}") for n in (bits, bits - 1))
        assert wide.lower(plastic_cases.plastic_trace())
        with pytest.raises(ArchitectureError, match=rf"^rounder\.bits: {name} round {bits} bits off"):
            narrow.lower(plastic_cases.plastic_trace())
    assert machine("rounder.bits=1").lower(plastic_cases.plastic_trace())


def test_formats_are_all_floating_or_none():
    with pytest.raises(ArchitectureError, match="all FP32 or none: weights, traces, thresholds are, membranes are not"):
        api.load_architecture("stdp_baseline", ("membranes.format=Q8.12", "membranes.rounding=nearest"))


def test_parameters_that_do_not_fit_a_format_are_refused():
    chip = machine("weights.format=Q0.7")
    with pytest.raises(ArchitectureError, match=r"does not fit this machine's settings: network\.stdp\.w_highest"):
        chip.lower(trace_of(network(30, 7, present=9)))


def test_learning_and_deciding_apart_are_learning_and_deciding_together():
    trace, chip, kept = plastic_cases.plastic_trace(), machine(), []
    together = tallied(chip.lower(trace))
    learning = tallied(chip.learn(trace, Session(phase="train", save=kept.append)))
    deciding = tallied(chip.learn(kept[-1], Session(phase="infer")))
    assert (list(learning), list(deciding)) == (["train"], ["infer"])
    for run, alone in (learning | deciding).items():
        np.testing.assert_equal(totals(alone), totals(together[run]))
        np.testing.assert_array_equal(alone.latency_cycles, together[run].latency_cycles)


@pytest.mark.parametrize(("name", "engine"), list(product(("stdp", "stdp_baseline"), ("simpy", "compiled"))))
def test_what_the_network_learns_is_lowered(name, engine):
    """Events, additions and updates are those of the learning itself, whichever machine runs it."""
    trace, chip = plastic_cases.plastic_trace(), machine(name=name)
    workload = chip.lower(trace)
    runs = tallied(workload, engine)
    assert list(runs) == ["train", "infer"]
    assert [len(runs[run].latency_cycles) for run in runs] == [5, 3]
    assert workload.batches.n_samples == 8
    assert workload.batches.n_jobs == sum(
        s.n_jobs for b in workload.batches for part in b.schedules.values() for s in part
    )
    counts = totals(runs["train"])
    neurons = trace.network.neurons.count
    learned = learn(chip.network_of(trace), trace, Session(label_samples=chip.spec.label_samples)).phases["train"]
    inputs, outputs = (
        np.array([activity[:, column].sum(dtype=np.int64) for activity in learned.activity])
        for column in (INPUT_SPIKES, OUTPUT_SPIKES)
    )
    np.testing.assert_array_equal(counts["event_queue", "write"], inputs)
    np.testing.assert_array_equal(counts["adder", "add"], neurons * (inputs + outputs * (name == "stdp_baseline")))
    np.testing.assert_array_equal(counts["operations", "weight update"], learned.updates)
    assert (counts["operations", "weight update"] > 0).any()
    assert (counts["operations", "weight update"] <= counts["engine", "update"]).all()
    assert workload.accuracy[1] == 3
