"""Plays the samples of a batch one after another: what all have in common once."""

from __future__ import annotations

from hwsim.kernels.compiled import kernel
from hwsim.kernels.events.loop import go_on, play
from hwsim.kernels.events.machine import FREE, NEVER, Batch, Machine


@kernel(allocates=False)
def play_batch(b: Batch, m: Machine, common: Machine) -> None:
    """Fill `times`, `ran`, `heads`, `spans` and the machine's `accounts`; both machines are room for one sample.

    The first sample is played on `common` until something differs between samples, and every sample goes on from there.
    It stops at the first sample that deadlocks, of which the heads tell.
    """
    shares = False
    for s in range(len(b.stages)):
        common.stages[s] = b.stages[s]
        common.held[s] = b.held[s]
        shares |= b.held[s] == FREE
    common.slots[:] = 0
    if shares:
        play(_machine(common, b, 0))
    for sample in range(len(b.times)):
        one = _machine(m, b, sample)
        if shares:
            _take_over(m, b, common, sample)
            go_on(one)
        else:
            for s in range(len(b.stages)):
                m.stages[s] = b.stages[s]
                m.held[s] = FREE
            m.slots[:] = 0
            play(one)
        stuck = False
        for s in range(len(b.stages)):
            b.heads[sample, s] = one.stages[s]["head"]
            stuck |= one.stages[s]["head"] < one.stages[s]["n_jobs"]
        if stuck:
            return
        _add_spans(m, b)


@kernel(allocates=False, inlined=True)
def _take_over(m: Machine, b: Batch, common: Machine, sample: int) -> None:
    """Bring a machine to where all samples are alike, and add that to its accounts."""
    n_jobs = len(b.ran[0])
    for s in range(len(b.stages)):
        m.stages[s] = common.stages[s]
        first = m.stages[s]["first_job"]
        for event in range(3 if sample > 0 else 0):
            start = event * n_jobs + first
            for job in range(start, start + m.stages[s]["head"]):
                b.times[sample, job] = b.times[0, job]
        m.held[s] = common.held[s]
        m.reached[s, 0], m.reached[s, 1] = common.reached[s, 0], common.reached[s, 1]
        for account in range(m.accounts.shape[1]):
            m.accounts[s, account] += common.accounts[s, account]
    for i in range(len(m.slots)):
        m.slots[i] = common.slots[i]
    for i in range(len(m.queues)):
        m.queues[i] = common.queues[i]
    for u in range(len(m.units)):
        m.units[u] = common.units[u]
        m.due[u] = common.due[u]
    m.feared[0] = common.feared[0]


@kernel(allocates=False, inlined=True)
def _machine(m: Machine, b: Batch, sample: int) -> Machine:
    """A room with what one sample has."""
    return Machine(
        m.stages,
        m.waits,
        b.needs[sample % len(b.needs)],
        b.service[sample % len(b.service)],
        b.latency[sample % len(b.latency)],
        m.slots,
        m.turn,
        m.held,
        m.until,
        m.feared,
        m.units,
        m.queues,
        m.due,
        m.accounts,
        m.reached,
        b.times[sample],
        b.ran[sample],
    )


@kernel(allocates=False, inlined=True)
def _add_spans(m: Machine, b: Batch) -> None:
    """Add when each layer began and ended."""
    b.span[:, 0] = NEVER
    b.span[:, 1] = 0
    for s in range(len(b.layers)):
        span = b.span[b.layers[s]]
        span[0] = min(span[0], m.reached[s, 0])
        span[1] = max(span[1], m.reached[s, 1])
    for layer in range(len(b.span)):
        if b.span[layer, 0] != NEVER:
            b.spans[layer, 0] += b.span[layer, 0]
            b.spans[layer, 1] += b.span[layer, 1]
