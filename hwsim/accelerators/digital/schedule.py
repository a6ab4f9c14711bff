"""The jobs of a batch as schedules for the engine, one a sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
from hwsim.engine.schedule import Schedule, Stage

IntArray = NDArray[np.int64]


def job_ends(plan: Plan) -> tuple[str, IntArray]:
    """The stage that ends an inference, and its job [timestep] that ends each timestep."""
    output = plan.tasks[-1]
    return stage_name(output, roles_of(plan, output)[-1]), last_jobs(plan, output)


def schedules(plan: Plan, storage: Storage, works: list[TaskWork], n_samples: int) -> list[Schedule]:
    """One schedule for each sample of a batch."""
    stages: list[list[Stage]] = [[] for _ in range(n_samples)]
    units: dict[str, int] = {}
    for work in works:
        task = work.task
        waits, timestep = waits_of(plan, storage, task), timestep_of(plan, task).astype(np.int32)
        for role, (cycles, latency) in services(plan, storage, work).items():
            unit = UNITS.get(role)
            if unit is not None:
                units[unit] = 1
            each = in_job_order(plan, cycles)
            active = in_job_order(plan, np.broadcast_to(_latency(role, cycles, latency), cycles.shape))
            for i, own in enumerate(stages):
                own.append(
                    Stage(
                        name=stage_name(task, role),
                        layer=task.name,
                        service=each[i % len(each)],
                        latency=active[i % len(each)],
                        waits=waits[role],
                        unit=unit,
                        sample=np.zeros_like(timestep),
                        timestep=timestep,
                    )
                )
    stage, jobs = job_ends(plan)
    answer = stage, jobs[-1:]
    return [Schedule(tuple(own), units, answer) for own in stages]


def _latency(role: str, cycles: IntArray, latency: int) -> IntArray:
    """A job that moves or computes nothing has no latency either."""
    return np.where(cycles > 0, latency, 0).astype(np.int64)
