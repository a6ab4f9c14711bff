"""Networks that read the timestep before, on the machines that play them: laws, times by hand, and what is refused."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from accelerators.digital import cases as digital
from accelerators.imc import cases as imc
from hypothesis import HealthCheck, given, settings
from traces.direct.networks import Sketch, networks, trace_of

from hwsim import accelerators, simulate
from hwsim.engine import compiled_engine, simpy_engine
from hwsim.errors import ArchitectureError, UsageError
from hwsim.run.play import play
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.slicing import first

WIDE = {"neuron__membrane_bits": 32, "pooling__bits": 33}
SPECS = {
    "imc": lambda: imc.small(**WIDE),
    "digital": lambda: digital.variant(
        loop_order="timestep_outer", mac__input_bits=32, array__rows=4, array__columns=3, **WIDE
    ),
}


def lowered(machine, trace):
    return accelerators.machine(machine)(SPECS[machine]()).lower(trace)


def recurrent(channels=5, linear=True, seed=3):
    """One layer whose spikes come back to it: dense, or a 3 x 3 convolution."""
    sketch = Sketch((4, 4, 2), bits=1, seed=seed)
    if linear:
        sketch.flatten()
    sketch.recurrent(channels, 1 if linear else 3)
    if not linear:
        sketch.flatten()
    sketch.linear(3, neuron=None)
    return sketch.network()


@pytest.mark.parametrize("machine", SPECS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(network=networks(recurrent=True))
def test_counts_are_those_of_a_prefix_and_both_engines_agree(machine, network):
    trace = imc.random_trace(network, timesteps=3, samples=2, rate=0.4)
    whole, part = lowered(machine, trace), lowered(machine, first(trace, timesteps=2))
    counts, fewer = play(whole)[whole.runs[-1]].counts, play(part)[part.runs[-1]].counts
    assert counts.keys() == fewer.keys()
    for key, each in fewer.items():
        np.testing.assert_array_equal(each, counts[key][:, :2], err_msg=str(key))
    for batch in whole.batches:
        for schedule in batch.schedules["static"]:
            one, other = simpy_engine.run(schedule), compiled_engine.run(schedule)
            assert all(np.array_equal(one.done[name], other.done[name]) for name in one.done)


@pytest.mark.parametrize("linear", [True, False])
@pytest.mark.parametrize("machine", SPECS)
def test_weights_on_own_spikes_start_when_the_step_before_is_done(machine, linear):
    network = recurrent(linear=linear)
    trace = imc.random_trace(network, timesteps=4, samples=1, rate=0.5)
    ((late, (reader,)),) = network.read_late.items()
    for batch in lowered(machine, trace).batches:
        schedule = batch.schedules["static"][0]
        timeline = simpy_engine.run(schedule)
        of = {stage.name: stage.timestep for stage in schedule.stages}
        neurons = late if machine == "imc" else f"{late}.neuron"
        for t in range(1, 4):
            needed = timeline.done[neurons][of[neurons] == t - 1]
            wanted = needed.max() if linear or machine == "digital" else needed[:2].max()  # rows 0 and 1 for row 0
            assert timeline.start[reader][of[reader] == t].min() >= wanted


def test_own_spikes_are_counted_one_step_late():
    """Ten neurons of which three fire at step 0 alone: their weights are added at step 1, by ten columns each."""
    network = recurrent(channels=10)
    trace = imc.random_trace(network, timesteps=3, samples=1, rate=0.0)
    ((late, (reader,)),) = network.read_late.items()
    words = np.zeros_like(trace.spikes[late].words)
    words[0, 0, 0, 0] = 0b1000000101
    trace = replace(trace, spikes={late: replace(trace.spikes[late], words=words)})
    for machine in SPECS:
        found = imc.posted(lowered(machine, trace))
        assert found[reader, "operations", "AC"].tolist() == [[0, 30, 0]]


def test_recurrent_weights_take_crossbars_of_their_own():
    network = recurrent(channels=10)
    ((_, (reader,)),) = network.read_late.items()
    # 10 rows on crossbars of 8: 2 row blocks; weights of 5 bits in cells of 2: 3 columns, 2 weights across, 5 blocks.
    assert lowered("imc", imc.random_trace(network)).hardware.crossbars[reader] == 10


def test_a_recurrent_trace_is_played_and_run_on_its_crossbars():
    trace = trace_of(recurrent(linear=False), samples=2, timesteps=3)
    report = simulate("imc", trace, functional=True)
    assert report.energy.value > 0
    assert simulate("digital", trace, set=["loop_order=timestep_outer"]).energy.value > 0


def test_orders_and_baselines_that_cannot_be_are_refused_by_the_layer():
    dense, convolved = (imc.random_trace(recurrent(linear=linear)) for linear in (True, False))
    rows = accelerators.machine("imc")(imc.small(loop_order="layer_outer"))
    assert rows.lower(dense).hardware.instances  # a map of one row is complete
    for refused, machine in ((convolved, rows), (dense, accelerators.machine("digital")(digital.variant()))):
        with pytest.raises(ArchitectureError, match=r"loop_order: layer 'back\d' reads 'add\d' of the timestep before"):
            machine.lower(refused)
    for machine, spec in SPECS.items():
        with pytest.raises(ArchitectureError, match="baseline: layer 'back3' reads 'add4' of the timestep before"):
            accelerators.machine(machine)(spec()).baseline(dense, "ann")
    rate = RateTrace(*(getattr(dense, field.name) for field in fields(RateTrace)))
    with pytest.raises(UsageError, match="layer 'back3': the machine has no way for spikes of the timestep before"):
        simulate("ttfs", rate, set=["coding=rate"])
