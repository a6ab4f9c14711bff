"""Three layers on the NAME machine: every count, cycle and picojoule worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwsim import accelerators, api
from hwsim.components import Price, Priced
from hwsim.contract.workload import Workload
from hwsim.engine import simpy_engine
from hwsim.report.price import price
from hwsim.run.play import play
from hwsim.traces import (
    Conv2d,
    Flatten,
    Input,
    Inputs,
    Layer,
    Linear,
    Network,
    Neuron,
    PackedSpikes,
    Provenance,
    StoredWeights,
    Trace,
    Window,
)

DESIGN = Path(__file__).parents[1] / "hwsim_NAME" / "NAME.yaml"

# A picture of 3 x 3, two convolutions of 3 x 3 with a padding of 1, of 1 and 2 channels, and 18 x 2 weights; weights of
# 2 bits, so that those of one input lie in one word.  conv1 spikes in the corner at t = 0 and not at t = 1; conv2 three
# times at t = 0 and once at t = 1.

# [t = 0, t = 1], sums over rows
COUNTS = {
    # 9 weights for 9 outputs, padding too; a row has 3 membranes, of which a word holds 4.
    ("conv1", "mac", "mac"): [81, 81],
    ("conv1", "weights", "read"): [81, 81],
    ("conv1", "neuron", "update"): [9, 9],
    ("conv1", "membranes", "read"): [3, 3],
    ("conv1", "membranes", "write"): [3, 3],
    ("conv1", "operations", "MAC"): [81, 81],
    ("conv1", "operations", "membrane update"): [9, 9],
    # The spike in the corner lies under 2 windows of the first row, 2 of the second and none of the third.
    ("conv2", "ac", "add"): [8, 0],
    ("conv2", "weights", "read"): [4, 0],
    ("conv2", "neuron", "update"): [18, 18],
    ("conv2", "membranes", "read"): [6, 6],
    ("conv2", "membranes", "write"): [6, 6],
    ("conv2", "operations", "AC"): [8, 0],
    ("conv2", "operations", "membrane update"): [18, 18],
    # Each spike reaches 2 outputs; they have no neurons.
    ("fc", "ac", "add"): [6, 2],
    ("fc", "weights", "read"): [3, 1],
    ("fc", "operations", "AC"): [6, 2],
}

# One access of a memory a cycle, which takes longer than 16 lanes do.  A row of conv1 reads 27 words, then reads and
# writes one of membranes: 29 cycles.  Rows of conv2 read 2, 2 and 0, then move 4 words of membranes.
START = {
    "conv1": [0, 29, 58, 106, 135, 164],
    "conv2": [87, 93, 99, 193, 197, 201],
    "fc": [103, 205],
}
END = [106, 206]  # of each timestep

PRICES_PJ = {
    "mac": {"mac": 2.0},
    "ac": {"add": 0.5},
    "neuron": {"update": 1.0},
    "weights": {"read": 4.0},
    "membranes": {"read": 2.0, "write": 3.0},
    "clock": {"cycle": 0.25, "active_cycle": 0.5},
}
DYNAMIC_PJ = 162 * 2.0 + 16 * 0.5 + 54 * 1.0 + 170 * 4.0 + 18 * 2.0 + 18 * 3.0
CLOCK_PJ = 206 * 0.25 + 206 * 0.5  # one flip-flop; some layer is at work all the time


def example() -> Trace:
    def weights(*shape: int) -> StoredWeights:
        return StoredWeights(np.ones(shape, np.int8), 2, np.ones(shape[-1], np.float32))

    neurons = [Neuron(1, 0, np.ones(channels, np.int64), "soft", 0, 8) for channels in (1, 2)]
    layers: tuple[Layer, ...] = (
        Input("input", (), (3, 3, 1), 8),
        Conv2d("conv1", ("input",), (3, 3, 1), Window.square(3, 1, 1), 1, weights(3, 3, 1, 1), None, neurons[0]),
        Conv2d("conv2", ("conv1",), (3, 3, 2), Window.square(3, 1, 1), 1, weights(3, 3, 1, 2), None, neurons[1]),
        Flatten("flat", ("conv2",), (1, 1, 18)),
        Linear("fc", ("flat",), (1, 1, 2), weights(1, 1, 18, 2), None, None),
    )
    corner, several = np.zeros((1, 2, 9, 1), np.uint64), np.zeros((1, 2, 9, 1), np.uint64)
    corner[0, 0, 0] = 0b1
    several[0, 0, [0, 4]] = [[0b11], [0b01]]
    several[0, 1, 8] = 0b10
    spikes = {"conv1": PackedSpikes(corner, (3, 3, 1)), "conv2": PackedSpikes(several, (3, 3, 2))}
    inputs = Inputs(np.full((1, 3, 3, 1), 7, np.uint8), np.zeros(1, np.int64), np.zeros(1, np.int64))
    provenance = Provenance("by hand", "none", "test", "CC0-1.0", "none", "none", 0, True, ())
    return Trace(Network(layers), 2, spikes, inputs, {}, provenance)


def lowered() -> Workload:
    return accelerators.machine("NAME")(api.load_architecture(DESIGN).spec).lower(example())


def test_every_count() -> None:
    (tally,) = play(lowered(), "simpy").values()
    found = {tuple(key): counts[0].tolist() for key, counts in tally.counts.items() if counts.any()}
    assert found == COUNTS


def test_every_cycle() -> None:
    workload = lowered()
    (batch,) = workload.batches
    (schedule,) = batch.schedules[workload.runs[0]]
    assert {stage: times.tolist() for stage, times in simpy_engine.run(schedule).start.items()} == START
    (tally,) = play(workload, "simpy").values()
    assert tally.step_end_cycles.tolist() == [END]


def test_every_picojoule() -> None:
    def exact(value: float) -> Price:
        return Price.exact(value, "by hand")

    parts = {
        part: Priced(
            {action: exact(pj) for action, pj in actions.items()}, exact(0), exact(0), flip_flops=int(part == "neuron")
        )
        for part, actions in PRICES_PJ.items()
    }
    workload = lowered()
    (run,) = price(play(workload, "simpy"), workload, parts, clock_mhz=200)
    assert run.energies("value", clock=False)[0, -1] == pytest.approx(DYNAMIC_PJ, rel=1e-15)
    assert run.energies("value", clock=True)[0, -1] == pytest.approx(CLOCK_PJ, rel=1e-15)
    assert run.latency_ns[0].tolist() == [106 * 5.0, 206 * 5.0]


def test_the_memories() -> None:
    storage = lowered().hardware.storage
    assert storage["weights"].used_bits == (9 + 18 + 36) * 2
    assert storage["membranes"].used_bits == (9 + 18) * 24
