"""The jobs of a batch as schedules for the engine, one a sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
from hwsim.accelerators.digital.traffic import traffic
from hwsim.accelerators.digital.waiting import waits_of
from hwsim.contract.arrays import IntArray
from hwsim.contract.stages import schedules_of
from hwsim.engine.schedule import Schedules
from hwsim.engine.stage import BatchStage, Wait


def job_ends(plan: Plan) -> tuple[str, IntArray]:
    """The stage that ends an inference, and its job [timestep] that ends each timestep."""
    output = plan.tasks[-1]
    return stage_name(output, roles_of(plan, output)[-1]), last_jobs(plan, output)


Waits = Mapping[str, Mapping[Role, tuple[Wait, ...]]]
"""What every step of every task waits for, whatever time it takes."""


def all_waits(plan: Plan, storage: Storage) -> Waits:
    """Those of all tasks."""
    return {task.name: waits_of(plan, storage, task) for task in plan.tasks}


def shape_of(plan: Plan, storage: Storage, all_of: Waits) -> Schedules:
    """What all samples share: every step as a stage; those that spikes drive are still to be told for how long."""
    stages = []
    for task in plan.tasks:
        waits, timestep = all_of[task.name], timestep_of(plan, task).astype(np.int32)
        work = TaskWork(task, None, None, traffic(plan, storage, task, None))
        for role, (service, late) in _times(plan, storage, work, roles_of(plan, task)).items():
            name = stage_name(task, role)
            stages.append(BatchStage(name, task.name, service, late, waits[role], timestep, UNITS.get(role)))
    stage, jobs = job_ends(plan)
    return schedules_of(stages, (stage, jobs[-1:]), 1)


def schedules(plan: Plan, storage: Storage, shape: Schedules, works: list[TaskWork], n_samples: int) -> Schedules:
    """One schedule for each sample of a batch."""
    services, latencies = {}, {}
    for work in works:
        times = _times(plan, storage, work, driven(plan, storage, work.task))
        for role, (service, late) in times.items():
            name = stage_name(work.task, role)
            services[name], latencies[name] = service, late
    return shape.retimed(services, n_samples, latencies)


def _times(
    plan: Plan, storage: Storage, work: TaskWork, roles: Iterable[Role]
) -> Mapping[Role, tuple[IntArray, IntArray]]:
    """Service and latency of a task's jobs at some steps: int64 [job] or [sample, job]."""
    found = {}
    for role, (cycles, latency) in services(plan, storage, work, roles).items():
        service = in_job_order(plan, cycles)
        rows = service[0] if len(service) == 1 else service
        found[role] = (
            rows,
            np.where(rows > 0, latency, 0).astype(np.int64),
        )  # of nothing nothing is late
    return found
