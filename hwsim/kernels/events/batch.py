"""Plays samples of a batch one after another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.events.loop import play
from hwsim.kernels.events.machine import NEVER, NONE, Batch, Machine, Numbers


@kernel(allocates=False, apart=True)  # mixed with what takes its arguments apart it is an eighth slower
def play_batch(b: Batch, m: Machine) -> None:
    """Play the samples that are left; the machine is room for one of them, and adds up the accounts of all.

    It stops at the first sample that deadlocks, of which the heads tell.
    """
    for sample in range(len(b.left)):
        if not b.left[sample]:
            continue
        one = Machine(
            m.stages,
            m.waits,
            b.needs[sample % len(b.needs)],
            m.service,
            m.latency,
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
            m.resolved,
            m.n_resolved,
        )
        for s in range(len(b.stages)):
            m.stages[s] = b.stages[s]
        _fill(b.service, sample, m.service)
        _fill(b.latency, sample, m.latency)
        play(one)
        stuck = False
        for s in range(len(b.stages)):
            b.heads[sample, s] = m.stages[s]["head"]
            stuck |= m.stages[s]["head"] < m.stages[s]["n_jobs"]
        if stuck:
            return
        b.left[sample] = False
        add_up(b, sample, m.reached)


@kernel(allocates=False, inlined=True)
def _fill(numbers: Numbers, sample: int, row: NDArray[np.int64]) -> None:
    """Put cycles of one sample side by side."""
    for i in range(row.size):
        row[i] = numbers.common[i]
    for s in range(len(numbers.column)):
        if numbers.column[s] != NONE:
            first = numbers.bounds[s]
            for i in range(first, numbers.bounds[s + 1]):
                row[i] = numbers.own[sample, numbers.column[s] + i - first]


@kernel(allocates=False, inlined=True)
def add_up(b: Batch, sample: int, reached: NDArray[np.int64]) -> None:
    """Find when a sample and its layers began and ended, from first start and last done of each stage [stage, 2]."""
    b.span[:, 0] = NEVER
    b.span[:, 1] = 0
    for s in range(len(b.layers)):
        span = b.span[b.layers[s]]
        span[0] = min(span[0], reached[s, 0])
        span[1] = max(span[1], reached[s, 1])
        b.makespan[sample] = max(b.makespan[sample], reached[s, 1])
    for layer in range(len(b.span)):
        if b.span[layer, 0] != NEVER:
            b.spans[layer, 0] += b.span[layer, 0]
            b.spans[layer, 1] += b.span[layer, 1]
