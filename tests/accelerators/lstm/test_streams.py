"""Sequences that follow each other through the cells: how fast, and what holds them back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from traces.sequence import networks

from hwsim import api
from hwsim.accelerators.lstm import Machine
from hwsim.contract.run import RunName
from hwsim.contract.streams import joined
from hwsim.engine import run, run_all
from hwsim.errors import UsageError
from hwsim.run.play import play
from hwsim.traces.sequence.trace import SequenceInputs

ONE = {"hidden": (70,), "elements": 5}
TWO = {"hidden": (9, 6), "elements": 6, "over": "all"}


def alike(network, n):
    """One sequence with drawn spikes, so many times."""
    trace = networks.with_random_spikes(networks.trace_of(networks.network_of(**network), samples=1), 0.2)
    spikes = {name: replace(each, words=np.repeat(each.words[:1], n, axis=0)) for name, each in trace.spikes.items()}
    labels, ids, logits = np.zeros(n, np.int64), np.arange(n), trace.logits["recorded"]
    inputs = SequenceInputs(np.repeat(trace.inputs.values[:1], n, axis=0), labels, ids)
    again = replace(logits, values=np.repeat(logits.values[:1], n, axis=0), labels=labels, sample_ids=ids)
    return replace(trace, spikes=spikes, inputs=inputs, logits={"recorded": again})


def lowered(network, n, *settings):
    trace = alike(network, n)
    return Machine(api.load_architecture("lstm", settings).spec).sized_for(trace).lower(trace)


def whole(workload):
    """The schedules of sequences that take all timesteps."""
    (batch,) = workload.batches
    return batch.runs[RunName.STATIC].schedules[-1]


def makespan(network, n, *settings):
    workload = lowered(network, n, *settings)
    workload = replace(workload, runs=(RunName.STATIC, RunName.STREAMED))
    return int(play(workload, "compiled")[RunName.STREAMED].makespan_cycles.sum())


def steps_of_cells(network, *settings):
    """Cycles of all steps of the cell that takes longest, each from its first engine's start to its last one's done."""
    schedules = whole(lowered(network, 1, *settings))
    timeline = run_all(schedules, "compiled")[0]
    cells = {}
    for stage in schedules.stages:
        layer, dot, role = stage.name.partition(".")
        if dot:
            cells.setdefault((layer, role.partition(".")[0]), []).append(stage.name)
    return max(int((timeline.done[engines[-1]] - timeline.start[engines[0]]).sum()) for engines in cells.values())


@pytest.mark.parametrize("settings", [(), ("input_product=every_step",), ("cells.count=2",)])
@pytest.mark.parametrize("network", [ONE, TWO])
def test_in_the_limit_a_sequence_takes_what_the_steps_of_its_slowest_cell_take(network, settings):
    """A cell does one step at a time, so it is the unit that a full pipeline waits for."""
    ends = [makespan(network, n, *settings) for n in (10, 18)]
    assert (ends[1] - ends[0]) / 8 == steps_of_cells(network, *settings)


def test_cells_that_share_a_memory_come_no_faster_than_it():
    ends = [makespan(ONE, n, "weight_copies=shared") for n in (10, 18)]
    added = (ends[1] - ends[0]) / 8
    stages = whole(lowered(ONE, 1, "weight_copies=shared")).stages
    busy = sum(int(stage.service.sum()) for stage in stages if stage.unit == "lstm1.weights.input")
    assert busy <= added < 1.05 * busy


@pytest.mark.parametrize("over", ["last", "all"])
def test_hidden_values_stay_until_the_readout_has_them(over):
    """A readout of many cycles an element holds the next sequence back."""
    network, samples = {**TWO, "over": over}, 3
    workload = lowered(network, samples, "readout.lanes=1")
    schedule = joined([whole(workload)], workload.stream)
    timeline = run(schedule)
    trace = alike(network, samples)
    elements = trace.network.n_elements
    last = trace.network.layers[-1].name
    per_sample = timeline.free["readout"].size // samples
    read = timeline.free["readout"].reshape(samples, per_sample)[:-1]
    for stage in schedule.stages:
        if stage.name.startswith(f"{last}.") and stage.name.endswith("elementwise"):
            starts = timeline.start[stage.name].reshape(samples, elements, -1)[1:, 0]  # [sample, step of the cell]
            timesteps = stage.timestep.reshape(samples, elements, -1)[0, 0]
            for place, timestep in enumerate(timesteps):
                of_timestep = next(s for s in schedule.stages if s.name == "readout").timestep[:per_sample] == timestep
                assert (starts[:, place] >= read[:, np.flatnonzero(of_timestep)[-1]]).all()


def test_a_network_whose_state_runs_on_refuses():
    network = {**ONE, "membrane_carry": True}
    with pytest.raises(UsageError, match=r"^operating.stream: samples cannot overlap: membranes run on"):
        api.simulate("lstm", alike(network, 2), stream=True)
    with pytest.raises(UsageError, match=r"^operating.stream: samples cannot overlap: schedule: serial$"):
        api.simulate("lstm", alike(ONE, 2), stream=True, set={"schedule": "serial"})
