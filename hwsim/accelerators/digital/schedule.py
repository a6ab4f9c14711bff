"""The jobs of a batch as schedules for the engine, one a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.storage import Storage
from hwsim.accelerators.digital.timing import (
    UNITS,
    Role,
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
from hwsim.contract.stages import schedules_of
from hwsim.engine.schedule import Schedules
from hwsim.engine.stage import BatchStage


def job_ends(plan: Plan) -> tuple[str, IntArray]:
    """The stage that ends an inference, and its job [timestep] that ends each timestep."""
    output = plan.tasks[-1]
    return stage_name(output, roles_of(plan, output)[-1]), last_jobs(plan, output)


@dataclass(frozen=True, slots=True)
class Shape:
    """Every step of every task as a stage that is still to be told how long its jobs take."""

    by_task: Mapping[str, Mapping[Role, BatchStage]]

    @property
    def n_jobs(self) -> int:
        """Jobs of one sample."""
        return sum(stage.n_jobs for roles in self.by_task.values() for stage in roles.values())


def shape_of(plan: Plan, storage: Storage) -> Shape:
    """What all samples share."""
    return Shape({task.name: _shapes(plan, storage, task) for task in plan.tasks})


def _shapes(plan: Plan, storage: Storage, task: Task) -> Mapping[Role, BatchStage]:
    waits, timestep = waits_of(plan, storage, task), timestep_of(plan, task).astype(np.int32)
    still = np.zeros(timestep.size, np.int64)
    return {
        role: BatchStage(stage_name(task, role), task.name, still, 0, waits[role], timestep, UNITS.get(role))
        for role in roles_of(plan, task)
    }


def schedules(plan: Plan, storage: Storage, shape: Shape, works: list[TaskWork], n_samples: int) -> Schedules:
    """One schedule for each sample of a batch."""
    stages = []
    for work in works:
        for role, (cycles, latency) in services(plan, storage, work).items():
            service = in_job_order(plan, cycles)
            late = np.where(service > 0, latency, 0).astype(np.int64)  # what moves or computes nothing is never late
            stages.append(replace(shape.by_task[work.task.name][role], service=service, latency=late))
    stage, jobs = job_ends(plan)
    return schedules_of(stages, (stage, jobs[-1:]), n_samples)
