"""What must hold where spikes change neurons in their memory: counts, time, storage, arithmetic, refusals."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from accelerators.stdp.cases import NARROW, lowered, machine, network, random_sample, tallied, totals, trace_of
from accelerators.stdp.reference import expected_counts
from traces.plastic import cases as plastic_cases

from hwsim import api
from hwsim.engine import run as run_engine
from hwsim.errors import ArchitectureError
from hwsim.kernels.stdp.fixed import charge_fixed
from hwsim.kernels.stdp.rules import MEMBRANES_HIGH, N_COUNTED, NEAREST, TRUNCATE, Membranes, Rounding

IN_MEMORY = "neuron_state=memory"
LAYERED = "inhibition=layer"


@pytest.mark.parametrize(
    "more",
    [
        (),
        ("layout=post_major", "inhibition_storage=sparse"),
        (LAYERED, "stdp=pairwise"),
        (LAYERED, "inhibition_storage=sparse"),
        ("skip=none", "stdp=pairwise"),
        (LAYERED, "skip=none"),
    ],
)
@pytest.mark.parametrize(("lanes", "port"), [(1, 128), (5, 128), (16, 1408), (64, 43)])
def test_counts_are_those_of_the_description(lanes, port, more):
    chip = machine(IN_MEMORY, f"adder.lanes={lanes}", f"neuron_memory.port_bits={port}", *more)
    net = network(50, 37, present=12, rest=4)
    on_chip = chip.network_of(trace_of(net))
    shown = {
        "train": [random_sample(on_chip, seed, presentations=1 + (seed == 2)) for seed in range(3)],
        "infer": [random_sample(on_chip, 7, learns=False)],
    }
    runs = tallied(lowered(chip, net, **shown))
    for phase, samples in shown.items():
        found = totals(runs[phase])
        for i, sample in enumerate(samples):
            expected = expected_counts(chip.spec, on_chip, sample, phase == "train")
            assert {key: int(counts[i]) for key, counts in found.items() if counts[i]} == {
                key: int(count) for key, count in expected.items() if count
            }


def test_operations_are_the_same_wherever_the_state_is():
    net = network(50, 37, present=12, rest=4)
    found = {}
    for state in ("registers", "memory"):
        chip = machine(f"neuron_state={state}")
        sample = random_sample(chip.network_of(trace_of(net)), 3)
        counts = totals(tallied(lowered(chip, net, train=[sample]))["train"])
        found[state] = {
            key: int(n[0]) for key, n in counts.items() if key[0] in ("operations", "adder", "neuron", "engine")
        }
    assert found["memory"] == found["registers"]


@pytest.mark.parametrize("engine", ["compiled", "simpy"])
@pytest.mark.parametrize("inputs", [0, 1, 7])
@pytest.mark.parametrize("inhibiting", [0, 3])
@pytest.mark.parametrize("count", [1, 12])
def test_inference_takes_turns_at_the_neurons(inputs, inhibiting, count, engine):
    """A read and a write a neuron for every spike and once a step; drawing runs beside both."""
    pixels, steps = 60, 9
    net = network(pixels, count, present=steps)
    sample = [[inputs, 0, inhibiting] + [0] * 5] * steps
    workload = lowered(machine(*NARROW, IN_MEMORY), net, infer=[sample])
    encode, integrate, neurons = pixels, inputs * 2 * count, 2 * count + inhibiting * 2 * count
    expected = encode + (steps - 1) * max(encode, integrate + neurons) + integrate + neurons + count + 4
    assert tallied(workload, engine)["infer"].latency_cycles.tolist() == [expected]


@pytest.mark.parametrize(("storage", "driven"), [("dense", 12), ("sparse", 1)])
def test_driving_a_layer_takes_turns_too(storage, driven):
    """A spike reads and writes all inhibitory neurons where a matrix drives them, else its own."""
    net, outputs, inhibiting = network(60, 12, present=9), 4, 3
    chip = machine(*NARROW, IN_MEMORY, LAYERED, f"inhibition_storage={storage}", "neuron_memory.port_bits=65")
    tally = tallied(lowered(chip, net, infer=[[[5, outputs, inhibiting] + [0] * 5] * 9]))["infer"]
    assert tally.busy_cycles["integrate"].sum() == 9 * 5 * 2 * 12
    assert tally.busy_cycles["neurons"].sum() == 9 * 2 * (12 + outputs * driven + inhibiting * 12)


def test_both_engines_agree_while_learning():
    chip = machine(*NARROW, IN_MEMORY, "stdp=pairwise", LAYERED)
    net = network(20, 6, present=14, rest=3)
    on_chip = chip.network_of(trace_of(net))
    workload = lowered(chip, net, train=[random_sample(on_chip, seed, 1 + seed % 2) for seed in range(4)])
    one, other = (tallied(workload, engine)["train"] for engine in ("compiled", "simpy"))
    np.testing.assert_array_equal(one.latency_cycles, other.latency_cycles)
    np.testing.assert_equal(one.busy_cycles, other.busy_cycles)
    np.testing.assert_equal(one.stall_cycles, other.stall_cycles)


@pytest.mark.parametrize("kind", ["direct", "layer"])
def test_the_neuron_memory_serves_one_stage_at_a_time_and_in_order(kind):
    chip = machine(*NARROW, IN_MEMORY, f"inhibition={kind}")
    net = network(12, 5, present=15, rest=3)
    on_chip = chip.network_of(trace_of(net))
    samples = [random_sample(on_chip, seed, presentations=1 + seed % 3) for seed in range(4)]
    for batch in lowered(chip, net, train=samples, infer=[random_sample(on_chip, 9, 2, learns=False)]).batches:
        for schedules in batch.schedules.values():
            for schedule in schedules:
                timeline = run_engine(schedule, "compiled")
                start, free = timeline.start, timeline.free
                spans = [
                    span
                    for stage in ("normalise", "integrate", "neurons")
                    for span in zip(start[stage], free[stage], strict=True)
                ]
                busy = sorted((int(first), int(last)) for first, last in spans if last > first)
                assert busy
                assert all(one[1] <= other[0] for one, other in pairwise(busy))
                assert (start["integrate"][1:] >= timeline.done["neurons"][:-1]).all()
                assert (start["neurons"] >= timeline.done["integrate"]).all()


def test_a_second_port_reads_beside_writing():
    net, cycles = network(12, 5, present=10), {}
    for ports in ("1rw", "1r1w"):
        chip = machine(*NARROW, IN_MEMORY, f"neuron_memory.ports={ports}", "technology.corner=standard")
        cycles[ports] = tallied(lowered(chip, net, infer=[[[3, 1, 1] + [0] * 5] * 10]))["infer"].busy_cycles
    assert {ports: int(found["integrate"].sum()) for ports, found in cycles.items()} == {"1rw": 300, "1r1w": 150}
    assert {ports: int(found["neurons"].sum()) for ports, found in cycles.items()} == {"1rw": 200, "1r1w": 100}


def test_groups_of_neurons_start_words_and_no_current_is_stored():
    net = network(30, 37, present=2)
    chip = machine(IN_MEMORY, "adder.lanes=5", "neuron_memory.capacity_kib=auto", "neuron_memory.port_bits=128")
    needed = chip.needed_bits(trace_of(net))
    assert needed["neuron_memory"] == (7 * 2 + 1) * 128  # 5 neurons of 43 bits take two words, the last two take one
    assert needed["current_memory"] == 0
    sized = chip.sized_for(trace_of(net))
    assert sized.spec.neuron_memory.capacity_bits >= needed["neuron_memory"]
    hardware = lowered(sized, net, infer=[[[1] + [0] * 7] * 2]).hardware
    assert hardware.instances["current_memory"] == 0
    assert "current_memory" not in hardware.storage
    assert hardware.storage["neuron_memory"].used_bits == 37 * 43
    with pytest.raises(ArchitectureError, match=r"^neuron_memory\.capacity_kib: 30 pixels and 37 neurons need"):
        lowered(machine(IN_MEMORY, "adder.lanes=1", "neuron_memory.capacity_kib=4"), net, infer=[[[0] * 8] * 2])


def test_all_memories_can_follow_the_network():
    keys = ("input", "weight", "inhibition", "current", "neuron", "trace")
    auto = (*(f"{key}_memory.capacity_kib=auto" for key in keys), "event_queue.capacity_kib=auto")
    trace = plastic_cases.plastic_trace()
    runs = {}
    for state in ("registers", "memory"):
        report = api.simulate(api.load_architecture("stdp", (*auto, f"neuron_state={state}")), trace)
        runs[state] = {run.name: run for run in report.runs}
        assert ("current_memory" in {row.storage for row in report.storage}) == (state == "registers")
    for name, run in runs["memory"].items():
        assert run.operations == runs["registers"][name].operations
        assert run.accuracy == runs["registers"][name].accuracy
        assert run.samples.latency_ns > runs["registers"][name].samples.latency_ns


def test_stochastic_membranes_round_leaks_alone():
    net = network(30, 8, present=10, rest=2)
    for kind, leaks in (("direct", 1), ("layer", 2)):
        chip = machine(IN_MEMORY, "membranes.rounding=stochastic", f"inhibition={kind}")
        tally = tallied(lowered(chip, net, infer=[[[2] + [0] * 7] * 12]))["infer"]
        assert totals(tally)["rounder", "draw"].tolist() == [12 * leaks * 8]


@pytest.mark.parametrize("rounding", [TRUNCATE, NEAREST])
@pytest.mark.parametrize("shift", [-5, 0, 3])
def test_weights_one_by_one_are_their_sum_unless_they_are_rounded(shift, rounding):
    """What the kernels add as one sum is what a core adds spike by spike, as far as the format lets it."""
    random, highest = np.random.default_rng(4), 1000
    weights = random.integers(0, 60, (9, 200)).astype(np.int32)
    rule = Rounding(NEAREST, rounding, NEAREST, 1, shift, np.zeros(5, np.uint64))
    before, refractory = random.integers(-300, 900, 200).astype(np.int32), (np.arange(200) % 3 == 0).astype(np.int32)
    outcome = []
    for additions in (weights.sum(axis=0, dtype=np.int32)[None], weights):
        v, counted = before.copy(), np.zeros(N_COUNTED, np.int64)
        membranes = Membranes(v, v, refractory, refractory, v[:0], refractory[:0])
        for addition in additions:
            charge_fixed(membranes, addition.copy(), highest, rule, 0, counted)
        outcome.append((v.tolist(), counted[MEMBRANES_HIGH] > 0))
    assert (outcome[0] == outcome[1]) == (shift <= 0)


@pytest.mark.parametrize(
    ("name", "more", "got"),
    [
        ("stdp_baseline", (), "got weights FP32, membranes FP32"),
        ("stdp", ("weights.format=Q1.13",), "got weights Q1.13, membranes Q8.12"),
    ],
)
def test_formats_that_would_round_every_weight_are_refused(name, more, got):
    with pytest.raises(
        ArchitectureError,
        match=f"neuron_state: memory adds weights one by one, so .* at least their fraction bits, {got}",
    ) as found:
        api.load_architecture(name, (IN_MEMORY, *more))
    assert "\n" not in str(found.value)
    assert api.load_architecture(name, more)


def test_a_wrong_state_is_refused_with_what_there_is():
    with pytest.raises(ArchitectureError, match=r"neuron_state.*registers.*memory"):
        api.load_architecture("stdp", ("neuron_state=memroy",))
