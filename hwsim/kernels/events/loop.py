"""The event loop of the compiled engine: when each job of a flattened schedule starts; it knows positions, not names.

A job's free and done are known the moment it starts, so a job that needs no slot and has no decision is resolved as
soon as all it waits for is, even far ahead of the current cycle: start = max(free of the one before, waits). Only jobs
with a slot to get or a decision to fear must ask, one per stage at most, and only they are played in order of time:
each turn of the loop answers all that can be answered at the earliest such cycle, then resolves what follows from it.
Stages that ask are chained, in no order, so that a turn costs what asks and not what could.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.events.machine import NEVER, NONE, UNCHAINED, Machine


@kernel(allocates=False)
def play(m: Machine) -> None:
    """Fill `times` and `ran`; where a stage's `head` stays below its `n_jobs`, the schedule deadlocks."""
    todo = NONE
    m.asker[0] = NONE
    for s in range(len(m.stages) - 1, -1, -1):
        m.stages[s]["next"] = todo
        todo = s
        m.stages[s]["next_asker"] = UNCHAINED
    while True:
        while todo != NONE:
            todo = _advance(m, todo)
        now, n_turn = _next_turn(m)
        if now == NEVER:
            return
        todo = _answer(m, now, n_turn)


@kernel(allocates=False, inlined=True)
def _advance(m: Machine, s: int) -> int:
    """Resolve jobs of a stage up to the first that must wait for another stage, or ask; returns the next to advance."""
    stage = m.stages[s]
    todo = int(stage["next"])
    first, job = stage["first_job"], stage["head"]
    free = m.times[len(m.ran) + first + job - 1] if job > 0 else 0
    while job < stage["n_jobs"]:
        ready = free
        for w in range(stage["first_wait"], stage["end_wait"]):
            wait = m.waits[w]
            need = m.needs[wait["first_need"] + job]
            if need == NONE:
                continue
            if need >= m.stages[wait["stage"]]["head"]:
                stage["wanted"] = need
                _sleep(m, s, wait["stage"])
                return todo
            ready = max(ready, m.times[wait["first_time"] + need])
        if _must_ask(m, stage, job):
            stage["ready"] = ready
            if stage["next_asker"] == UNCHAINED:
                stage["next_asker"] = m.asker[0]
                m.asker[0] = s
            return todo
        free = _start(m, stage, ready)
        todo = _pass_head(m, s, todo)
        job += 1
    return todo


@kernel(allocates=False, inlined=True)
def _must_ask(m: Machine, stage: Any, job: int) -> bool:
    """Whether a job needs a slot or has a decision; notes which slots it asks for and when it is decided."""
    slot = stage["first_slot"] if m.service[stage["first_job"] + job] > 0 else NONE
    stage["asked_slot"] = slot
    stage["decided"] = NEVER
    if stage["decider"] == NONE:
        return bool(slot != NONE)
    decision = m.needs[stage["first_decision"] + job]
    if decision == NONE:
        return bool(slot != NONE)
    decider = m.stages[stage["decider"]]
    number = decider["first_job"] + decision
    if decision < decider["head"] and m.ran[number]:
        stage["decided"] = m.times[2 * len(m.ran) + number]
    return True


@kernel(allocates=False, inlined=True)
def _start(m: Machine, stage: Any, now: int) -> int:
    """Write down the times of a stage's head, which starts now; returns its free."""
    job = stage["head"]
    number = stage["first_job"] + job
    free = now + m.service[number]
    m.times[number] = now
    m.times[len(m.ran) + number] = free
    m.times[2 * len(m.ran) + number] = free + m.latency[stage["first_latency"] + job * stage["latency_step"]]
    return int(free)


@kernel(allocates=False, inlined=True)
def _pass_head(m: Machine, s: int, todo: int) -> int:
    """Move a stage past its head, which is resolved, and tell those who wait for it or are decided by it."""
    stage = m.stages[s]
    job = stage["head"]
    stage["head"] = job + 1
    number = stage["first_job"] + job
    if stage["follower"] != NONE and m.ran[number]:
        f = stage["follower"]
        while f != NONE:
            follower = m.stages[f]
            if follower["ready"] != NEVER and m.needs[follower["first_decision"] + follower["head"]] == job:
                follower["decided"] = m.times[2 * len(m.ran) + number]
            f = follower["next_follower"]
    if stage["wakes"] <= job:
        todo = _wake(m, s, todo)
    return todo


@kernel(allocates=False, inlined=True)
def _wake(m: Machine, s: int, todo: int) -> int:
    """Put the stages whose heads waited for a resolved job of this one before those to advance; keep the others."""
    stage = m.stages[s]
    w = stage["waiter"]
    stage["waiter"] = NONE
    stage["wakes"] = NEVER
    while w != NONE:
        after = m.stages[w]["next"]
        if m.stages[w]["wanted"] < stage["head"]:
            m.stages[w]["next"] = todo
            todo = w
        else:
            _sleep(m, w, s)
        w = after
    return todo


@kernel(allocates=False, inlined=True)
def _sleep(m: Machine, s: int, awaited: int) -> None:
    """Let a stage sleep until the job its head wants of another one is resolved."""
    m.stages[s]["next"] = m.stages[awaited]["waiter"]
    m.stages[awaited]["waiter"] = s
    m.stages[awaited]["wakes"] = min(m.stages[awaited]["wakes"], m.stages[s]["wanted"])


@kernel(allocates=False, inlined=True)
def _next_turn(m: Machine) -> tuple[int, int]:
    """The earliest cycle at which a head can be answered, and how many are then put in `turn`, by (ready, position)."""
    now, first, first_ready, n_ties = NEVER, NONE, NEVER, 0
    _unchain_answered(m)
    s = m.asker[0]
    while s != NONE:  # selections rather than branches: which stage is first cannot be predicted
        stage = m.stages[s]
        at = _answerable(m, stage)
        ready = stage["ready"]
        better = (at < now) | ((at == now) & ((ready < first_ready) | ((ready == first_ready) & (s < first))))
        n_ties = 1 if at < now else n_ties + (at == now)
        now = min(now, at)
        first = s if better else first
        first_ready = ready if better else first_ready
        s = stage["next_asker"]
    if now != NEVER and n_ties > 1:
        return now, _collect(m, now, first)
    m.turn[0] = first
    return now, 1


@kernel(allocates=False, inlined=True)
def _unchain_answered(m: Machine) -> None:
    """Take the stages that ask no more out of the chain of those that do."""
    before, s = NONE, m.asker[0]
    while s != NONE:
        after = m.stages[s]["next_asker"]
        if m.stages[s]["ready"] != NEVER:
            before = s
        else:
            m.stages[s]["next_asker"] = UNCHAINED
            if before == NONE:
                m.asker[0] = after
            else:
                m.stages[before]["next_asker"] = after
        s = after


@kernel(allocates=False, inlined=True)
def _answerable(m: Machine, stage: Any) -> int:
    """The cycle from which a head can be answered: it is ready, and either a slot is vacant or its decision done."""
    vacant = m.slots[stage["asked_slot"]] if stage["asked_slot"] != NONE else 0
    return int(max(stage["ready"], min(vacant, stage["decided"])))


@kernel(allocates=False, inlined=True)
def _collect(m: Machine, now: int, first: int) -> int:
    """Put the stages to be answered now in `turn`, without those that only want the one slot that `first` gets."""
    only = m.stages[first]
    taken = only["asked_slot"] if only["n_slots"] == 1 and only["decided"] > now else NONE
    n_turn = 0
    s = m.asker[0]
    while s != NONE:
        stage = m.stages[s]
        hopeless = (s != first) & (taken != NONE) & (stage["asked_slot"] == taken) & (stage["decided"] > now)
        if not hopeless and _answerable(m, stage) == now:
            i = n_turn
            while i > 0 and _comes_later(m, m.turn[i - 1], s):
                m.turn[i] = m.turn[i - 1]
                i -= 1
            m.turn[i] = s
            n_turn += 1
        s = stage["next_asker"]
    return n_turn


@kernel(allocates=False, inlined=True)
def _comes_later(m: Machine, one: int, other: int) -> bool:
    """Whether a stage that asks comes after another: by when it was ready, then by position."""
    mine, theirs = m.stages[one]["ready"], m.stages[other]["ready"]
    return bool((mine > theirs) | ((mine == theirs) & (one > other)))


@kernel(allocates=False, inlined=True)
def _answer(m: Machine, now: int, n_turn: int) -> int:
    """Void or start the heads of this turn as far as slots go, all against one state; returns the first to advance."""
    n_answered = 0
    for i in range(n_turn):
        s = m.turn[i]
        stage = m.stages[s]
        slot = stage["asked_slot"]
        if stage["decided"] <= now:
            _void(m, stage["first_job"] + stage["head"], now)
        elif slot == NONE:
            _start(m, stage, now)
        elif m.slots[slot] <= now:
            _occupy(m.slots, slot, stage["n_slots"], _start(m, stage, now))
        else:
            continue
        m.turn[n_answered] = s
        n_answered += 1
    todo = NONE
    for i in range(n_answered):
        s = m.turn[i]
        m.stages[s]["ready"] = NEVER
        todo = _pass_head(m, s, todo)
        m.stages[s]["next"] = todo
        todo = s
    return todo


@kernel(allocates=False, inlined=True)
def _void(m: Machine, number: int, now: int) -> None:
    m.ran[number] = False
    for event in range(3):
        m.times[event * len(m.ran) + number] = now


@kernel(allocates=False, inlined=True)
def _occupy(slots: NDArray[np.int64], first: int, n: int, until: int) -> None:
    """Take the slot at the root of a unit's heap until a cycle: sift that down."""
    i = 0
    while True:
        child = 2 * i + 1
        if child + 1 < n and slots[first + child + 1] < slots[first + child]:
            child += 1
        if child >= n or slots[first + child] >= until:
            break
        slots[first + i] = slots[first + child]
        i = child
    slots[first + i] = until
