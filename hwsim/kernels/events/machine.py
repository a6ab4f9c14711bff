"""The arrays that the event loop works on: a flattened schedule and how far it has been played; only their meaning."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

NEVER = np.iinfo(np.int64).max
NONE = -1
UNCHAINED = -2

STAGE = np.dtype(
    [
        (name, np.int64)
        for name in (
            "first_job",  # number of its job 0 among all jobs
            "n_jobs",
            "first_wait",  # its waits among all waits
            "end_wait",
            "first_latency",  # where the latency of its job 0 is
            "latency_step",  # 1, or 0 where all its jobs share one latency
            "unit",  # its number, NONE without one
            "decider",  # stage of the decisions on its jobs, or NONE
            "first_decision",  # where in `needs` the decision on its job 0 is
            "follower",  # a stage that it decides on, or NONE
            "next_follower",  # another that its own decider decides on, or NONE
            "next_feared",  # in the chain of those whose decision may come: the next one or NONE; UNCHAINED outside
            "head",  # first job that is not resolved: only this one can wait or ask
            "ready",  # cycle from which the head asks, NEVER while it does not
            "place",  # in the queue of its unit, NONE while it asks for no slot
            "decided",  # done of the head's decision if that ran, NEVER while that is not known
            "wanted",  # job that the head waits for
            "wakes",  # first job of this stage that another's head waits for, NEVER if none
            "waiter",  # a stage that waits for this one, or NONE
            "starved",  # cycles that the head waited for data, and for space, before it asked
            "blocked",
            "next",  # another that waits for the same stage, or is to be advanced after this one, or NONE
        )
    ]
)
"""All about one stage in two or three cache lines; chains of stages are linked through it."""

UNIT = np.dtype(
    [
        (name, np.int64)
        for name in (
            "first_slot",  # where its slots begin
            "n_slots",
            "first_place",  # where its queue begins
            "n_asking",  # stages in its queue
        )
    ]
)

WAIT = np.dtype(
    [
        (name, np.int64)
        for name in (
            "stage",  # the awaited one
            "first_time",  # where in `times` the awaited event of its job 0 is
            "first_need",  # where in `needs` that of job 0 of the waiting stage is
            "for_space",  # 1 if it waits for space, 0 for data
        )
    ]
)


class Machine(NamedTuple):
    """A flattened schedule of N jobs and how far it has been played; stages are in order of position."""

    stages: NDArray[Any]  # STAGE[stage]
    waits: NDArray[Any]  # WAIT[wait], those of one stage together
    needs: NDArray[np.int64]  # of all waits and decisions, NONE for nothing
    service: NDArray[np.int64]  # [N]
    latency: NDArray[np.int64]
    slots: NDArray[np.int64]  # cycle from which each slot is free, one binary heap a unit
    turn: NDArray[np.int64]  # [stage], room for those that are answered together
    feared: NDArray[np.int64]  # [1]: a stage whose decision may come, with which the chain of them begins, or NONE
    units: NDArray[Any]  # UNIT[unit]
    queues: NDArray[np.int64]  # stages that ask for a slot: one binary heap a unit, by (ready, position)
    due: NDArray[np.int64]  # [unit] cycle at which the first in its queue gets a slot, NEVER while none asks
    accounts: NDArray[np.int64]  # [stage, account] added to: busy, starved, blocked, arbitrating
    reached: NDArray[np.int64]  # [stage, 2] first start and last done of the jobs that ran, NEVER and 0 before
    times: NDArray[np.int64]  # [3 N]: start of every job, free of every job, done of every job
    ran: NDArray[np.bool_]  # [N], True until the job turns out void
    resolved: NDArray[np.int32]  # [N] stages whose jobs were resolved, one after another
    n_resolved: NDArray[np.int64]  # [1]


class Numbers(NamedTuple):
    """Cycles of the jobs of some samples: of stages in which all are alike, and of those in which they differ."""

    common: NDArray[np.int64]  # of all stages; those of stages in which samples differ are not to be read
    own: NDArray[np.int64]  # [sample, job of a stage in which samples differ]
    bounds: NDArray[np.int64]  # [stage + 1] where those of each begin, and where the last end
    column: NDArray[np.int64]  # [stage] where those of each begin in `own`, NONE where samples are alike


class Batch(NamedTuple):
    """Machines of some samples that differ in numbers alone, and what becomes of them."""

    stages: NDArray[Any]  # STAGE[stage], as they are before anything is played
    units: NDArray[Any]  # UNIT[unit], likewise
    needs: NDArray[np.int64]  # [1 or sample, need]
    service: Numbers
    latency: Numbers
    times: NDArray[np.int64]  # [sample, 3 N] of those that are played one by one
    makespan: NDArray[np.int64]  # [sample] the last done
    ran: NDArray[np.bool_]  # [sample, N], True
    heads: NDArray[np.int64]  # [sample, stage]
    left: NDArray[np.bool_]  # [sample] True until it has been played
    layers: NDArray[np.int64]  # [stage] number of its layer
    accounts: NDArray[np.int64]  # [stage, account] added to: busy, starved, blocked, arbitrating
    spans: NDArray[np.int64]  # [layer, 2] first start and last done summed over samples
    span: NDArray[np.int64]  # [layer, 2] room for those of one sample
