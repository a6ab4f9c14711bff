"""Two pixels, two neurons, three steps: counts and cycles of the stdp machine as worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from accelerators.stdp.cases import NARROW, lowered, machine, network, tallied, totals

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

    normalise 0-20: sums 4, factors 2 x 2, scaling 4 reads and 4 writes, thresholds 2 reads and 2 writes
    encode    0-2, 2-4, 22-24: the third needs the queue that is read until 22
    integrate 20-22, 22-26, and 43-45, as pixel 1 was learned until 43
    neurons   22-26, 26-32 with the inhibition of two neurons, 45-49
    traces    20-29 (4 reads, 4 writes, 1 set), 29-39 (2 set), 43-53 (the pixel's, and the neuron's of the step before)
    depress   at 29 and 39 nothing, 53-57;  potentiate at 29 nothing, 39-43, at 57 nothing;  readout 57-58
    """
    timelines = {}
    for batch in example.batches:
        ((phase, (schedule,)),) = batch.schedules.items()
        timelines[phase] = run(schedule, engine)
    train = timelines["train"]
    spans = {
        "normalise": [(0, 20)],
        "encode": [(0, 2), (2, 4), (22, 24)],
        "integrate": [(20, 22), (22, 26), (43, 45)],
        "neurons": [(22, 26), (26, 32), (45, 49)],
        "traces": [(20, 29), (29, 39), (43, 53)],
        "depress": [(29, 29), (39, 39), (53, 57)],
        "potentiate": [(29, 29), (39, 43), (57, 57)],
        "readout": [(57, 58)],
    }
    for stage, expected in spans.items():
        assert list(zip(train.start[stage].tolist(), train.free[stage].tolist(), strict=True)) == expected, stage
    assert train.makespan_cycles == 58
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
        ("event_queue", "read"): 4 * 2,  # neuron by neuron
        ("weight_memory", "read"): 2 * 4 + 4 * 2 + 2 + 2,  # normalisation, spikes, depression, potentiation
        ("weight_memory", "write"): 4 + 2 + 2,
        ("inhibition_memory", "read"): 2,
        ("current_memory", "read"): 6,
        ("current_memory", "write"): 6,
        ("neuron_memory", "read"): 6 + 2,
        ("neuron_memory", "write"): 6 + 2,
        ("trace_memory", "read"): 3 * 4 + 2 + 2,
        ("trace_memory", "write"): 3 * 4 + 4 + 1,
        ("adder", "add"): 8,
        ("neuron", "update"): 6,
        ("neuron", "inhibit"): 2,
        ("neuron", "weigh"): 2,
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
