"""Which jobs the end of a schedule waited for, walked back from it through what each of them waited for last."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.events.machine import NONE


@kernel(allocates=False)
def critical_jobs(
    stages: NDArray[Any],
    waits: NDArray[Any],
    needs: NDArray[np.int64],
    times: NDArray[np.int64],
    ends: NDArray[np.int64],
    path: NDArray[np.bool_],
) -> None:
    """Mark in `path` [sample, job] the jobs whose service the ends [sample, 2] (stage and job) waited for.

    `needs` [1 or sample, need] and `times` [sample, 3 jobs] are those of the event loop.  Of several that a job waited
    for last, it is the one before it on its stage, then the first of its waits, then who had its slot.
    """
    n = path.shape[1]
    for sample in range(path.shape[0]):
        row, need_of = times[sample], needs[sample % len(needs)]
        s, job, serves = ends[sample, 0], ends[sample, 1], True
        while s != NONE:
            stage = stages[s]
            number = stage["first_job"] + job
            path[sample, number] |= serves
            start = row[number]
            found, back, event = NONE, 0, 0
            if start > 0:
                if job > 0 and row[n + number - 1] == start:
                    found, back, event = s, job - 1, 1
                w = stage["first_wait"]
                while found == NONE and w < stage["end_wait"]:
                    wait = waits[w]
                    need = need_of[wait["first_need"] + job]
                    if need != NONE and row[wait["first_time"] + need] == start:
                        found, back = wait["stage"], need
                        event = (wait["first_time"] - stages[found]["first_job"]) // n
                    w += 1
                if found == NONE and stage["unit"] != NONE:
                    for other in range(len(stages)):
                        if found == NONE and other != s and stages[other]["unit"] == stage["unit"]:
                            first = stages[other]["first_job"]
                            for k in range(stages[other]["n_jobs"]):
                                if row[n + first + k] == start and row[first + k] < start:
                                    found, back, event = other, k, 1
            s, job, serves = found, back, event > 0
