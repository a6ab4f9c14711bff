"""Two layers of 2 -> 2 on an array of 2 x 2: every count, cycle and picojoule worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.imc import cases

from hwsim.accelerators.digital import Machine
from hwsim.components.pricing.price import Price, Priced
from hwsim.engine import simpy_engine
from hwsim.report.assemble import run_figures
from hwsim.report.price import price
from hwsim.run.play import play
from hwsim.traces.network.layers import Input, Linear, Network, Neuron, StoredWeights
from hwsim.traces.trace import Inputs, PackedSpikes

# Weights of 2 bits: a column's two weights take 4 bits, the tile's four 8.  The one-bit input is (1, 0) at both
# timesteps; neurons of fc1 spike (1, 1) at t = 0 and not at all at t = 1.  Membranes stay in the PEs, weights are read
# once; 400 MHz, words of 64 bits from one bank, one access a cycle; a burst of 64 bytes takes 5 ns, 2 cycles, and is
# there 50 ns, 20 cycles, later.
MACHINE = {
    "array__rows": 2,
    "array__columns": 2,
    "detector__bits": 2,
    "scratchpad__banks": 1,
    "global_buffer__banks": 1,
}

# [t = 0, t = 1]
COUNTS = {
    # fc1: a burst brings the weights, one word into the buffer and out of it; with the input's word 2 reads, then 1.
    ("fc1", "dram", "read"): [1, 0],
    ("fc1", "dram", "write"): [0, 0],
    ("fc1", "global_buffer", "read"): [2, 1],
    ("fc1", "global_buffer", "write"): [2, 1],  # the weights' word, and a word of spikes at each timestep
    ("fc1", "scratchpad", "write"): [2, 0],  # a byte for each column
    ("fc1", "scratchpad", "read"): [2, 2],
    ("fc1", "mac", "mac"): [4, 4],
    ("fc1", "operations", "MAC"): [4, 4],
    ("fc1", "neuron", "update"): [2, 2],
    ("fc1", "neuron", "hold"): [2, 2],
    ("fc1", "operations", "membrane update"): [2, 2],
    ("fc1", "pooling", "add"): [0, 0],
    # fc2: two spikes fetch two weights each at t = 0; at t = 1 there is only the scan.
    ("fc2", "dram", "read"): [1, 0],
    ("fc2", "dram", "write"): [0, 0],
    ("fc2", "global_buffer", "read"): [2, 1],
    ("fc2", "global_buffer", "write"): [2, 1],  # the weights' word, and a word of two logits of 24 bits
    ("fc2", "scratchpad", "write"): [2, 0],
    ("fc2", "scratchpad", "read"): [4, 0],
    ("fc2", "detector", "scan"): [1, 1],
    ("fc2", "ac", "add"): [4, 0],
    ("fc2", "operations", "AC"): [4, 0],
}

# Loading fc1's weights: 2 + 20 cycles; then 1 + 2 words; the array 2 a timestep and 2 until sums are visible; neurons 1
# and 2; a word of spikes 1.  The weights of fc2 are asked for when fc1's last tile moves on from the buffer, at 25.
# fc2's array: scan 1 + 2 spikes, then scan 1.
START = {
    "fc1.dram": [0, 2],
    "fc1.buffer": [22, 25],
    "fc1": [25, 27],
    "fc1.neuron": [29, 31],
    "fc1.store": [32, 34],
    "fc1.spill": [33, 35],
    "fc2.dram": [25, 27],
    "fc2.buffer": [47, 50],
    "fc2": [50, 53],
    "fc2.store": [55, 56],
    "fc2.spill": [56, 57],
}
DONE = {
    "fc1.dram": [22, 2],
    "fc1.buffer": [25, 26],
    "fc1": [29, 31],
    "fc1.neuron": [32, 34],
    "fc1.store": [33, 35],
    "fc1.spill": [33, 35],
    "fc2.dram": [47, 27],
    "fc2.buffer": [50, 51],
    "fc2": [55, 56],
    "fc2.store": [56, 57],
    "fc2.spill": [56, 57],
}

PRICES_PJ = {
    "mac": {"mac": 2.0},
    "ac": {"add": 0.5},
    "detector": {"scan": 0.25},
    "neuron": {"update": 0.5, "hold": 0.25},
    "pooling": {"add": 1.0},
    "scratchpad": {"read": 0.5, "write": 1.0},
    "global_buffer": {"read": 4.0, "write": 8.0},
    "dram": {"read": 64.0, "write": 64.0},
    "clock": {"cycle": 0.5, "active_cycle": 1.0},
}
LEAKAGE_UW = {"dram": 100.0}
FLIP_FLOPS = {"mac": 1, "ac": 1, "neuron": 1}
#   dram 2 x 64; buffer reads 6 x 4, writes 6 x 8; scratchpads reads 8 x 0.5, writes 4 x 1; MAC 8 x 2; AC 4 x 0.5;
#   scans 2 x 0.25; updates 4 x 0.5, holds 4 x 0.25
DYNAMIC_PJ = 128 + 24 + 48 + 4 + 4 + 16 + 2 + 0.5 + 2 + 1  # 229.5
# Nine flip-flops over 57 cycles; four of multipliers run for 2 + 2, four of adders for 3 + 1, that of neurons for 2.
CLOCK_PJ = 9 * 57 * 0.5 + (4 * (2 + 2) + 4 * (3 + 1) + 2) * 1.0
LEAKAGE_PJ = 100.0 * 142.5e-3  # uW times 57 cycles of 2.5 ns, in pJ
ENERGY_PJ = 229.5 + 290.5 + 14.25


def example():
    def layer(name, source, values, neuron):
        weights = StoredWeights(np.array(values, np.int8)[None, None], 2, np.ones(2, np.float32))
        return Linear(name, (source,), (1, 1, 2), weights, None, neuron)

    neuron = Neuron(1, 0, np.ones(2, np.int64), "soft", 0, 8)
    first, second = layer("fc1", "input", [[1, -1], [0, -2]], neuron), layer("fc2", "fc1", [[-2, 1], [1, 0]], None)
    trace = cases.random_trace(Network((Input("input", (), (1, 1, 2), 1), first, second)), timesteps=2, samples=1)
    spikes = PackedSpikes(np.array([0b11, 0b00], np.uint64).reshape(1, 2, 1, 1), (1, 1, 2))
    inputs = Inputs(np.array([[[[1, 0]]]], np.uint8), np.zeros(1, np.int64), np.zeros(1, np.int64))
    return replace(trace, spikes={"fc1": spikes}, inputs=inputs)


def parts():
    def exact(value):
        return Price.exact(value, "by hand")

    return {
        name: Priced(
            {action: exact(pj) for action, pj in actions.items()},
            exact(0),
            exact(LEAKAGE_UW.get(name, 0)),
            flip_flops=FLIP_FLOPS.get(name, 0),
        )
        for name, actions in PRICES_PJ.items()
    }


def lowered():
    return Machine(digital.variant(**MACHINE)).lower(example())


def test_every_count():
    assert {key: n.tolist() for key, n in cases.posted(lowered()).items()} == {key: [n] for key, n in COUNTS.items()}


def test_every_cycle():
    (batch,) = lowered().batches
    timeline = simpy_engine.run(batch.schedules["static"][0])
    assert {stage: times.tolist() for stage, times in timeline.start.items()} == START
    assert {stage: times.tolist() for stage, times in timeline.done.items()} == DONE


def test_every_picojoule():
    workload = lowered()
    machine = Machine(digital.variant(**MACHINE))
    (run,) = price(play(workload, "simpy"), workload, parts(), machine.clock_mhz)
    figures = run_figures(run)
    assert figures.latency_ns.value == pytest.approx(142.5, rel=1e-15)
    assert figures.dynamic_pj.value == pytest.approx(DYNAMIC_PJ, rel=1e-15)
    assert figures.clock_pj.value == pytest.approx(CLOCK_PJ, rel=1e-15)
    assert figures.leakage_pj.value == pytest.approx(LEAKAGE_PJ, rel=1e-15)
    assert figures.energy_pj.value == pytest.approx(ENERGY_PJ, rel=1e-15)
    assert figures.operations == {"MAC": 8, "AC": 4, "membrane update": 4}


def test_the_machine():
    hardware = lowered().hardware
    assert dict(hardware.instances) == {
        "mac": 4,
        "ac": 4,
        "detector": 2,  # one a row
        "neuron": 1,
        "pooling": 16,
        "scratchpad": 2,  # one a column
        "global_buffer": 1,
        "dram": 1,
        "clock": 1,
    }
    assert hardware.storage["scratchpad"].used_bits == 2 * 4  # there is no second tile to hold
    # At the fullest, while fc2 runs: spikes and logits of both timesteps, the weights of one tile.  The input is gone.
    assert hardware.storage["global_buffer"].used_bits == 2 * 2 + 2 * 48 + 8
    assert hardware.storage["dram"].used_bits == 16
