"""When stages of the stdp machine run: closed forms of time without contention, waits, and the one weight port."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from accelerators.stdp.cases import NARROW, lowered, machine, network, random_sample, tallied, trace_of

from hwsim.engine import run as run_engine

PAIRWISE = (*NARROW, "layout=pre_major", "stdp=pairwise")


def timelines(workload):
    """Schedule and timeline of every sample, phase by phase."""
    found = {}
    for batch in workload.batches:
        for phase, schedules in batch.schedules.items():
            found.setdefault(phase, []).extend((schedule, run_engine(schedule, "compiled")) for schedule in schedules)
    return found


@pytest.mark.parametrize("inputs", [0, 1, 2, 7])
@pytest.mark.parametrize("inhibiting", [0, 1, 5])
@pytest.mark.parametrize("count", [1, 3, 12])
def test_inference_is_a_pipeline_of_three_stages(inputs, inhibiting, count):
    """Drawing, integration and neurons of equal steps: the slowest sets the pace, the others show once."""
    pixels, steps = 8, 9
    net = network(pixels, count, present=steps)
    workload = lowered(
        machine(*NARROW, "neuron_memory.port_bits=86"), net, infer=[[[inputs, 0, inhibiting] + [0] * 5] * steps]
    )
    encode = pixels
    integrate = inputs * count
    neurons = max(count, 2 * -(-count * 43 // 86)) + inhibiting * count
    expected = encode + integrate + neurons + (steps - 1) * max(encode, integrate, neurons) + count + 4
    assert tallied(workload)["infer"].latency_cycles.tolist() == [expected]


@pytest.mark.parametrize("inputs", [1, 4])
def test_learning_that_the_next_input_reads_leaves_no_overlap(inputs):
    """Equal steps whose learning visits what the next input reads: input, neurons and learning in a row.

    Traces decay beside the input.
    """
    pixels, count, steps = 8, 3, 20
    net = network(pixels, count, present=steps)
    step = [inputs, 1, 1, inputs, 2, 1, 5, 1]
    ((_, timeline),) = timelines(lowered(machine(*PAIRWISE), net, train=[[step] * steps]))["train"]
    weights = pixels * count
    normalise = weights + 2 * count + 2 * weights + 2 * count
    integrate, neurons = inputs * count, 2 * count + count
    traces = 2 * (pixels + count) + inputs + 1
    depress, potentiate = 2 * inputs * count, 2 * 5
    potentiate = max(potentiate, pixels)  # a neuron reads the traces of all pixels
    in_a_row = max(max(integrate, traces) + depress, integrate + neurons) + potentiate
    first = max(max(integrate, traces - 1) + depress, integrate + neurons) + potentiate  # no neuron has fired before
    serial = normalise + first + (steps - 1) * in_a_row + 1
    assert timeline.makespan_cycles == serial


@pytest.mark.parametrize("rule", ["pairwise", "windowed"])
@pytest.mark.parametrize("kind", ["direct", "layer"])
def test_nothing_runs_before_what_it_needs(rule, kind):
    chip = machine(*NARROW, f"stdp={rule}", f"inhibition={kind}")
    net = network(12, 5, present=15, rest=3)
    on_chip = chip.network_of(trace_of(net))
    samples = [random_sample(on_chip, seed, presentations=1 + seed % 3) for seed in range(6)]
    found = timelines(lowered(chip, net, train=samples, infer=[random_sample(on_chip, 9, 2, learns=False)]))
    for phase, parts in found.items():
        for (_, timeline), sample in zip(parts, samples if phase == "train" else [None], strict=True):
            start, free, done = timeline.start, timeline.free, timeline.done
            for t in range(len(start["integrate"])):
                assert start["integrate"][t] >= done["encode"][t]
                assert start["neurons"][t] >= done["integrate"][t]
                if t >= 2:
                    assert start["encode"][t] >= free["integrate"][t - 2]
                    assert start["integrate"][t] >= free["neurons"][t - 2]
                if t and t % 18 == 0:
                    assert start["encode"][t] >= done["neurons"][t - 1]
                if sample is None:
                    continue
                assert start["depress"][t] >= max(done["integrate"][t], done["traces"][t])
                assert start["potentiate"][t] >= max(done["neurons"][t], done["depress"][t])
                if rule == "windowed":
                    assert start["depress"][t] >= done["neurons"][t]
                if t:
                    assert start["traces"][t] >= done["potentiate"][t - 1]
                if t >= 2:
                    assert start["integrate"][t] >= done["potentiate"][t - 2]
                if t and (sample[t][-1] or t % 18 == 0):
                    assert start["integrate"][t] >= done["potentiate"][t - 1]
                if t % 18 == 0:
                    assert start["integrate"][t] >= done["normalise"][t // 18]
                    assert t == 0 or start["normalise"][t // 18] >= done["potentiate"][t - 1]
            last = max(done["neurons"][-1], done["potentiate"][-1] if sample else 0)
            assert start["readout"][0] == last


def test_the_weight_port_serves_one_at_a_time_and_integration_overtakes():
    chip = machine(*NARROW, "stdp=pairwise")
    net = network(40, 9, present=60)
    on_chip = chip.network_of(trace_of(net))
    overtaken, waited = 0, 0
    workload = lowered(chip, net, train=[random_sample(on_chip, seed) for seed in range(5)])
    for schedule, timeline in timelines(workload)["train"]:
        spans = []
        for stage in schedule.stages:
            if stage.unit is not None:
                spans += zip(timeline.start[stage.name], timeline.free[stage.name], strict=True)
        busy = sorted((a, b) for a, b in spans if b > a)
        assert all(one[1] <= other[0] for one, other in pairwise(busy))
        overtaken += (timeline.start["integrate"][1:] < timeline.start["potentiate"][:-1]).sum()
    for name, accounts in tallied(workload)["train"].stall_cycles.items():
        waited += accounts[3] if name in ("integrate", "depress", "potentiate") else 0
    assert overtaken > 0
    assert waited > 0  # arbitrating


def test_dense_sweeps_wait_for_each_other_and_take_longer():
    net = network(12, 5, present=8)
    sample = [[2, 1, 1, 2, 1, 1, 4, 0]] * 8
    cycles = {}
    for skip in ("silent", "none"):
        chip = machine(*PAIRWISE, f"skip={skip}")
        ((_, timeline),) = timelines(lowered(chip, net, train=[sample]))["train"]
        cycles[skip] = timeline.makespan_cycles
    assert (timeline.start["integrate"][1:] >= timeline.done["potentiate"][:-1]).all()
    assert cycles["none"] > 2 * cycles["silent"]


def test_samples_of_equal_length_share_what_they_can_and_stay_in_order():
    chip, net = machine(), network(12, 5, present=10, rest=2)
    on_chip = chip.network_of(trace_of(net))
    repeats = [1, 1, 2, 2, 2, 1, 3]
    samples = [random_sample(on_chip, seed, n) for seed, n in enumerate(repeats)]
    workload = lowered(chip, net, train=samples)
    batches = list(workload.batches)
    assert [list(batch.samples) for batch in batches] == [[0, 1], [2, 3, 4], [5], [6]]
    first, second = batches[0].schedules["train"]
    for one, other in zip(first.stages, second.stages, strict=True):
        for wait, same in zip(one.waits, other.waits, strict=True):
            assert (wait.needs is same.needs) == (wait.stage != "potentiate" or one.name != "integrate")
    assert workload.batches.n_jobs == sum(s.n_jobs for batch in batches for s in batch.schedules["train"])
    together = tallied(workload)["train"].latency_cycles
    alone = [tallied(lowered(chip, net, train=[sample]))["train"].latency_cycles[0] for sample in samples]
    np.testing.assert_array_equal(together, alone)


def test_a_slower_memory_takes_more_cycles():
    net = network(12, 5, present=10)
    sample = [[3, 0, 0, 0, 0, 0, 0, 0]] * 10
    quick, slow = (
        tallied(lowered(machine(*NARROW, f"clock.frequency_mhz={mhz}"), net, infer=[sample]))["infer"]
        for mhz in (200, 800)
    )
    # 320 KiB take 3 to 4 ns (CACTI), which is one cycle of 5 ns and three of 1.25 ns.
    cycles = [tally.busy_cycles["integrate"].sum() for tally in (quick, slow)]
    assert cycles[0] == 10 * 3 * 5
    assert cycles[1] in (2 * cycles[0], 3 * cycles[0])


def test_a_second_port_reads_beside_writing():
    """Learning and traces take half as long where nothing else is slower; sets are writes."""
    net, busy = network(12, 5, present=10), {}
    sample = [[3, 1, 1, 3, 2, 1, 6, 1]] * 10
    for ports in ("1rw", "1r1w"):
        memories = (
            f"{memory}.{setting}"
            for memory in ("weight_memory", "trace_memory", "neuron_memory")
            for setting in (f"ports={ports}", "corner=standard")
        )
        busy[ports] = tallied(lowered(machine(*PAIRWISE, *memories), net, train=[sample]))["train"].busy_cycles
    for ports, of_both in (("1rw", 2), ("1r1w", 1)):
        cycles = {stage: int(found.sum()) for stage, found in busy[ports].items()}
        assert cycles["depress"] == 10 * of_both * 3 * 5
        assert cycles["potentiate"] == 10 * 12  # reading the traces of 12 pixels takes longer than 6 weights
        assert cycles["traces"] == 10 * (of_both * 17 + 4) - 1
        assert cycles["neurons"] == 10 * (of_both * 5 + 5)
        assert cycles["normalise"] == 60 + 5 * 2 + of_both * 60 + of_both * 5


def test_a_presentation_without_rest_steps_draws_at_every_step():
    net = network(12, 5, present=10, rest=4)
    for rest, drawn in (("trace", 10), ("0", 10), ("7", 10)):
        chip = machine(f"rest_steps={rest}")
        length = chip.network_of(trace_of(net)).coding.rest_steps + 10
        tally = tallied(lowered(chip, net, infer=[[[0] * 8] * length]))["infer"]
        drawing = [counts.sum() for key, counts in tally.counts.items() if key.component == "encoder"]
        assert drawing == [12 * drawn]
        assert tally.busy_cycles["encode"].sum() == drawn  # 12 pixels in one cycle of 16 lanes
