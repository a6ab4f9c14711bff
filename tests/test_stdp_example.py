"""Two pixels, two neurons, three steps: counts and cycles of the stdp machine as worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from stdp_cases import NARROW, lowered, machine, network, tallied, totals

from hwsim.engine import run

# input, output, inhibiting; depressed pixels, neurons; potentiated neurons, pixels; conflict
STEPS = [
    [1, 0, 0, 0, 0, 0, 0, 0],  # pixel 0
    [2, 1, 1, 0, 0, 1, 2, 0],  # both; neuron 0 fires, inhibits at once, and learns both its weights
    [1, 0, 0, 1, 1, 0, 0, 1],  # pixel 1, whose weight was just learned; it is depressed
]
SET = (*NARROW, "layout=pre_major", "stdp=pairwise")


@pytest.fixture(scope="module")
def example():
    return lowered(machine(*SET), network(2, 2, present=3), train=[STEPS], infer=[[row[:3] + [0] * 5 for row in STEPS]])


@pytest.mark.parametrize("engine", ["simpy", "compiled"])
def test_cycles(example, engine):
    """Weights are one word each, so a row of two takes two cycles, and changing it four through the one port.

    normalise 0-18: sums 4, factors 2 x 2, scaling 4 reads and 4 writes, thresholds 2
    encode    0-2, 2-4, 20-22: the third needs the queue that is read until 20
    integrate 18-20, 20-24, and 38-40, as pixel 1 was learned until 38
    neurons   20-24, 24-30 with the inhibition of two neurons, 40-44
    traces    2-11 (4 reads, 4 writes, 1 set), 24-34 (2 set), 38-48 (the pixel's, and the neuron's of the step before)
    depress   at 20 and 34 nothing, 48-52;  potentiate at 24 nothing, 34-38, at 52 nothing;  readout 52-53
    """
    timelines = {}
    for batch in example.batches:
        ((phase, (schedule,)),) = batch.schedules.items()
        timelines[phase] = run(schedule, engine)
    train = timelines["train"]
    spans = {
        "normalise": [(0, 18)],
        "encode": [(0, 2), (2, 4), (20, 22)],
        "integrate": [(18, 20), (20, 24), (38, 40)],
        "neurons": [(20, 24), (24, 30), (40, 44)],
        "traces": [(2, 11), (24, 34), (38, 48)],
        "depress": [(20, 20), (34, 34), (48, 52)],
        "potentiate": [(24, 24), (34, 38), (52, 52)],
        "readout": [(52, 53)],
    }
    for stage, expected in spans.items():
        assert list(zip(train.start[stage].tolist(), train.free[stage].tolist(), strict=True)) == expected, stage
    assert train.makespan_cycles == 53
    # Without learning: encode 0-2, 2-4, 4-6; integrate 2-4, 4-8, 8-10; neurons 4-8, 8-14, 14-18; 2 neurons, 4 classes.
    infer = timelines["infer"]
    assert infer.free["neurons"].tolist() == [8, 14, 18]
    assert infer.makespan_cycles == 18 + 2 + 4


def test_counts(example):
    train, infer = (totals(tallied(example)[phase]) for phase in ("train", "infer"))
    expected = {
        ("encoder", "draw"): 6,
        ("input_memory", "read"): 6,
        ("event_queue", "write"): 4,
        ("event_queue", "read"): 4,
        ("weight_memory", "read"): 2 * 4 + 4 * 2 + 2 + 2,  # normalisation, spikes, depression, potentiation
        ("weight_memory", "write"): 4 + 2 + 2,
        ("inhibition_memory", "read"): 2,
        ("neuron_memory", "read"): 6,
        ("neuron_memory", "write"): 6,
        ("trace_memory", "read"): 3 * 4 + 2 + 2,
        ("trace_memory", "write"): 3 * 4 + 4 + 1,
        ("adder", "add"): 8,
        ("neuron", "update"): 6,
        ("neuron", "inhibit"): 2,
        ("engine", "sum"): 4,
        ("engine", "divide"): 2,
        ("engine", "scale"): 4,
        ("engine", "decay"): 2 + 3 * 4,
        ("engine", "update"): 2 + 1,
        ("rounder", "draw"): 0,
        ("readout", "add"): 0,
        ("operations", "AC"): 8 + 2,
        ("operations", "MAC"): 4 + 3,
        ("operations", "membrane update"): 6,
        ("operations", "weight update"): 0,
    }
    assert {key: int(counts[0]) for key, counts in train.items()} == expected
    assert infer["readout", "add"] == 1 + 2 + 4
    assert infer["weight_memory", "read"] == 8
    learning = ("sum", "divide", "scale", "decay", "update")
    assert not np.any([infer["engine", action] for action in learning])
    assert infer["weight_memory", "write"] == infer["trace_memory", "read"] == infer["trace_memory", "write"] == 0
