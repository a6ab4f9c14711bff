"""Power over time: it adds up to the energy of the sample, and each stretch holds what a loop finds in it."""

from __future__ import annotations

import numpy as np
import pytest
from contract.families import TRACES

from hwsim import api
from hwsim.contract.flip_flops import CLOCK, flip_flops_of
from hwsim.contract.ledger import OPERATIONS, Action
from hwsim.report.power import power
from hwsim.run.replay import replay, stream

CASES = [
    ("imc", "mnist_dietsnn", {}),
    ("imc", "mnist_dietsnn", {"early_exit.overlap": True}),
    ("digital", "mnist_dietsnn", {}),
    ("ttfs", "mnist_ttfs", {}),
    ("lstm", "mnist_lstm", {}),
    ("stdp", "mnist_stdp", {}),
]


def spent_pj(found, clock_mhz):
    total = found.dynamic_uw + found.clock_uw + found.leakage_uw
    return float(total @ np.diff(found.edges_cycles)) * 1e3 / clock_mhz * 1e-3


@pytest.mark.parametrize(("design", "trace", "settings"), CASES)
def test_it_adds_up_to_the_energy_after_any_timestep(design, trace, settings):
    simulated = api.simulated(design, TRACES / f"{trace}.npz", samples=2, set=settings, accuracy_samples=0)
    for run in simulated.runs:
        for timesteps in range(1, run.workload.timesteps + 1):
            on = int(run.on_cycles[1, timesteps - 1])
            played = replay(run.workload, run.name, 1, timesteps)
            energy = run.totals["value"][1, timesteps - 1] * run.workload.together
            for bins in (1, 7):
                assert spent_pj(power(run, played, on, bins), run.clock_mhz) == pytest.approx(energy, rel=1e-9)


def test_of_a_stream_it_adds_up_to_the_energy_of_all_samples():
    simulated = api.simulated(
        "imc", "example", samples=3, stream=True, set={"accumulator.bits": 24}, accuracy_samples=0
    )
    run = simulated.run("stream")
    played = stream(run.workload, 3)
    found = power(run, played, played.timeline.makespan_cycles, 11)
    assert spent_pj(found, run.clock_mhz) == pytest.approx(run.totals["value"][:, -1].sum(), rel=1e-9)


def by_loop(run, played, on, bins):
    """Job by job and stretch by stretch: the share of a job's service that lies in it, or all where it has none."""
    edges = [on * i / bins for i in range(bins + 1)]
    dynamic, clock = [0.0] * bins, [0.0] * bins
    running = flip_flops_of(run.workload.hardware, run.components).running

    def add(total, stage, job, pj):
        start, free = (float(times[stage.name][job]) for times in (played.timeline.start, played.timeline.free))
        for i in range(bins):
            low, high = edges[i], edges[i + 1]
            if start == free:
                share = float(low <= start < high or (i == bins - 1 and start >= high))
            else:
                share = max(0.0, min(high, free) - max(low, start)) / (free - start)
            total[i] += pj * share

    for posted in played.batches[0].ledger.postings:
        for stage in played.schedule.stages:
            if stage.name == posted.stage and posted.component != OPERATIONS:
                price = run.price(Action(stage.layer, posted.component, posted.action)).value
                for job in np.flatnonzero(stage.timestep < played.timesteps):
                    add(dynamic, stage, job, posted.counts[0, job] * price)
    for stage in played.schedule.stages:
        price = run.price(Action("", CLOCK, "active_cycle")).value
        for job in np.flatnonzero(stage.timestep < played.timesteps):
            add(clock, stage, job, int(stage.service[job]) * running.get(stage.name, 0) * price)
    return dynamic, clock


@pytest.mark.parametrize(("design", "trace", "settings"), [CASES[3], CASES[0]])
def test_each_stretch_holds_what_a_loop_finds(design, trace, settings):
    simulated = api.simulated(design, TRACES / f"{trace}.npz", samples=1, timesteps=1, set=settings, accuracy_samples=0)
    run, bins = simulated.runs[0], 5
    on = int(run.on_cycles[0, 0])
    played = replay(run.workload, run.name, 0, 1)
    found = power(run, played, on, bins)
    dynamic, clock = by_loop(run, played, on, bins)
    ns = on / bins * 1e3 / run.clock_mhz
    total = flip_flops_of(run.workload.hardware, run.components).total
    gated = on / bins * total * run.price(Action("", CLOCK, "cycle")).value
    assert found.dynamic_uw == pytest.approx([pj / ns * 1e3 for pj in dynamic], rel=1e-9)
    assert found.clock_uw == pytest.approx([(pj + gated) / ns * 1e3 for pj in clock], rel=1e-9)
    assert found.leakage_uw == pytest.approx([run.leakage_uw("value")] * bins)
