"""The jobs of a batch as schedules for the engine, one a sample."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from hwsim.accelerators.digital.plan import Plan
from hwsim.accelerators.digital.storage import Storage
from hwsim.accelerators.digital.timing import (
    UNITS,
    Role,
    TaskWork,
    driven,
    in_job_order,
    last_jobs,
    roles_of,
    services,
    stage_name,
    timestep_of,
)
from hwsim.accelerators.digital.waiting import waits_of
from hwsim.contract.arrays import IntArray
from hwsim.contract.stages import schedules_of
from hwsim.engine.schedule import Schedules
from hwsim.engine.stage import BatchStage


def step_ends(plan: Plan) -> tuple[str, IntArray]:
    """The stage that ends every timestep, and the job that does: int64 [timestep]."""
    output = plan.tasks[-1]
    return stage_name(output, roles_of(plan, output)[-1]), last_jobs(plan, output)


def frame_of(plan: Plan, storage: Storage) -> Schedules:
    """Every step of every task as a stage that waits for others, none told yet how long its jobs take."""
    stages = []
    for task in plan.tasks:
        waits, timestep = waits_of(plan, storage, task), timestep_of(plan, task).astype(np.int32)
        nothing = np.zeros(timestep.size, np.int64)
        for role in roles_of(plan, task):
            name = stage_name(task, role)
            stages.append(BatchStage(name, task.name, nothing, nothing, waits[role], timestep, UNITS.get(role)))
    stage, ends = step_ends(plan)
    return schedules_of(stages, (stage, ends[-1:]), 1)


def shape_of(plan: Plan, storage: Storage, works: Iterable[TaskWork], frame: Schedules) -> Schedules:
    """What all samples share: steps that spikes drive are still to be told for how long."""
    times = (_times(plan, storage, work, roles_of(plan, work.task)) for work in works)
    return _retimed(frame, times, 1)


def schedules(plan: Plan, storage: Storage, shape: Schedules, works: Iterable[TaskWork], n_samples: int) -> Schedules:
    """One schedule for each sample of a batch."""
    times = (_times(plan, storage, work, driven(plan, storage, work.task)) for work in works)
    return _retimed(shape, times, n_samples)


Times = Iterator[tuple[str, IntArray, IntArray]]
"""Stages with the service and latency of their jobs: int64 [job] or [sample, job]."""


def _retimed(stages: Schedules, times: Iterable[Times], n_samples: int) -> Schedules:
    found = [each for task in times for each in task]
    services, latencies = ({name: both[i] for name, *both in found} for i in range(2))
    return stages.retimed(services, n_samples, latencies)


def _times(plan: Plan, storage: Storage, work: TaskWork, roles: Iterable[Role]) -> Times:
    """Those of a task's jobs at some steps; of nothing nothing is late."""
    for role, (cycles, latency) in services(plan, storage, work, roles).items():
        service = in_job_order(plan, work.task, cycles)
        rows = service[0] if len(service) == 1 else service
        yield stage_name(work.task, role), rows, np.where(rows > 0, latency, 0).astype(np.int64)
