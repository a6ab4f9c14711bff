"""The engines of all cells as stages of a schedule for each sample."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hwsim.accelerators.lstm.engines import START, Engine
from hwsim.accelerators.lstm.plan import Plan
from hwsim.accelerators.lstm.work import READOUT, StepWork
from hwsim.contract.arrays import IntArray
from hwsim.contract.stages import cut_short, schedules_of
from hwsim.engine.schedule import Schedules
from hwsim.engine.stage import BatchStage, Unless


def schedules(plan: Plan, built: list[Engine], works: Mapping[str, StepWork], n_samples: int) -> list[Schedules]:
    """Schedules of all samples and, in a wavefront, for each timestep after which they may leave: [timestep].

    All have the same jobs; those of later timesteps are void from the start.
    """
    stages = [BatchStage(START, "", np.zeros(1, np.int64), 0, (), np.zeros(1, np.int32))]
    for engine in built:
        service = engine.of_jobs(works[engine.layer].services[engine.role])
        labels = plan.labels(engine.elements, engine.timesteps).astype(np.int32)
        stages.append(BatchStage(engine.name, engine.layer, service, engine.latency, engine.waits, labels, engine.unit))
    whole = schedules_of(stages, (READOUT, answers(built, plan.timesteps)), n_samples)
    return [_cut(plan, built, whole, timesteps) for timesteps in leaving(plan)]


def leaving(plan: Plan) -> range:
    """Numbers of timesteps after which a sample may leave, if each is a schedule of its own."""
    return range(1 if plan.dense is not None or plan.network.wavefront else plan.timesteps, plan.timesteps + 1)


def _cut(plan: Plan, built: list[Engine], whole: Schedules, timesteps: int) -> Schedules:
    """The schedules of samples that leave after so many timesteps."""
    if timesteps == plan.timesteps:
        return whole
    voids = [Unless(START, np.where(engine.timesteps >= timesteps, 0, -1).astype(np.int64)) for engine in built]
    return cut_short(whole, [None, *voids], (READOUT, answers(built, timesteps)))


def answers(built: list[Engine], timesteps: int) -> IntArray:
    """The readout's job that ends an inference of so many timesteps: int64 [1]."""
    readout = built[-1]
    last = (readout.timesteps == timesteps - 1) & (readout.elements == readout.elements.max())
    return np.flatnonzero(last).astype(np.int64)


def step_ends(plan: Plan, built: list[Engine]) -> tuple[str, IntArray]:
    """The stage that ends every timestep, and the job that does: int64 [timestep]."""
    return READOUT, np.concatenate([answers(built, t + 1) for t in range(plan.timesteps)])
