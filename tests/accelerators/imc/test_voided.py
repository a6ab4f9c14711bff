"""Early exit with real decisions: voiding what follows an exit gives what the report takes from the gated run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hwsim import api
from hwsim.accelerators.imc.machine import Imc
from hwsim.contract.run import RunName
from hwsim.engine import compiled_engine, simpy_engine
from hwsim.engine.schedule import Schedule
from hwsim.engine.stage import Unless
from hwsim.engine.timeline import sample_latency
from hwsim.traces.direct.synth import synthesize


def with_exit(schedule, timesteps):
    """The same schedule, whose jobs of later timesteps are void once the decision after `timesteps` is done."""

    def decided(stage):
        needs = np.where(stage.timestep >= timesteps, timesteps - 1, -1).astype(np.int64)
        return replace(stage, unless=Unless("sigma_e", needs))

    answer = (schedule.answer[0], np.array([timesteps - 1], np.int64))
    return Schedule(tuple(decided(stage) for stage in schedule.stages), schedule.units, answer)


def ran_of(timelines):
    """Which jobs ran: [sample, job] by stage."""
    return {name: np.stack([each.ran[name] for each in timelines]) for name in timelines[0].ran}


@pytest.mark.parametrize("direct_input", ["every_step", "once"])
def test_voided_work_is_the_work_that_the_report_leaves_out(direct_input):
    architecture = api.load_architecture("imc", ["early_exit.threshold=0.5", f"direct_input={direct_input}"])
    trace = synthesize("mlp:40-30-20-10", timesteps=6, samples=5, rate=0.3, seed=2)
    workload = Imc(architecture.spec).lower(trace)
    assert len(set(workload.exits.recorded.tolist())) > 1
    for batch in workload.batches:
        exits = workload.exits.recorded[batch.samples.start : batch.samples.stop]
        whole = batch.schedules[RunName.EARLY_EXIT]
        gated = [simpy_engine.run(schedule) for schedule in whole]
        cut = [with_exit(schedule, int(t)) for schedule, t in zip(whole, exits, strict=True)]
        voided = [simpy_engine.run(schedule) for schedule in cut]
        stage, jobs = batch.runs[RunName.EARLY_EXIT].stage, batch.runs[RunName.EARLY_EXIT].ends
        for schedule, full, short, t in zip(cut, gated, voided, exits, strict=True):
            assert sample_latency(schedule, short) == full.done[stage][jobs[t - 1]]
            again = compiled_engine.run(schedule)
            assert all(
                (again.ran[s] == short.ran[s]).all() and (again.done[s] == short.done[s]).all() for s in again.ran
            )
        kept = np.arange(6) < exits[:, None]
        stages, ran = (batch.runs[RunName.EARLY_EXIT].schedules.stages, ran_of(voided))
        all_counts = batch.ledger.tally(stages, 6)
        assert all(each.all() for each in ran_of(gated).values())
        for action, counts in batch.ledger.tally(stages, 6, ran).items():
            assert (counts == all_counts[action] * kept).all(), action
