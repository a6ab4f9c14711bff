"""Plays the samples of a batch one after another, and accounts for the cycles of every stage."""

from __future__ import annotations

from hwsim.kernels.compiled import kernel
from hwsim.kernels.events.loop import play
from hwsim.kernels.events.machine import NEVER, NONE, Batch, Machine


@kernel(allocates=False)
def play_batch(b: Batch, m: Machine) -> None:
    """Fill `times`, `ran`, `heads`, `accounts` and `spans`; `m` is room for one machine, with its waits.

    It stops at the first sample that deadlocks, of which the heads tell.
    """
    for sample in range(len(b.times)):
        for s in range(len(b.stages)):
            m.stages[s] = b.stages[s]
        m.slots[:] = 0
        one = Machine(
            m.stages,
            m.waits,
            b.needs[sample % len(b.needs)],
            b.service[sample % len(b.service)],
            b.latency[sample % len(b.latency)],
            m.slots,
            m.turn,
            m.feared,
            m.units,
            m.queues,
            m.due,
            b.times[sample],
            b.ran[sample],
        )
        play(one)
        stuck = False
        for s in range(len(b.stages)):
            b.heads[sample, s] = one.stages[s]["head"]
            stuck |= one.stages[s]["head"] < one.stages[s]["n_jobs"]
        if stuck:
            return
        _account(one, b)


@kernel(allocates=False, inlined=True)
def _account(m: Machine, b: Batch) -> None:
    """Add what each stage did with its cycles, as `engine.timeline` defines it in `stalls`, and when layers ran."""
    n_jobs = len(m.ran)
    makespan = 0
    for job in range(n_jobs):
        if m.ran[job]:
            makespan = max(makespan, m.times[2 * n_jobs + job])
    b.reached[:, 0] = NEVER
    b.reached[:, 1] = 0
    for s in range(len(m.stages)):
        stage = m.stages[s]
        busy, starved, blocked, arbitrating = 0, 0, 0, 0
        first, last = NEVER, 0
        for job in range(stage["n_jobs"]):
            number = stage["first_job"] + job
            if not m.ran[number]:
                continue
            available = m.times[n_jobs + number - 1] if job > 0 else 0
            has_data, has_space = available, available
            for w in range(stage["first_wait"], stage["end_wait"]):
                wait = m.waits[w]
                need = m.needs[wait["first_need"] + job]
                if need != NONE:
                    met = m.times[wait["first_time"] + need]
                    has_space = max(has_space, met)
                    if not wait["for_space"]:
                        has_data = max(has_data, met)
            busy += m.service[number]
            starved += has_data - available
            blocked += has_space - has_data
            arbitrating += m.times[number] - has_space
            first = min(first, m.times[number])
            last = max(last, m.times[2 * n_jobs + number])
        accounts = b.accounts[s]
        accounts[0] += busy
        accounts[1] += starved
        accounts[2] += blocked
        accounts[3] += arbitrating
        accounts[4] += makespan - busy - starved - blocked - arbitrating
        reached = b.reached[b.layers[s]]
        reached[0] = min(reached[0], first)
        reached[1] = max(reached[1], last)
    for layer in range(len(b.reached)):
        if b.reached[layer, 0] != NEVER:
            b.spans[layer, 0] += b.reached[layer, 0]
        b.spans[layer, 1] += b.reached[layer, 1]
