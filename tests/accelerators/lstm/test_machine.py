"""The spiking LSTM machine as a user meets it: an example by hand, prices, footprints, baselines and refusals."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from accelerators.imc.cases import binary, random_trace
from accelerators.lstm.reference import design, machine_of, tally
from click.testing import CliRunner
from traces.sequence.networks import MIXED, network_of, trace_of, with_random_spikes

from hwsim import api
from hwsim.cli import main
from hwsim.components.elementwise import Elementwise
from hwsim.components.registers import Registers
from hwsim.errors import ArchitectureError, UsageError
from hwsim.traces import write_trace
from hwsim.traces.sequence.trace import SequenceSpikes


def example():
    """2 units, 2 features, 2 elements, 2 timesteps; hidden spikes: 1 and 2 at the first element, then 0 and 1."""
    network = network_of((2,), elements=2, features=2, classes=2)
    trace = with_random_spikes(trace_of(network, timesteps=2, samples=1), 0.0)
    words = np.zeros((1, 2, 2, 2, 1), np.uint64)
    words[0, 0, :, 0, 0] = 0b01, 0b11
    words[0, 1, :, 0, 0] = 0b00, 0b10
    return replace(trace, spikes=dict(trace.spikes) | {"lstm1/hidden": SequenceSpikes(words, 2)})


BY_HAND = (
    "clock.frequency_mhz=100",
    "mac.lanes=4",
    "ac.lanes=1",
    "weights.port_bits=8",
    "input_weights.port_bits=16",
    "readout_weights.port_bits=8",
    "readout.lanes=1",
    "detector.bits=2",
    "neuron.lanes=2",
    "elementwise.lanes=3",
    "cells.latency_cycles=1",
)
"""Two 4-bit weights fill a word of `weights`, a memory gives one a cycle."""


def test_the_example_by_hand():
    """A step: a look 1, then 2 cycles a spike at each gate; MACs 4 x 2 x 2 / 4 = 4, but 8 rows take 8 cycles.

    Then 8 membranes on 2 lanes 4, 6 products on 3 lanes 2, 2 cells on 2 lanes 1, and 1 until it can be read.
    The first timestep multiplies: 8 + 7 + 1 = 16 cycles. The second only looks and adds the spikes of the element
    before, but five words of membranes and four of products come from the first cell, so its neurons take 9 cycles:
    1 + 9 + 3 + 1 = 14 at the first element, 1 + 2 x 2 + 13 = 18 at the second.
    """
    trace, loaded = example(), api.load_architecture("lstm", BY_HAND)
    workload = machine_of(loaded).sized_for(trace).lower(trace)
    played = tally(workload)
    ends = {(0, 0): 16, (0, 1): 16 + 14, (1, 0): 16 + 16, (1, 1): 32 + 18}
    # The readout looks once and adds 2 cycles a spike: none at (1, 0), one at (1, 1).
    assert played.step_end_cycles.tolist() == [[ends[1, 0] + 1, ends[1, 1] + 1 + 2]]
    counts = {tuple(key): values.tolist()[0] for key, values in played.counts.items()}
    wanted = {
        ("lstm1", "detector", "scan"): [2, 2],
        ("lstm1", "mac", "mac"): [32, 0],
        ("lstm1", "input_weights", "read"): [16, 0],
        ("lstm1", "ac", "add"): [8, 16],  # 1 and 2 spikes of the first element, 4 gates of 2 units
        ("lstm1", "weights", "read"): [4, 8],
        ("lstm1", "neuron", "update"): [20, 20],
        ("lstm1", "neuron", "hold"): [20, 20],
        ("lstm1", "elementwise", "and"): [8, 8],
        ("lstm1", "elementwise", "add"): [4, 4],
        ("lstm1", "elementwise", "mac"): [0, 0],
        ("lstm1", "elementwise", "clip"): [0, 0],
        ("lstm1", "state", "read"): [6, 6],  # 2 states and a word of spikes, twice
        ("lstm1", "state", "write"): [6, 6],
        ("lstm1", "queue", "write"): [2 * 4, 2 * (5 + 4)],  # products kept; membranes and products moved on
        ("lstm1", "queue", "read"): [0, 2 * (5 + 4)],
        ("lstm1", "operations", "MAC"): [32, 0],
        ("lstm1", "operations", "AC"): [12, 20],
        ("lstm1", "operations", "AND"): [8, 8],
        ("lstm1", "operations", "membrane update"): [20, 20],
        ("readout", "readout", "add"): [0, 2],
        ("readout", "readout_weights", "read"): [0, 1],
        ("readout", "detector", "scan"): [1, 1],
        ("readout", "state", "read"): [1, 1],
        ("readout", "operations", "AC"): [0, 2],
    }
    assert counts == wanted
    run = api.simulate(loaded, trace).runs[0]
    parts = api.components(loaded, trace)
    dynamic = sum(
        sum(values) * parts[component].actions[action].value
        for (_, component, action), values in wanted.items()
        if component != "operations"
    )
    assert run.dynamic_pj.value == pytest.approx(dynamic)


def test_memory_footprint_and_parts():
    """Hidden 6 on 3 features, 4-bit weights: rows of 24 bits; 3 cells of four gates; five of the six kinds fire."""
    trace = trace_of(network_of((6,), classes=3), timesteps=3)
    report = api.simulate(design(), trace)
    used = {row.storage: row.used_bits for row in report.storage}
    assert used["weights"] == 3 * 4 * 6 * 2 * 16  # two words of 16 bits a row
    assert used["input_weights"] == 4 * 3 * 32  # one copy, as the product is kept
    assert used["readout_weights"] == 6 * 2 * 8
    assert used["state"] == 3 * (6 + 1) * 24  # T states, and a word of two planes of 6 bits
    assert used["queue"] == (2 * 2 * (5 + 4) + 3 * 4) * 1024  # a word for 6 membranes or products
    there = {row.component: row.instances for row in report.area}
    assert (there["mac"], there["ac"], there["neuron"], there["detector"]) == (7, 2 * 4 * 3, 3, 4)
    assert there["queue"] == 2 * (2 + 1)  # banks; between three cells, and for the products of the last one
    every = {row.component: row.instances for row in api.simulate(design("input_product=every_step"), trace).area}
    assert (every["mac"], every["input_weights"], every["weights"]) == (21, 3, 12)
    shared = api.simulate(design("weight_copies=shared", "gate_ports=shared"), trace)
    assert {row.component: row.instances for row in shared.area}["weights"] == 1
    assert {row.storage: row.used_bits for row in shared.storage}["weights"] == 4 * 6 * 2 * 16
    serial = {row.component: row.instances for row in api.simulate(design("schedule=serial"), trace).area}
    assert (serial["ac"], serial["neuron"], serial["weights"]) == (2 * 4, 1, 4)


def test_cells_without_work_are_there_and_cost_area_leakage_and_clock():
    """Four timesteps on three cells take two; the registers of the third are clocked, and never run."""
    trace = trace_of(network_of((6,)), timesteps=4)
    two, three = (machine_of(design(f"cells.count={n}")).lower(trace).hardware for n in (2, 3))
    assert three.clocked.keys() == two.clocked.keys()
    assert [one.clocked["lstm1.cell1.gates"]["neuron"] for one in (two, three)] == [Fraction(1, 2), Fraction(1, 3)]
    assert three.instances["ac"] * 2 == two.instances["ac"] * 3
    busy = [tally(machine_of(design(f"cells.count={n}")).lower(trace)).makespan_cycles.tolist() for n in (2, 3)]
    assert busy[0] == busy[1]


def test_a_state_for_each_timestep_or_one_for_all():
    for flag, copies in ((True, 3), (False, 1)):
        trace = trace_of(network_of((6,), state_per_step=flag), timesteps=3)
        used = {row.storage: row.used_bits for row in api.simulate(design(), trace).storage}
        assert used["state"] == copies * 7 * 24


@pytest.mark.parametrize("kind", ["ann", "qann"])
def test_every_count_of_a_baseline_has_a_price(kind):
    for over in ("last", "all"):
        trace = with_random_spikes(trace_of(network_of((6, 5), over=over), timesteps=3), 0.3)
        report = api.simulate(design(), trace, baselines=(kind,))
        assert report.baselines[0].energy_pj.value > 0
        assert report.baselines[0].operations["MAC"] > 0


def test_steps_of_the_baseline_follow_each_other():
    """Layers of 6 units: products, then 24 limits, 18 products and 6 limits on 4 lanes; two cycles until read."""
    trace = trace_of(network_of((6,), elements=5), timesteps=3)
    played = tally(machine_of(design()).baseline(trace, "ann"))
    rows = max(-(-4 * 6 * (3 + 6) // 7), 6 * 2, 4 * 3)
    step = rows + 6 + 5 + 2 + 2
    assert played.latency_cycles.tolist() == [5 * step + max(-(-6 * 3 // 7), 6 * 2)] * 4
    shared = tally(machine_of(design("gate_ports=shared")).baseline(trace, "ann"))
    assert shared.latency_cycles.tolist() == [5 * (step - rows + 4 * 6 * 2) + 12] * 4


def test_more_timesteps_of_a_wavefront_are_reported_one_by_one():
    trace = with_random_spikes(trace_of(network_of((6,)), timesteps=3), 0.3)
    report = api.simulate(design(), trace)
    for energies, times in zip(report.runs[0].samples.energy_pj, report.runs[0].samples.latency_ns, strict=True):
        assert sorted(energies) == energies
        assert sorted(times) == times
    short = api.simulate(design(), trace, timesteps=2)
    assert short.options["timesteps"] == 2
    assert [each[1] for each in report.runs[0].samples.latency_ns] == [
        each[1] for each in short.runs[0].samples.latency_ns
    ]


REFUSED = {
    "mac.input_bits=5": "mac.input_bits: lstm1 needs 6, the machine has 5; mac.input_bits=6 is enough",
    "mac.weight_bits=3": "mac.weight_bits: lstm1 needs 4",
    "ac.bits=4": "ac.bits: lstm1 needs",
    "readout.bits=3": "readout.bits: readout needs",
    "neuron.membrane_bits=11": "neuron.membrane_bits: lstm1 needs 12",
    "neuron.leak_bits=3": "neuron.leak_bits: lstm1 needs 4",
    "state.bits=8": "state.bits: lstm1 needs 9",
    "elementwise.state_bits=8": "elementwise.state_bits: lstm1 needs 9",
    "elementwise.value_bits=4": "elementwise.value_bits: lstm1 needs 5",
    "queue.capacity_kib=1": "queue.capacity_kib: the network needs 2.25 KiB in one memory, it has 2 KiB",
    "weights.capacity_kib=0.01": "weights.capacity_kib: the network needs 0.02344 KiB in one memory, it has",
    "input_weights.capacity_kib=0.01": "input_weights.capacity_kib: the network needs",
    "readout_weights.capacity_kib=0.001": "readout_weights.capacity_kib: the network needs",
}


@pytest.mark.parametrize("override", REFUSED)
def test_what_does_not_fit_is_refused_with_its_key(override):
    trace = trace_of(network_of((6,), activations=MIXED), timesteps=2)
    with pytest.raises(ArchitectureError) as caught:
        api.simulate(design(override), trace)
    message = str(caught.value)
    assert message.startswith(f"--set {override}: {REFUSED[override]}")
    assert message.isprintable()


def test_given_prices_have_no_quantised_baseline_of_another_width():
    at = "{node_nm: 45, vdd_v: 0.9, input_bits: 8, weight_bits: 8, sum_bits: 32}"
    loaded = design("mac.law=given", f"mac.given={{at: {at}, mac_pj: 3.2, area_um2: 0, leakage_uw: 0}}")
    trace = trace_of(network_of((6,)), timesteps=2)
    assert api.simulate(loaded, trace, baselines=("ann",)).baselines
    with pytest.raises(ArchitectureError, match="2-bit hidden values: choose a law"):
        api.simulate(loaded, trace, baselines=("qann",))


def test_a_trace_of_another_coding_is_refused_by_both():
    with pytest.raises(UsageError, match="plays traces of coding sequence"):
        api.simulate(design(), random_trace(binary()))
    with pytest.raises(UsageError, match="is of coding sequence, which machine lstm plays"):
        api.simulate(api.load_architecture("imc"), trace_of(network_of()))


def test_the_command_line(tmp_path):
    write_trace(tmp_path / "t.npz", trace_of(network_of((6,), membrane_carry=True)))
    shown = CliRunner().invoke(main, ["simulate", "lstm", str(tmp_path / "t.npz"), "--baseline", "ann", "--full"])
    assert shown.exit_code == 0, shown.output
    assert "membranes run on" in " ".join(shown.output.split())


def test_registers_and_lanes_follow_their_widths():
    technology = api.load_architecture("lstm").spec.technology
    narrow, wide = (Registers(source="t", bits=bits, law="logic").priced(technology) for bits in (8, 16))
    for action in ("read", "write"):
        assert wide.actions[action].value == pytest.approx(2 * narrow.actions[action].value)
    assert wide.area_um2.value == pytest.approx(2 * narrow.area_um2.value)
    lane = Elementwise(source="t", lanes=4, state_bits=8, value_bits=8, law="logic").priced(technology)
    # Horowitz at 45 nm 0.9 V: multiply of 8 b 0.2 pJ, add of 8 b 0.03 pJ.
    assert lane.actions["mac"].value == pytest.approx(0.23)
    assert 0.03 < lane.actions["add"].value < lane.actions["mac"].value
    assert lane.actions["and"].value < lane.actions["add"].value
