"""Passes of the ttfs machine against every register of the array in every cycle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from accelerators.ttfs.registers import Array, Banks, Neurons, last_tick
from traces.ttfs import cases

from hwsim import api
from hwsim.accelerators.ttfs import Machine
from hwsim.accelerators.ttfs.counting import play_layer
from hwsim.accelerators.ttfs.plan import plan_network
from hwsim.accelerators.ttfs.timing import LayerWork, pass_cycles
from hwsim.engine import run as run_engine
from hwsim.traces.network.layers import Network


def machine(*overrides):
    base = (
        "weights.banks=2",
        "weights.port_bits=16",
        "queue.capacity_kib=32",
        "spikes.capacity_kib=16",
        "array.drain_cycles=3",
        "pe.potential_bits=26",
        "decision.bits=26",
    )
    return api.load_architecture("ttfs", (*base, *overrides)).spec


def registers(spec, network, name, low, width):
    layer, neurons = network.network[name], network.neurons[name]
    weights = layer.weights.values.reshape(-1, layer.shape[2])[:, low : low + width].tolist()
    told = Neurons(
        weights=weights,
        bias=[0] * width if layer.bias is None else layer.bias[low : low + width].tolist(),
        threshold=neurons.v_threshold,
        ramp=neurons.ramp,
        start=neurons.start,
        window=network.window,
        windowed=network.psp == "windowed",
        slope_bits=spec.pe.slope_bits,
        potential_bits=spec.pe.potential_bits,
    )
    banks = Banks(spec.weights.banks, spec.weights.port_bits, layer.weights.bits)
    return Array(spec.array.rows, spec.array.columns, spec.array.tick_cycles, banks, told)


def check_pass(spec, network, planned, played, sample, tile, spikes, issued_before):
    """One pass: times, potentials and counts of every element, and cycles to the last one."""
    low, width = tile * spec.array.lanes, planned.widths[tile]
    array = registers(spec, network, planned.name, low, width)
    elements, tick_ends, cycles = array.run(spikes)
    early, output = spec.early_stop, planned.name == network.network.output.name
    stop, silent = last_tick(elements, spikes, array.neurons, early.hidden, early.output if output else None)
    counts = {field: int(getattr(played.counts, field)[sample, 0, tile]) for field in played.counts.__slots__}
    times = played.times[sample, 0, 0, low : low + width]
    for index, element in enumerate(elements):
        fired = element.history[stop][2]
        assert times[index] == fired
        if fired >= 0:
            r, c = divmod(index, spec.array.columns)
            assert element.fired_in_cycle == tick_ends[fired + array.neurons.start] - spec.array.tick_cycles + r + c
        if index not in silent:
            assert played.potentials[sample, 0, 0, low + index] == element.history[stop][1]
    played_spikes = sum(time <= stop for time, _ in spikes)
    assert (counts["listed"], counts["spikes"], counts["ticks"]) == (len(spikes), played_spikes, stop + 1)
    assert tick_ends[stop] == issued_before
    assert stop < array.neurons.start + network.window - 1 or cycles == issued_before
    gate = early.element == "gate"
    on = [  # ticks in which an element takes part
        min(
            stop,
            e.fired + array.neurons.start if gate and e.fired >= 0 else stop,
            network.window if gate and index in silent else stop,
        )
        + 1
        for index, e in enumerate(elements)
    ]
    assert counts["updates"] == sum(on)
    assert counts["accumulates"] == sum(time < ticks for ticks in on for time, _ in spikes)
    assert counts["fires"] == sum(e.history[stop][2] >= 0 for e in elements)


RULES = {
    "never": ("early_stop.element=run", "early_stop.hidden=never", "early_stop.output=never"),
    "gated": ("early_stop.element=gate", "early_stop.hidden=never", "early_stop.output=never"),
    "slopes": ("early_stop.element=run", "early_stop.hidden=slopes", "early_stop.output=first_spike"),
    "reach": ("early_stop.element=gate", "early_stop.hidden=reach", "early_stop.output=first_spike"),
}
NETWORKS = {
    "barrier": lambda: cases.perceptron((10, 11, 4)),
    "overlap": lambda: cases.perceptron((10, 11, 4), start=3, bits=5),
    "lasting": lambda: cases.perceptron((10, 11, 4), psp="lasting", ramp=0, start=4),
    "no ramp": lambda: cases.perceptron((10, 11, 4), ramp=0, start=2),
    "narrow": lambda: cases.perceptron((10, 11, 4), start=5, slope_bits=31),
}


@pytest.mark.parametrize("rows, columns, tick_cycles", [(1, 1, 1), (2, 3, 1), (3, 2, 2), (4, 4, 1)])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("network", NETWORKS)
def test_a_pass_equals_the_registers_cycle_for_cycle(network, rule, rows, columns, tick_cycles):
    bits = ("pe.slope_bits=9", "pe.potential_bits=13") if network == "narrow" else ()
    sizes = f"array.rows={rows}", f"array.columns={columns}", f"array.tick_cycles={tick_cycles}"
    spec, net = machine(*sizes, *RULES[rule], *bits), NETWORKS[network]()
    trace = cases.random_times(cases.recorded(net, 3), 0.6, seed=rows)
    plan = plan_network(spec, trace)
    hidden, output = plan.layers
    for planned, source in ((hidden, cases.input_times_of(trace)), (output, trace.times["fc1"])):
        played = play_layer(plan, planned, net, source)
        cycles = pass_cycles(plan, LayerWork(planned, played.counts))
        for sample in range(3):
            flat = source[sample].ravel()
            order = np.argsort(flat, kind="stable")
            spikes = [(int(flat[i]), int(i)) for i in order if flat[i] >= 0]
            best = None
            for tile in range(len(planned.widths)):
                if planned is output and best is not None and spec.early_stop.output == "first_spike":
                    break  # what later passes of an output need not do is tested below
                check_pass(spec, net, planned, played, sample, tile, spikes, int(cycles[sample, tile]))
                low = tile * spec.array.lanes
                when = played.times[sample, 0, 0, low : low + planned.widths[tile]]
                best = 1 if (when >= 0).any() else best


def test_the_random_passes_do_stop_early_and_saturate():
    """Else the comparison above would compare nothing."""
    trace = cases.recorded(NETWORKS["barrier"](), 6)
    stopped = {}
    for rule in ("never", "slopes", "reach"):
        plan = plan_network(machine(*RULES[rule]), trace)
        played = [
            play_layer(plan, planned, trace.network, source)
            for planned, source in zip(plan.layers, (cases.input_times_of(trace), trace.times["fc1"]), strict=True)
        ]
        stopped[rule] = [int(one.counts.ticks.sum()) for one in played]
    assert stopped["reach"][0] < stopped["never"][0]
    assert stopped["reach"][1] <= stopped["slopes"][1] < stopped["never"][1]
    lasting = NETWORKS["lasting"]()
    quiet = cases.random_times(cases.recorded(lasting, 4), 0.2)
    ticks = {}
    for rule in ("never", "slopes"):
        plan = plan_network(machine("array.rows=1", "array.columns=2", *RULES[rule]), quiet)
        ticks[rule] = play_layer(plan, plan.layers[0], lasting, cases.input_times_of(quiet)).counts.ticks.sum()
    assert ticks["slopes"] < ticks["never"]
    narrow = NETWORKS["narrow"]()
    plan = plan_network(machine("pe.slope_bits=9", "pe.potential_bits=13"), cases.recorded(narrow, 3))
    assert play_layer(plan, plan.layers[0], narrow, cases.input_times_of(quiet)).counts.saturations.sum() > 0


def test_the_latency_of_a_pass_is_skew_and_drain():
    """One layer of one pass: spikes * issue + ticks * tick cycles, then R + C - 2 + drain."""
    spec = machine("array.rows=3", "array.columns=5", "array.tick_cycles=2", *RULES["never"])
    trace = cases.recorded(cases.perceptron((9, 7)), 4)
    workload = Machine(spec).lower(trace)
    spikes = (cases.input_times_of(trace) >= 0).sum(axis=(1, 2, 3))
    for batch in workload.batches:
        for i, schedule in enumerate(batch.schedules["static"]):
            timeline = run_engine(schedule, "simpy")
            sort = spikes[i] + 1  # one place, then its spikes
            assert timeline.free["fc1.sort"].tolist() == [sort]
            issue = -(-7 * 8 // 32)
            assert timeline.free["fc1"].tolist() == [sort + spikes[i] * issue + 16 * 2]
            assert timeline.done["fc1"].tolist() == [sort + spikes[i] * issue + 16 * 2 + 3 + 5 - 2 + 3]


def test_an_output_of_several_passes_goes_no_further_than_the_first_spike_before():
    """Passes after an output spike at tick t are played up to t: who fires at t too may have a higher potential."""
    net = cases.perceptron((10, 11, 9), window=8, seed=2)
    trace = cases.recorded(net, 30, seed=1)
    full, early = (
        plan_network(machine("array.rows=1", "array.columns=2", *RULES[rule]), trace) for rule in ("never", "slopes")
    )
    whole, short = (play_layer(plan, plan.layers[1], net, trace.times["fc1"]) for plan in (full, early))
    for sample in range(30):
        times = whole.times[sample].ravel()
        best = 8
        for tile in range(5):
            own = times[2 * tile : 2 * tile + 2]
            own = own[own >= 0]
            last = min(best, int(own.min()) if own.size else 8)
            expected = 16 if last == 8 else 8 + last + 1
            assert short.counts.ticks[sample, 0, tile] == expected
            best = last
    assert (short.counts.ticks < whole.counts.ticks).any()


def test_gating_follows_firing():
    """A neuron that fires at once costs one update of its window, one that never fires costs all."""
    network = cases.perceptron((4, 2), window=4)
    layer = replace(
        network.network["fc1"],
        bias=np.array([5000, -5000], np.int32),
        weights=cases.stored(np.random.default_rng(0), (1, 1, 4, 2), 2),
    )
    network = replace(network, network=Network((network.network.input, layer)))
    trace = cases.random_times(cases.recorded(network, 1), 0.0)
    plan = plan_network(machine(*RULES["gated"]), trace)
    counts = play_layer(plan, plan.layers[0], network, np.full((1, 1, 1, 4), -1, np.int16)).counts
    assert counts.updates.tolist() == [[[4 + 1 + 8]]]
    assert counts.fires.tolist() == [[[1]]]
