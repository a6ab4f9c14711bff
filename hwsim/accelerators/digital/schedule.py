"""The jobs of a batch as schedules for the engine, one a sample."""

from __future__ import annotations

import numpy as np

from hwsim.accelerators.digital.plan import Plan
from hwsim.accelerators.digital.storage import Storage
from hwsim.accelerators.digital.timing import (
    UNITS,
    TaskWork,
    in_job_order,
    last_jobs,
    roles_of,
    services,
    stage_name,
    timestep_of,
)
from hwsim.accelerators.digital.waiting import waits_of
from hwsim.contract.arrays import IntArray
from hwsim.contract.stages import BatchStage, schedules_of
from hwsim.engine.schedule import Schedule


def job_ends(plan: Plan) -> tuple[str, IntArray]:
    """The stage that ends an inference, and its job [timestep] that ends each timestep."""
    output = plan.tasks[-1]
    return stage_name(output, roles_of(plan, output)[-1]), last_jobs(plan, output)


def schedules(plan: Plan, storage: Storage, works: list[TaskWork], n_samples: int) -> list[Schedule]:
    """One schedule for each sample of a batch."""
    stages = []
    for work in works:
        task = work.task
        waits, timestep = waits_of(plan, storage, task), timestep_of(plan, task).astype(np.int32)
        for role, (cycles, latency) in services(plan, storage, work).items():
            service = in_job_order(plan, cycles)
            late = np.where(service > 0, latency, 0).astype(np.int64)  # what moves or computes nothing is never late
            name, unit = stage_name(task, role), UNITS.get(role)
            stages.append(BatchStage(name, task.name, service, late, waits[role], timestep, unit))
    stage, jobs = job_ends(plan)
    return schedules_of(stages, (stage, jobs[-1:]), n_samples)
