"""Early exit with timesteps that overlap the decision: which work it makes void.

A schedule with all timesteps and a decision on each becomes one schedule for every timestep after which the sample may
leave.  In that one the decision on this timestep says exit, so all jobs of later timesteps are void once it is done;
what has started by then runs to its end.  Decisions that say no void nothing and are not named (DESIGN, `Unless`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.plan.pipeline import DECISION
from hwsim.contract.batches import ByLeaving, OneEach
from hwsim.engine.schedule import Schedule, Stage, Unless


def by_leaving_timestep(each: OneEach) -> ByLeaving:
    """Schedules of samples that leave after each timestep, from those that run all timesteps.

    All schedules have the same stages with the same timesteps, and a stage with one decision a timestep.
    """
    whole = each.schedules[0]
    timesteps = whole.stages[whole.positions[DECISION]].n_jobs
    decisions = [{stage.name: _later(stage, exit_job) for stage in whole.stages} for exit_job in range(timesteps)]
    return ByLeaving([_leaving(schedule, t, decisions[t]) for schedule in each.schedules for t in range(timesteps)])


def _leaving(schedule: Schedule, exit_job: int, decisions: dict[str, Unless | None]) -> Schedule:
    """The schedule of a sample whose decision `exit_job` says exit."""
    stages = tuple(replace(stage, unless=decisions[stage.name]) for stage in schedule.stages)
    return Schedule(stages, schedule.units, (DECISION, np.array([exit_job], np.int64)))


def _later(stage: Stage, exit_job: int) -> Unless | None:
    """The decision on the jobs of a stage that belong to later timesteps; None where it has none."""
    later: NDArray[np.bool_] = stage.timestep > exit_job
    return Unless(DECISION, np.where(later, exit_job, -1).astype(np.int64)) if later.any() else None
