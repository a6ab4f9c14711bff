"""What must hold of the ttfs machine as a whole: counts, time, streams, energy and refusals."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from accelerators.ttfs.cases import OFF, SMALL, machine, tallied, totals, trace_of
from traces.direct.networks import met
from traces.ttfs import cases

from hwsim import api
from hwsim.contract.run import RunName
from hwsim.contract.streams import joined
from hwsim.engine import run as run_engine
from hwsim.errors import ArchitectureError, HwsimError, UsageError
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.network.layers import Conv2d, Network


def expected_counts(trace, spec):
    """Every count with all stops off, written once more from the description, window by window."""
    net, counts = trace.network, {}

    def book(layer, component, action, sample, n):
        counts.setdefault((layer, component, action), np.zeros(trace.n_samples, int))[sample] += n

    lanes, width = spec.array.lanes, spec.weights.port_bits
    source = cases.input_times_of(trace)
    before = net.network.input.shape
    for layer in net.weighted():
        windowed = isinstance(layer, Conv2d)
        rows, columns, channels = layer.shape
        ticks = net.neurons[layer.name].start + net.window
        output = layer.name == net.network.output.name
        for sample, y, x in product(range(trace.n_samples), range(rows), range(columns)):
            seen = source[sample] if windowed else source[sample].reshape(1, 1, -1)
            n = len(cases.window_spikes(seen, y, x, layer))
            if windowed:
                reach = [
                    sum(0 <= place < before[axis] for place in met(layer, axis, at)) for axis, at in ((0, y), (1, x))
                ]
                places = reach[0] * reach[1]
            else:
                places = before[0] * before[1]
            for component, action, count in (
                ("spikes", "read", n + places),
                ("queue", "write", n),
                ("sorter", "insert", n),
                ("sorter", "clear", 1),
            ):
                book(layer.name, component, action, sample, count)
            for low in range(0, channels, lanes):
                active = min(lanes, channels - low)
                fired = int((trace.times[layer.name][sample, y, x, low : low + active] >= 0).sum())
                words = -(-active * layer.weights.bits // width)
                biases = -(-active * spec.pe.potential_bits // width)
                for component, action, count in (
                    ("queue", "read", n),
                    ("weights", "read", n * words + biases),
                    ("pe", "forward", (n + ticks) * active),
                    ("pe", "load", active),
                    ("pe", "accumulate", n * active),
                    ("pe", "update", ticks * active),
                    ("pe", "check", 0),
                    ("pe", "fire", fired),
                    ("spikes", "write", 0 if output else fired + (low == 0)),
                    ("operations", "AC", n * active),
                    ("operations", "membrane update", ticks * active),
                ):
                    book(layer.name, component, action, sample, count)
        source, before = trace.times[layer.name], layer.shape
    return counts


@pytest.mark.parametrize("make", [cases.convolutions, cases.perceptron, lambda: cases.convolutions(start=2)])
def test_counts_are_those_of_the_description(make):
    trace = trace_of(make)
    found = totals(tallied(trace, *OFF)["static"])
    expected = expected_counts(trace, machine().spec)
    rivals = {key: counts for key, counts in found.items() if key.component == "decision"}
    assert {tuple(key) for key in found} - {tuple(key) for key in rivals} == set(expected)
    for key, counts in expected.items():
        np.testing.assert_array_equal(found[key], counts, err_msg=str(key))


def test_a_decision_compares_those_that_fired_first_or_all():
    trace = cases.recorded(cases.perceptron((12, 9, 4), window=3), 40, seed=3)
    found = totals(tallied(trace, *OFF)["static"])["fc2", "decision", "add"]
    for sample, times in enumerate(trace.times["fc2"].reshape(40, 4)):
        fired = times[times >= 0]
        assert found[sample] == ((times == fired.min()).sum() if fired.size else 4)


def test_time_is_the_sum_of_sorts_and_passes():
    """One core, one layer after another: the array waits for the first sort of a layer, and latency ends each layer."""
    trace, m = trace_of(cases.perceptron, samples=5), machine(*OFF)
    spec, source = m.spec, cases.input_times_of(trace)
    cycles = np.zeros(5, int)
    for layer in trace.network.weighted():
        n = (source >= 0).sum(axis=(1, 2, 3))
        cycles += n + 1
        for low in range(0, layer.shape[2], 4):
            active = min(4, layer.shape[2] - low)
            issue = max(1, -(-active * layer.weights.bits // (spec.weights.banks * spec.weights.port_bits)))
            cycles += n * issue + 16 * spec.array.tick_cycles
        cycles += spec.array.rows + spec.array.columns - 2 + spec.array.drain_cycles
        source = trace.times[layer.name]
    np.testing.assert_array_equal(tallied(trace, *OFF)["static"].latency_cycles, cycles)


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("make", [cases.convolutions, lambda: cases.perceptron((12, 9, 8, 4))])
def test_both_engines_agree_alone_and_in_a_stream(make, cores):
    trace = trace_of(make, samples=4)
    simpy, compiled = (
        tallied(trace, f"cores={cores}", "operating.stream=true", engine=engine) for engine in ("simpy", "compiled")
    )
    for run in ("static", "stream"):
        for field in ("latency_cycles", "makespan_cycles", "on_cycles", "step_end_cycles"):
            np.testing.assert_array_equal(getattr(simpy[run], field), getattr(compiled[run], field))
        assert {k: v.tolist() for k, v in simpy[run].stall_cycles.items()} == {
            k: v.tolist() for k, v in compiled[run].stall_cycles.items()
        }


def test_a_stream_does_the_same_work_in_less_time():
    trace = trace_of(lambda: cases.perceptron((12, 9, 8, 4)), samples=12)
    one, two = (tallied(trace, f"cores={cores}", "operating.stream=true") for cores in (1, 2))
    for tally in (one, two):
        assert {k: v.tolist() for k, v in tally["stream"].counts.items()} == {
            k: v.tolist() for k, v in tally["static"].counts.items()
        }
    alone, kept_full, on_two = (int(tally.on_cycles.sum()) for tally in (one["static"], one["stream"], two["stream"]))
    assert on_two < kept_full < alone
    np.testing.assert_array_equal(one["static"].latency_cycles, two["static"].latency_cycles)
    # A core's array is busy for the passes of its layers: no stream is faster than its busiest core.
    busy = {stage: int(cycles.sum()) for stage, cycles in two["static"].busy_cycles.items()}
    assert on_two >= max(busy["fc1"] + busy["fc2"], busy["fc3"])


def test_no_neuron_fires_twice():
    trace = trace_of(samples=6)
    tally = tallied(cases.random_times(trace, 0.9), *OFF)["static"]
    for key, counts in totals(tally).items():
        if key.action == "fire":
            assert (counts <= np.prod(trace.network.network[key.layer].shape)).all()
    assert sum(counts.sum() for key, counts in totals(tally).items() if key.action == "fire") > 0


@pytest.mark.parametrize("make", [cases.perceptron, cases.convolutions])
def test_fewer_spikes_never_cost_more(make):
    """Without early stops, and with what later layers read held fixed."""
    many = cases.random_times(trace_of(make, samples=4), 0.8, seed=3)
    drop = np.random.default_rng(5)
    source = next(iter(many.times))
    fewer = np.where(drop.random(many.times[source].shape) < 0.3, -1, many.times[source]).astype(np.int16)
    less = replace(many, times=dict(many.times) | {source: fewer})
    one, other = (tallied(trace, *OFF)["static"] for trace in (many, less))
    driven = {key: n for key, n in totals(one).items() if key.action not in ("fire", "write")}
    for key, counts in driven.items():
        assert (totals(other)[key] <= counts).all(), key
    assert (other.latency_cycles < one.latency_cycles).all()


def test_the_order_of_neurons_in_a_pass_changes_nothing():
    network = cases.perceptron((12, 4, 3), seed=4)
    trace = cases.recorded(network, 10, seed=2)
    order = np.array([2, 0, 3, 1])
    hidden, out = network.network["fc1"], network.network["fc2"]
    weights = np.ascontiguousarray(hidden.weights.values[..., order])
    moved = replace(hidden, weights=replace(hidden.weights, values=weights), bias=hidden.bias[order])
    rows = np.ascontiguousarray(out.weights.values[:, :, order])
    layers = (network.network.input, moved, replace(out, weights=replace(out.weights, values=rows)))
    other = replace(trace, network=replace(network, network=Network(layers)))
    other = replace(other, times=dict(trace.times) | {"fc1": np.ascontiguousarray(trace.times["fc1"][..., order])})
    one, two = (tallied(each)["static"] for each in (trace, other))
    assert {k: v.tolist() for k, v in one.counts.items()} == {k: v.tolist() for k, v in two.counts.items()}
    np.testing.assert_array_equal(one.latency_cycles, two.latency_cycles)
    assert machine().functional(other).trace.decisions["recorded"].accuracy == trace.decisions["recorded"].accuracy


def test_twice_the_clock_halves_time_and_leakage_and_not_dynamic_energy():
    trace = trace_of()
    slow, fast = (
        api.simulate(api.load_architecture("ttfs", [f"clock.frequency_mhz={mhz}"]), trace).runs[0] for mhz in (10, 20)
    )
    assert fast.latency_ns.value == pytest.approx(slow.latency_ns.value / 2, rel=1e-12)
    assert fast.leakage_pj.value == pytest.approx(slow.leakage_pj.value / 2, rel=1e-12)
    assert fast.dynamic_pj.value == slow.dynamic_pj.value
    assert fast.clock_pj.value == slow.clock_pj.value


REFUSALS = [
    (("weights.capacity_kib=0.1",), "weights.capacity_kib: the layers of core 0 need"),
    (("spikes.capacity_kib=0.01",), "spikes.capacity_kib: the layers of core 0 need"),
    (("queue.capacity_kib=0.02",), "queue.capacity_kib: up to 12 spikes under a window of fc1, each memory of the"),
    (("queue.port_bits=8",), "queue.port_bits: an index of 4 bits (fc1) and a pointer of 13 do not fit in 8"),
    (("sorter.buckets=4",), "sorter.buckets: 8 ticks need as many, it has 4"),
    (("pe.time_bits=3",), "pe.time_bits: 8 ticks and silence need 4, got 3"),
    (("pe.potential_bits=8",), "pe.potential_bits: threshold, ramp or bias of fc1 reach"),
    (("pe.slope_bits=4",), "pe.slope_bits: threshold, ramp or bias of fc1 reach 69, 4 bits hold -8 to 7"),
    (("clock.frequency_mhz=9000",), "clock.frequency_mhz: 9000 MHz is too fast: "),
]


@pytest.mark.parametrize(("overrides", "message"), REFUSALS)
def test_a_network_that_does_not_fit_is_refused(overrides, message):
    with pytest.raises(ArchitectureError) as caught:
        api.simulate(api.load_architecture("ttfs", (*SMALL, *overrides)), trace_of(cases.perceptron))
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_another_coding_is_refused_with_what_to_do():
    for coding, trace in (("ttfs", cases.rated()), ("rate", trace_of())):
        with pytest.raises(UsageError) as caught:
            api.simulate(api.load_architecture("ttfs", [f"coding={coding}"]), trace)
        other = "rate" if coding == "ttfs" else "ttfs"
        assert f"set to '{coding}'" in str(caught.value)
        assert f"--set coding={other}" in str(caught.value)


def test_a_direct_coded_trace_is_refused():
    with pytest.raises(HwsimError, match="plays traces of coding ttfs or rate"):
        api.simulate(api.load_architecture("ttfs"), synthesize("mlp:6-4-3", timesteps=2, samples=1, rate=0.1))


def alike(trace, n):
    """The first sample, so many times."""
    labels, ids, decided = np.zeros(n, np.int64), np.arange(n), trace.decisions["recorded"]
    decisions = replace(decided, classes=np.repeat(decided.classes[:1], n), labels=labels, sample_ids=ids)
    return replace(
        trace,
        times={name: np.repeat(times[:1], n, axis=0) for name, times in trace.times.items()},
        inputs=replace(
            trace.inputs, values=np.repeat(trace.inputs.values[:1], n, axis=0), labels=labels, sample_ids=ids
        ),
        decisions={"recorded": decisions},
    )


def test_in_the_limit_samples_come_as_fast_as_the_busiest_of_cores_with_a_layer_each():
    trace = trace_of(lambda: cases.perceptron((12, 9, 8, 4)), samples=1)
    settings = ("cores=3", "operating.stream=true")
    ends = [int(tallied(alike(trace, n), *settings)["stream"].on_cycles.sum()) for n in (10, 18)]
    static = tallied(alike(trace, 1), *settings)["static"]
    busiest = max(int(cycles.sum()) for cycles in static.busy_cycles.values())
    assert (ends[1] - ends[0]) / 8 == busiest


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_a_core_has_room_for_what_it_reads_and_what_it_gives(cores):
    """Never more than two maps a core, that which is read and that which is written or waits for the next core."""
    samples, trace = 5, trace_of(lambda: cases.perceptron((12, 9, 8, 4)), samples=5)
    workload = machine(f"cores={cores}").lower(trace)
    schedule = joined([batch.runs[RunName.STATIC].schedules for batch in workload.batches], workload.stream)
    timeline = run_engine(schedule, "compiled")
    layers = ["fc1", "fc2", "fc3"]
    core_of = {name: min(i * cores // 3, i) for i, name in enumerate(layers)}
    alive = {core: [] for core in range(cores)}  # from when to when a map is in a memory of a core
    for i, name in enumerate(layers):
        sorts, stored = (timeline.start[f"{name}.sort"], timeline.free[f"{name}.sort"]), timeline.done[name]
        starts, ends = (each.reshape(samples, -1) for each in sorts)
        begins = starts[:, 0]  # of the input; of a map from another core it has it from then on
        if i and core_of[layers[i - 1]] == core_of[name]:
            begins = timeline.done[layers[i - 1]].reshape(samples, -1)[:, 0]
        alive[core_of[name]] += list(zip(begins, ends[:, -1], strict=True))
        if i < 2 and core_of[layers[i + 1]] != core_of[name]:  # it waits here until the next core takes it
            taken = timeline.start[f"{layers[i + 1]}.sort"].reshape(samples, -1)[:, 0]
            alive[core_of[name]] += list(zip(stored.reshape(samples, -1)[:, 0], taken, strict=True))
    for core, maps in alive.items():
        for time in sorted({int(begin) for begin, _ in maps}):
            assert sum(begin <= time < end for begin, end in maps) <= 2, (core, time)
