"""ODIN's file beside what its documentation says: cycles, accesses, silicon, and the table of the manual."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from accelerators.stdp.cases import lowered, tallied, totals, trace_of
from traces.plastic import cases as plastic_cases

from hwsim import api
from hwsim.accelerators.stdp import Machine
from hwsim.advice import advise

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "arch" / "published" / "odin.yaml"
MANUAL = ROOT / "docs" / "machines" / "stdp.md"
PUBLISHED_PJ = 12.7

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="not a source checkout")


def design(*overrides):
    return api.load_architecture(str(FILE), overrides)


def network():
    """256 pixels on 256 neurons in potentials that 8 bits hold."""
    neurons = plastic_cases.neurons(count=256, v_threshold_mv=12.0, v_lowest_mv=-8.0)
    return plastic_cases.network(None, 256, neuron=neurons)


def trace():
    """Two samples to learn from and two to decide on, of 256 pixels with three of ten on."""
    net, random, parts = network(), np.random.default_rng(3), {}
    for name in ("train", "test"):
        values = random.integers(1, 256, (2, 256)) * (random.random((2, 256)) < 0.3)
        parts[name] = plastic_cases.part_of(net, name, values.astype(np.uint8))
    return plastic_cases.unlearned(net, parts)


@cache
def report(state="memory"):
    return api.simulate(design(f"neuron_state={state}"), trace())


def parts_pj(run):
    """Energy a synaptic operation by the rows of the manual; a sample has so many as it has accumulates."""
    found = Counter()
    for row in run.rows:
        if row.action == "leakage":
            part = "leakage"
        elif row.component == "clock":
            part = "clock"
        elif row.component in ("neuron_memory", "weight_memory"):
            part = f"`{row.component}`, {row.action}"
        elif row.component in ("encoder", "input_memory"):
            part = "spikes drawn, which ODIN gets from outside"
        else:
            part = "everything else"
        found[part] += row.energy_pj / run.operations["AC"]
    return found


def rows_of_the_manual():
    """Lines of the table as they must be: parts, then sums and what was published."""
    runs = {(state, run.name): run for state in ("memory", "registers") for run in report(state).runs}
    order = [("memory", "train"), ("memory", "infer"), ("registers", "train"), ("registers", "infer")]
    parts = [parts_pj(runs[key]) for key in order]
    rows = {part: [each[part] for each in parts] for part in sorted(parts[0], key=lambda part: -parts[0][part])}
    rows["all"] = [runs[key].energy_pj.value / runs[key].operations["AC"] for key in order]
    assert rows["all"] == pytest.approx([sum(each.values()) for each in parts])
    rows["over the published 12.7"] = [value / PUBLISHED_PJ for value in rows["all"]]
    shown = {part: [f"{value:.2f}" for value in values] for part, values in rows.items()}
    bounds = [(runs[key].energy_pj, runs[key].operations["AC"]) for key in order]
    shown["all, lowest to highest prices"] = [f"{pj.low / sops:.2f} to {pj.high / sops:.2f}" for pj, sops in bounds]
    return [f"| {part} | " + " | ".join(values) + " |" for part, values in shown.items()]


def test_the_manual_has_the_energy_of_a_synaptic_operation_with_its_parts():
    manual = MANUAL.read_text(encoding="utf-8")
    rows = rows_of_the_manual()
    assert "\n".join(rows) in manual, "the table of docs/machines/stdp.md is to be:\n" + "\n".join(rows)


def test_the_manual_has_its_area():
    area = report().area_mm2
    text = f"Its area comes to {area.value:.3f} mm2 ({area.low:.3f} to {area.high:.3f}) beside 0.086"
    assert text in " ".join(MANUAL.read_text(encoding="utf-8").split()), f"the area of docs/machines/stdp.md: {text}"


def test_a_spike_takes_512_cycles_and_a_time_reference_as_many():
    """README 2.2.1: 512 cycles to process a spike, or to let all neurons leak; pushing a spike is hidden here."""
    net = network()
    chip = Machine(design().spec).sized_for(trace_of(net))
    tally = tallied(lowered(chip, net, infer=[[[3] + [0] * 7] * 40 + [[0] * 8] * 8]))["infer"]
    assert tally.busy_cycles["integrate"].sum() == 40 * 3 * 512
    assert tally.busy_cycles["neurons"].sum() == 48 * 512


def test_a_synaptic_operation_reads_and_writes_a_neuron_and_eight_share_a_word_of_weights():
    """RTL controller.v, state POP_NEUR."""
    net = network()
    chip = Machine(design().spec).sized_for(trace_of(net))
    found = totals(tallied(lowered(chip, net, infer=[[[5] + [0] * 7] * 40 + [[0] * 8] * 8]))["infer"])
    operations, sweeps = int(found["operations", "AC"][0]), 48 * 256
    assert operations == 40 * 5 * 256
    for action in ("read", "write"):
        assert found["neuron_memory", action].tolist() == [operations + sweeps]
    assert found["weight_memory", "read"].tolist() == [operations // 8]


def test_advice_knows_what_the_state_in_memory_costs():
    (offer,) = [each for each in advise(design(), trace(), most=10) if "neuron_state=registers" in each.settings]
    assert offer.energy < 0.5


def test_its_memories_hold_256_neurons_to_the_last_word():
    chip = Machine(design().spec)
    needed = chip.needed_bits(trace_of(network()))
    assert needed["neuron_memory"] == 256 * 128 == chip.spec.neuron_memory.capacity_bits
    assert needed["weight_memory"] == 8192 * 32 == chip.spec.weight_memory.capacity_bits
