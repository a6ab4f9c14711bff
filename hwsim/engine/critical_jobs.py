"""The jobs that the end of each sample of a batch waited for; `critical_path` has the steps of one sample in order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.records import shared_by
from hwsim.engine.schedule import Schedules
from hwsim.engine.timeline import Timelines
from hwsim.kernels.events.critical import critical_jobs


def jobs_on_path(schedules: Schedules, timelines: Timelines) -> Mapping[str, NDArray[np.bool_]]:
    """Whether the last job of a sample that is done waited for the service of each job: bool [sample, job] by stage.

    One cycle more of such a job is one cycle more of the makespan, unless something else waits as long.
    """
    shared, n_samples = shared_by(schedules), len(schedules)
    times = np.concatenate(
        [part for each in (timelines.start, timelines.free, timelines.done) for part in each.values()], axis=1
    )
    n_jobs = times.shape[1] // 3
    done = times[:, 2 * n_jobs :]
    last = done.argmax(axis=1)
    first_job = shared.records["first_job"]
    stage = np.searchsorted(first_job, last, side="right") - 1
    ends = np.stack([stage, last - first_job[stage]], axis=1).astype(np.int64)
    path = np.zeros((n_samples, n_jobs), np.bool_)
    critical_jobs(shared.records, shared.waits, shared.needs, times, ends, path)
    return {name: path[:, jobs] for name, jobs in shared.jobs.items()}
