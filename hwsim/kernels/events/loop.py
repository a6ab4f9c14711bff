"""The event loop of the compiled engine: when each job of a flattened schedule starts; it knows positions, not names.

A job's free and done are known the moment it starts, so a job that needs no slot and has no decision is resolved as
soon as all it waits for is, even far ahead of the current cycle: start = max(free of the one before, waits). Only jobs
with a slot to get or a decision to fear must ask, one per stage at most, and only they are played in order of time:
each turn of the loop answers all that can be answered at the earliest such cycle, then resolves what follows from it.
Those that ask for a slot stand in the queue of their unit and those that fear a decision in a chain, so that a turn
costs what is answered, a look at each unit and one at each decision to come.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.events.machine import NEVER, NONE, UNCHAINED, Machine


@kernel(allocates=False)
def play(m: Machine) -> None:
    """Fill `times`, `ran`, `reached` and `resolved`, and add to `accounts`, as `engine.timeline.stalls` says.

    Where a stage's `head` stays below its `n_jobs`, the schedule deadlocks.
    """
    todo = NONE
    m.feared[0] = NONE
    m.n_resolved[0] = 0
    m.due[:] = NEVER
    m.slots[:] = 0
    m.units["n_asking"][:] = 0
    for s in range(len(m.stages) - 1, -1, -1):
        m.stages[s]["next"] = todo
        todo = s
        m.stages[s]["next_feared"] = UNCHAINED
        m.reached[s, 0] = NEVER
        m.reached[s, 1] = 0
    while True:
        while todo != NONE:
            todo = _advance(m, todo)
        now = _next_turn(m)
        if now == NEVER:
            return
        todo = _answer(m, now)


@kernel(allocates=False, inlined=True)
def _advance(m: Machine, s: int) -> int:
    """Resolve jobs of a stage up to the first that must wait for another stage, or ask; returns the next to advance."""
    stage = m.stages[s]
    todo = int(stage["next"])
    first, job = stage["first_job"], stage["head"]
    free = m.times[len(m.ran) + first + job - 1] if job > 0 else 0
    while job < stage["n_jobs"]:
        has_data = ready = free
        for w in range(stage["first_wait"], stage["end_wait"]):
            wait = m.waits[w]
            need = m.needs[wait["first_need"] + job]
            if need == NONE:
                continue
            if need >= m.stages[wait["stage"]]["head"]:
                stage["wanted"] = need
                _sleep(m.stages, s, wait["stage"])
                return todo
            met = m.times[wait["first_time"] + need]
            ready = max(ready, met)
            has_data = max(has_data, 0 if wait["for_space"] else met)
        stage["starved"] = has_data - free
        stage["blocked"] = ready - has_data
        if _must_ask(m, s, job, ready):
            return todo
        free = _start(m, s, ready, ready)
        todo = _pass_head(m, s, todo)
        job += 1
    return todo


@kernel(allocates=False, inlined=True)
def _must_ask(m: Machine, s: int, job: int, ready: int) -> bool:
    """Whether a job needs a slot or has a decision; if so, it asks from a cycle on."""
    stage = m.stages[s]
    needs_slot = stage["unit"] != NONE and m.service[stage["first_job"] + job] > 0
    decision = m.needs[stage["first_decision"] + job] if stage["decider"] != NONE else NONE
    if not needs_slot and decision == NONE:
        return False
    stage["ready"] = ready
    if needs_slot:
        _line_up(m, s)
    if decision != NONE:
        _fear(m, s, decision)
    return True


@kernel(allocates=False, inlined=True)
def _fear(m: Machine, s: int, decision: int) -> None:
    """Put a stage among those whose decision may come, with when it is done if that is known."""
    stage = m.stages[s]
    decider = m.stages[stage["decider"]]
    number = decider["first_job"] + decision
    if decision < decider["head"] and m.ran[number]:
        stage["decided"] = m.times[2 * len(m.ran) + number]
    if stage["next_feared"] == UNCHAINED:
        stage["next_feared"] = m.feared[0]
        m.feared[0] = s


@kernel(allocates=False, inlined=True)
def _line_up(m: Machine, s: int) -> None:
    """Put a stage in the queue of its unit."""
    u = m.stages[s]["unit"]
    m.units[u]["n_asking"] += 1
    _stand(m.stages, m.queues, m.units[u], m.units[u]["n_asking"] - 1, s)
    if m.stages[s]["place"] == 0:
        _note_due(m, u)


@kernel(allocates=False, inlined=True)
def _step_out(m: Machine, s: int) -> None:
    """Take a stage out of the queue of its unit; the last one gets its place."""
    u, place = m.stages[s]["unit"], m.stages[s]["place"]
    unit = m.units[u]
    unit["n_asking"] -= 1
    m.stages[s]["place"] = NONE
    if place < unit["n_asking"]:
        _stand(m.stages, m.queues, unit, place, m.queues[unit["first_place"] + unit["n_asking"]])
    _note_due(m, u)


@kernel(allocates=False, inlined=True)
def _stand(stages: NDArray[Any], queues: NDArray[np.int64], unit: Any, place: int, s: int) -> None:
    """Put a stage at a vacant place of a queue, or above or below it where it belongs."""
    first, n = unit["first_place"], unit["n_asking"]
    while place > 0:
        other = queues[first + (place - 1) // 2]
        if not _comes_later(stages, other, s):
            break
        queues[first + place] = other
        stages[other]["place"] = place
        place = (place - 1) // 2
    while 2 * place + 1 < n:
        child = 2 * place + 1
        if child + 1 < n and _comes_later(stages, queues[first + child], queues[first + child + 1]):
            child += 1
        other = queues[first + child]
        if not _comes_later(stages, s, other):
            break
        queues[first + place] = other
        stages[other]["place"] = place
        place = child
    queues[first + place] = s
    stages[s]["place"] = place


@kernel(allocates=False, inlined=True)
def _comes_later(stages: NDArray[Any], one: int, other: int) -> bool:
    """Whether a stage that asks comes after another: by when it was ready, then by position."""
    mine, theirs = stages[one]["ready"], stages[other]["ready"]
    return bool((mine > theirs) | ((mine == theirs) & (one > other)))


@kernel(allocates=False, inlined=True)
def _note_due(m: Machine, u: int) -> None:
    """Note when the first in a queue gets a slot: it is ready, and one is vacant."""
    unit = m.units[u]
    m.due[u] = NEVER
    if unit["n_asking"] > 0:
        m.due[u] = max(m.stages[m.queues[unit["first_place"]]]["ready"], m.slots[unit["first_slot"]])


@kernel(allocates=False, inlined=True)
def _start(m: Machine, s: int, ready: int, now: int) -> int:
    """Write down the times of a stage's head, which was ready before and starts now; returns its free."""
    stage, account, reached = m.stages[s], m.accounts[s], m.reached[s]
    job = stage["head"]
    number = stage["first_job"] + job
    free = now + m.service[number]
    m.times[number] = now
    m.times[len(m.ran) + number] = free
    done = free + m.latency[stage["first_latency"] + job * stage["latency_step"]]
    m.times[2 * len(m.ran) + number] = done
    account[0] += free - now
    account[1] += stage["starved"]
    account[2] += stage["blocked"]
    account[3] += now - ready
    reached[0] = min(reached[0], now)
    reached[1] = max(reached[1], done)
    return int(free)


@kernel(allocates=False, inlined=True)
def _pass_head(m: Machine, s: int, todo: int) -> int:
    """Move a stage past its head, which is resolved, and tell those who wait for it or are decided by it."""
    stage = m.stages[s]
    job = stage["head"]
    stage["head"] = job + 1
    m.resolved[m.n_resolved[0]] = s
    m.n_resolved[0] += 1
    number = stage["first_job"] + job
    if stage["follower"] != NONE and m.ran[number]:
        f = stage["follower"]
        while f != NONE:
            follower = m.stages[f]
            if follower["ready"] != NEVER and m.needs[follower["first_decision"] + follower["head"]] == job:
                follower["decided"] = m.times[2 * len(m.ran) + number]
            f = follower["next_follower"]
    if stage["wakes"] <= job:
        todo = _wake(m.stages, s, todo)
    return todo


@kernel(allocates=False, inlined=True)
def _wake(stages: NDArray[Any], s: int, todo: int) -> int:
    """Put the stages whose heads waited for a resolved job of this one before those to advance; keep the others."""
    stage = stages[s]
    w = stage["waiter"]
    stage["waiter"] = NONE
    stage["wakes"] = NEVER
    while w != NONE:
        after = stages[w]["next"]
        if stages[w]["wanted"] < stage["head"]:
            stages[w]["next"] = todo
            todo = w
        else:
            _sleep(stages, w, s)
        w = after
    return todo


@kernel(allocates=False, inlined=True)
def _sleep(stages: NDArray[Any], s: int, awaited: int) -> None:
    """Let a stage sleep until the job its head wants of another one is resolved."""
    stages[s]["next"] = stages[awaited]["waiter"]
    stages[awaited]["waiter"] = s
    stages[awaited]["wakes"] = min(stages[awaited]["wakes"], stages[s]["wanted"])


@kernel(allocates=False, inlined=True)
def _next_turn(m: Machine) -> int:
    """The earliest cycle at which a head can be answered."""
    now = NEVER
    for u in range(len(m.due)):
        now = min(now, m.due[u])
    before, s = NONE, m.feared[0]
    while s != NONE:
        stage = m.stages[s]
        after = stage["next_feared"]
        if stage["ready"] != NEVER:
            now = min(now, max(stage["ready"], stage["decided"]) if stage["place"] != NONE else stage["ready"])
            before = s
        else:  # it was answered and has not asked again
            stage["next_feared"] = UNCHAINED
            if before == NONE:
                m.feared[0] = after
            else:
                m.stages[before]["next_feared"] = after
        s = after
    return int(now)


@kernel(allocates=False, inlined=True)
def _answer(m: Machine, now: int) -> int:
    """Void or start all heads that can be answered, all against one state; returns the first stage to advance."""
    n_answered = 0
    s = m.feared[0]
    while s != NONE:
        stage = m.stages[s]
        if stage["ready"] <= now:
            if stage["decided"] <= now:
                _void(m.ran, m.times, stage["first_job"] + stage["head"], now)
                if stage["place"] != NONE:
                    _step_out(m, s)
                m.turn[n_answered] = s
                n_answered += 1
            elif stage["place"] == NONE:
                _start(m, s, stage["ready"], now)
                m.turn[n_answered] = s
                n_answered += 1
        s = stage["next_feared"]
    for u in range(len(m.due)):
        unit = m.units[u]
        while m.due[u] <= now:
            s = m.queues[unit["first_place"]]
            _occupy(m.slots, unit["first_slot"], unit["n_slots"], _start(m, s, m.stages[s]["ready"], now))
            _step_out(m, s)
            m.turn[n_answered] = s
            n_answered += 1
    todo = NONE
    for i in range(n_answered):
        s = m.turn[i]
        m.stages[s]["ready"] = m.stages[s]["decided"] = NEVER
        todo = _pass_head(m, s, todo)
        m.stages[s]["next"] = todo
        todo = s
    return todo


@kernel(allocates=False, inlined=True)
def _void(ran: NDArray[np.bool_], times: NDArray[np.int64], number: int, now: int) -> None:
    ran[number] = False
    for event in range(3):
        times[event * len(ran) + number] = now


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
