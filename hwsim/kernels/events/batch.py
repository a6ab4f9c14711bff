"""Plays the samples of a batch one after another."""

from __future__ import annotations

from hwsim.kernels.compiled import kernel
from hwsim.kernels.events.loop import play
from hwsim.kernels.events.machine import NEVER, Batch, Machine


@kernel(allocates=False)
def play_batch(b: Batch, m: Machine) -> None:
    """Fill `times`, `ran`, `heads`, `spans` and the machine's `accounts`; `m` is room for one, with its waits.

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
            m.accounts,
            m.reached,
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
        _add_spans(m, b)


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
