"""Early exit with timesteps that overlap the decision: which work it makes void.

A schedule with all timesteps and a decision on each becomes one schedule for every timestep after which the sample may
leave.  In that one the decision on this timestep says exit, so all jobs of later timesteps are void once it is done;
what has started by then runs to its end.  Decisions that say no void nothing and are not named.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.plan.pipeline import DECISION
from hwsim.contract.batches import ByLeaving, OneEach
from hwsim.contract.stages import cut_short
from hwsim.engine.schedule import Stage, Unless


def by_leaving_timestep(each: OneEach) -> ByLeaving:
    """Schedules of samples that leave after each timestep, from those that run all timesteps.

    All schedules have the same stages with the same timesteps, and a stage with one decision a timestep.
    """
    whole = each.schedules[0]
    timesteps = range(whole.stages[whole.positions[DECISION]].n_jobs)
    voids = [[_later(stage, exit_job) for stage in whole.stages] for exit_job in timesteps]
    answers = [(DECISION, np.array([exit_job], np.int64)) for exit_job in timesteps]
    return ByLeaving([cut_short(schedule, voids[t], answers[t]) for schedule in each.schedules for t in timesteps])


def _later(stage: Stage, exit_job: int) -> Unless | None:
    """The decision on the jobs of a stage that belong to later timesteps; None where it has none."""
    later: NDArray[np.bool_] = stage.timestep > exit_job
    return Unless(DECISION, np.where(later, exit_job, -1).astype(np.int64)) if later.any() else None
