"""An order in which the jobs of a schedule were resolved once, with what each of them waits for."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.events.machine import NONE

STEP = np.dtype(
    [
        (name, np.int32)
        for name in (
            "number",  # of the job among all jobs
            "stage",
            "job",  # its place on its stage
            "before",  # where in the times the free of the job before it is, 3 N of the first
            "first",  # its waits among all: those for data
            "space",  # from which one on they are for space
            "end",
        )
    ]
)
MOST_JOBS = np.iinfo(np.int32).max // 3 - 1
"""That an order holds: a place among three times of each."""


class Order(NamedTuple):
    """Jobs one after another, each after all that it waits for and after those that got a slot of its unit before."""

    steps: NDArray[Any]  # STEP[N]
    awaited: NDArray[np.int32]  # [wait of a job] where in `times` [3 N] the awaited time is


@kernel(allocates=False)
def order_waits(
    stages: NDArray[Any],
    waits: NDArray[Any],
    needs: NDArray[np.int64],
    resolved: NDArray[np.int32],
    heads: NDArray[np.int64],
    order: Order,
) -> None:
    """Fill an order with the stages `resolved` [N] whose jobs were resolved one after another; `heads` are zeros."""
    n, at = len(resolved), 0
    for i in range(n):
        s, step = resolved[i], order.steps[i]
        stage, job = stages[s], heads[s]
        heads[s] += 1
        number = stage["first_job"] + job
        step["number"], step["stage"], step["job"] = number, s, job
        step["before"] = n + number - 1 if job > 0 else 3 * n
        step["first"] = at
        for for_space in range(2):
            for w in range(stage["first_wait"], stage["end_wait"]):
                need = needs[waits[w]["first_need"] + job]
                if waits[w]["for_space"] == for_space and need != NONE:
                    order.awaited[at] = waits[w]["first_time"] + need
                    at += 1
            if for_space == 0:
                step["space"] = at
        step["end"] = at
