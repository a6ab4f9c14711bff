"""ODIN's file beside what its documentation says: cycles, accesses and sizes of memories."""

from __future__ import annotations

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
