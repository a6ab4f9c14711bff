"""Plays samples side by side in an order that one of them took: where all do, a job starts when all it waits for has.

Who waits for no slot starts when it is ready, so that its times follow from those before it in the order (rule 8 of
the engines).  A slot goes to the earliest ready, then to the first in position (rule 3).  So an order of slots is a
sample's own if in it the cycles in which jobs are ready never fall, and of two that are ready in one cycle the first in
position comes first.  That last does not hold if the other asked in an earlier pass of the cycle.  But passes follow
each other in a cycle only by what happens in it: where the first job waited for nothing that started in that very
cycle, it asked in the first pass; and if it got its slot later than it was ready, both were there.  A sample for which
any of this is in doubt is given back, to be played by the event loop.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.events.batch import add_up
from hwsim.kernels.events.lanes import LANES, Rows, queue, run, take, wait
from hwsim.kernels.events.machine import NEVER, NONE, Batch, Numbers
from hwsim.kernels.events.order import Order

SINCE, SERVICE, LATENCY = range(3)
READY, START, STEP = range(3)


class Lanes(NamedTuple):
    """Room for some samples side by side: [..., LANES]."""

    now: Rows  # [3] of the job that is looked at: until when it has waited, service and latency
    slots: Rows  # [slot] cycle from which it is free
    granted: Rows  # [unit * 3] the last job that got a slot: when it was ready, when it started, its step
    stalled: Rows  # [stage * 3] starved, blocked and arbitrating
    ended: Rows  # [stage] last done
    doubt: Rows  # [1] not 0 of samples that may have another order
    busy: NDArray[np.int64]  # [stage], of one sample
    spans: NDArray[np.int64]  # [stage, 2] first start and last done, of one sample


@kernel(allocates=False)
def follow(order: Order, b: Batch, samples: NDArray[np.int64], blocks: NDArray[Any], m: Lanes) -> None:
    """Let samples follow an order, LANES at once; those that do not are left.

    The samples are as many as LANES some times over, any of them more than once.  Start, free and done of every job go
    to `blocks` [block, 3 N + 1, LANES], and 0 to the last row.
    """
    n = len(order.steps)
    for first in range(0, samples.size, LANES):
        some, times = samples[first : first + LANES], blocks[first // LANES]
        times[3 * n] = 0
        m.now[:] = 0
        m.slots[:] = 0
        m.granted[:] = NONE
        m.stalled[:] = 0
        m.ended[:] = 0
        m.doubt[:] = 0
        for i in range(n):
            step = order.steps[i]
            s, job, number = step["stage"], step["job"], step["number"]
            stage, alike = b.stages[s], b.service.column[s] == NONE
            service = _cycles(b.service, s, job, some, m.now, SERVICE)
            latency = _cycles(b.latency, s, job * stage["latency_step"], some, m.now, LATENCY)
            places = step["before"], step["first"], step["space"], step["end"]
            if stage["unit"] == NONE or (alike and service == 0):
                run(times, order.awaited, *places, m.stalled, s, m.now, service, latency, number, n, m.ended)
            else:
                wait(times, order.awaited, *places, m.stalled, s, m.now)
                _take_slot(order, b, i, service, latency, times, m)
            _forget(b.service, s, m.now, SERVICE)
            _forget(b.latency, s, m.now, LATENCY)
        _hand_over(b, some, times, m)


@kernel(allocates=False, inlined=True)
def _cycles(numbers: Numbers, s: int, job: int, some: NDArray[np.int64], now: Rows, row: int) -> int:
    """Cycles of a job, or 0 and in a row of `now` those of each sample."""
    column = numbers.column[s]
    if column == NONE:
        return int(numbers.common[numbers.bounds[s] + job])
    for k in range(LANES):
        now[row, k] = numbers.own[some[k], column + job]
    return 0


@kernel(allocates=False, inlined=True)
def _forget(numbers: Numbers, s: int, now: Rows, row: int) -> None:
    if numbers.column[s] != NONE:
        now[row] = 0


@kernel(allocates=False, inlined=True)
def _take_slot(order: Order, b: Batch, i: int, service: int, latency: int, times: Rows, m: Lanes) -> None:
    """Give a job a slot in each sample in which it has service, and start it."""
    step, n = order.steps[i], len(order.steps)
    s, number = step["stage"], step["number"]
    u = b.stages[s]["unit"]
    slot, n_slots = b.units[u]["first_slot"], b.units[u]["n_slots"]
    if queue(m.now, service, m.granted, u, m.doubt) != 0:
        for k in range(LANES):
            if m.now[SERVICE, k] + service > 0 and m.now[SINCE, k] == m.granted[3 * u + READY, k]:
                m.doubt[0, k] |= not _came_first(order, times, m, u, s, k)
    if n_slots > 1:
        _bring_earliest_first(m.slots, slot, n_slots)
    take(m.now, service, latency, m.granted, u, i, m.slots, slot, m.stalled, s, times, number, n, m.ended)


@kernel(allocates=False, inlined=True)
def _bring_earliest_first(slots: Rows, first: int, n_slots: int) -> None:
    """Exchange slots of a unit so that in each sample the one that is free first comes first."""
    for other in range(first + 1, first + n_slots):
        for k in range(LANES):
            earlier, later = min(slots[first, k], slots[other, k]), max(slots[first, k], slots[other, k])
            slots[first, k], slots[other, k] = earlier, later


@kernel(allocates=False, inlined=True)
def _came_first(order: Order, times: Rows, m: Lanes, u: int, s: int, k: int) -> bool:
    """Whether the last job that got a slot had to get it before one of stage `s` that was ready in the same cycle."""
    step, ready = order.steps[m.granted[3 * u + STEP, k]], m.granted[3 * u + READY, k]
    if step["stage"] >= s:
        return False
    if m.granted[3 * u + START, k] > ready:
        return True
    n = len(order.steps)
    found = step["job"] == 0 or times[step["number"] - 1, k] < ready
    for w in range(step["first"], step["end"]):
        found &= times[order.awaited[w] % n, k] < ready
    return bool(found)


@kernel(allocates=False, inlined=True)
def _hand_over(b: Batch, some: NDArray[np.int64], times: Rows, m: Lanes) -> None:
    """Write down what became of the samples without doubt."""
    service = b.service
    for s in range(len(b.stages)):
        if service.column[s] == NONE:
            m.busy[s] = _sum(service.common[service.bounds[s] : service.bounds[s + 1]])
    for k in range(LANES):
        sample = some[k]
        if m.doubt[0, k] != 0 or not b.left[sample]:
            continue
        b.left[sample] = False
        for s in range(len(b.stages)):
            stage, account, reached = b.stages[s], b.accounts[s], m.spans[s]
            reached[0], reached[1] = NEVER, m.ended[s, k]
            if stage["n_jobs"] > 0:
                reached[0] = times[stage["first_job"], k]
            column = service.column[s]
            if column != NONE:
                m.busy[s] = _sum(service.own[sample, column : column + stage["n_jobs"]])
            account[0] += m.busy[s]
            for other in range(3):
                account[1 + other] += m.stalled[3 * s + other, k]
        add_up(b, sample, m.spans)


@kernel(allocates=False, inlined=True)
def _sum(values: NDArray[np.int64]) -> int:
    found = 0
    for value in values:
        found += value
    return found
