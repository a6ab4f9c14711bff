"""What happens to a job in some samples side by side, in LLVM's vectors, and beside each what it computes.

A compiler makes nothing better than scalar code of loops over so few samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import Later, intrinsic
from hwsim.kernels.vectors import all_lanes, index, load, number, pointers, spread, vector

if TYPE_CHECKING:
    from llvmlite import ir
else:
    ir = Later("llvmlite.ir")

LANES = 16
"""Samples side by side, which fill a vector of 512 bits with narrow numbers: our choice."""

cgutils: Any = Later("numba.core.cgutils")
types: Any = Later("numba.types")
Rows = NDArray[np.int32] | NDArray[np.int64]
"""Numbers of each sample, [row, LANES]; narrow ones where all cycles are."""


def _row(builder: Any, pointer: Any, row: Any) -> Any:
    """Row `row` of an array [row, lane]."""
    return load(builder, pointer, builder.mul(row, number(LANES)), vector(pointer.type.pointee.width, LANES))


def _write(builder: Any, value: Any, pointer: Any, row: Any) -> None:
    at = builder.gep(pointer, [builder.mul(row, number(LANES))])
    builder.store(value, builder.bitcast(at, value.type.as_pointer()), align=value.type.element.width // 8)


def _add(builder: Any, value: Any, pointer: Any, row: Any) -> None:
    _write(builder, builder.add(_row(builder, pointer, row), value), pointer, row)


def _larger(builder: Any, one: Any, other: Any) -> Any:
    return builder.select(builder.icmp_signed(">", one, other), one, other)


def _alike(builder: Any, value: Any, kind: Any) -> Any:
    """The same number for every sample."""
    narrow = value if kind.element.width == value.type.width else builder.trunc(value, kind.element)
    return spread(builder, narrow, LANES)


class _Job(NamedTuple):
    """What a job waits for, in the order of the arguments of `wait`."""

    times: Any
    awaited: Any
    before: Any
    first: Any
    space: Any
    end: Any
    stalled: Any
    stage: Any


def _wait_interpreted(
    times: Rows,
    awaited: NDArray[np.int32],
    before: int,
    first: int,
    space: int,
    end: int,
    stalled: Rows,
    stage: int,
    now: Rows,
) -> None:
    now[0] = times[before]
    for account, places in enumerate((awaited[first:space], awaited[space:end])):
        since = now[0].copy()
        for place in places:
            np.maximum(now[0], times[place], out=now[0])
        stalled[3 * stage + account] += now[0] - since


def _wait(builder: Any, job: _Job) -> Any:
    """When a job is ready in each sample, and what it waited for on the accounts of its stage."""
    ready = _row(builder, job.times, job.before)
    for account, (first, end) in enumerate(((job.first, job.space), (job.space, job.end))):
        met = cgutils.alloca_once_value(builder, ready)
        with cgutils.for_range(builder, builder.sub(end, first)) as loop:
            place = builder.load(builder.gep(job.awaited, [builder.add(first, loop.index)]))
            awaited = _row(builder, job.times, builder.sext(place, index()))
            builder.store(_larger(builder, builder.load(met), awaited), met)
        found = builder.load(met)
        row = builder.add(builder.mul(job.stage, number(3)), number(account))
        _add(builder, builder.sub(found, ready), job.stalled, row)
        ready = found
    return ready


@intrinsic(interpreted=_wait_interpreted)
def wait(
    _typing_context: Any,
    times: Any,
    awaited: Any,
    before: Any,
    first: Any,
    space: Any,
    end: Any,
    stalled: Any,
    stage: Any,
    now: Any,
) -> Any:
    """Let a job wait for rows of `times`: `before`, `awaited[first:space]` for data, `[space:end]` for space.

    When it is ready goes to `now[0]`, how long it waited is added to `stalled[3 * stage]` and the one after that.
    """
    i64 = types.int64
    signature = types.void(times, awaited, i64, i64, i64, i64, stalled, i64, now)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        *job, now_at = pointers(context, builder, signature, arguments)
        _write(builder, _wait(builder, _Job(*job)), now_at, number(0))
        return context.get_dummy_value()

    return signature, codegen


def _run_interpreted(
    times: Rows,
    awaited: NDArray[np.int32],
    before: int,
    first: int,
    space: int,
    end: int,
    stalled: Rows,
    stage: int,
    now: Rows,
    service: int,
    latency: int,
    job: int,
    n: int,
    ended: Rows,
) -> None:
    _wait_interpreted(times, awaited, before, first, space, end, stalled, stage, now)
    _resolve_interpreted(now[0], now, service, latency, times, job, n, ended, stage)


@intrinsic(interpreted=_run_interpreted)
def run(
    _typing_context: Any,
    times: Any,
    awaited: Any,
    before: Any,
    first: Any,
    space: Any,
    end: Any,
    stalled: Any,
    stage: Any,
    now: Any,
    service: Any,
    latency: Any,
    job: Any,
    n: Any,
    ended: Any,
) -> Any:
    """Let a job wait as `wait` does, and start it when it is ready.

    Its cycles are `service` and `latency` and, where samples differ, what `now[1]` and `now[2]` add; its start, free
    and done go to rows `job`, `n + job` and `2 n + job` of `times`, and the last done to `ended[stage]`.
    """
    i64 = types.int64
    signature = types.void(times, awaited, i64, i64, i64, i64, stalled, i64, now, i64, i64, i64, i64, ended)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        *job, now_at, service, latency, number_, n, ended_at = pointers(context, builder, signature, arguments)
        waiting = _Job(*job)
        start = _wait(builder, waiting)
        cycles = _cycles(builder, now_at, service, latency)
        _resolve(builder, start, cycles, waiting.times, number_, n, ended_at, waiting.stage)
        return context.get_dummy_value()

    return signature, codegen


def _cycles(builder: Any, now: Any, service: Any, latency: Any) -> tuple[Any, Any]:
    both = ((1, service), (2, latency))
    own = [(_row(builder, now, number(row)), common) for row, common in both]
    one, other = (builder.add(cycles, _alike(builder, common, cycles.type)) for cycles, common in own)
    return one, other


def _resolve_interpreted(
    start: NDArray[np.int64],
    now: Rows,
    service: int,
    latency: int,
    times: Rows,
    job: int,
    n: int,
    ended: Rows,
    stage: int,
) -> None:
    free = start + now[1] + service
    done = free + now[2] + latency
    times[job], times[n + job], times[2 * n + job] = start, free, done
    ended[stage] = np.maximum(ended[stage], done)


def _resolve(
    builder: Any, start: Any, cycles: tuple[Any, Any], times: Any, job: Any, n: Any, ended: Any, stage: Any
) -> None:
    """Write down the times of a job."""
    free = builder.add(start, cycles[0])
    done = builder.add(free, cycles[1])
    for event, time in enumerate((start, free, done)):
        _write(builder, time, times, builder.add(job, builder.mul(n, number(event))))
    _write(builder, _larger(builder, _row(builder, ended, stage), done), ended, stage)


def _queue_interpreted(now: Rows, service: int, granted: Rows, unit: int, doubt: Rows) -> int:
    ready, asks, before = now[0], now[1] + service > 0, granted[3 * unit]
    doubt[0] |= np.where(asks & (ready < before), -1, 0)
    return int((asks & (ready == before)).any())


@intrinsic(interpreted=_queue_interpreted)
def queue(_typing_context: Any, now: Any, service: Any, granted: Any, unit: Any, doubt: Any) -> Any:
    """Doubt the samples in which a job with service is ready before the last that got a slot; whether any ties."""
    signature = types.int64(now, types.int64, granted, types.int64, doubt)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        now_at, service, granted_at, unit, doubt_at = pointers(context, builder, signature, arguments)
        ready, before = _row(builder, now_at, number(0)), _row(builder, granted_at, builder.mul(unit, number(3)))
        cycles, _ = _cycles(builder, now_at, service, number(0))
        asks = builder.icmp_signed(">", cycles, all_lanes(cycles.type, 0))
        early = builder.and_(asks, builder.icmp_signed("<", ready, before))
        doubt = builder.or_(_row(builder, doubt_at, number(0)), builder.sext(early, ready.type))
        _write(builder, doubt, doubt_at, number(0))
        ties = builder.and_(asks, builder.icmp_signed("==", ready, before))
        return builder.zext(builder.bitcast(ties, ir.IntType(LANES)), index())

    return signature, codegen


def _take_interpreted(
    now: Rows,
    service: int,
    latency: int,
    granted: Rows,
    unit: int,
    step: int,
    slots: Rows,
    slot: int,
    stalled: Rows,
    stage: int,
    times: Rows,
    job: int,
    n: int,
    ended: Rows,
) -> None:
    ready, cycles = now[0], now[1] + service
    asks = cycles > 0
    start = np.where(asks, np.maximum(ready, slots[slot]), ready)
    for i, value in enumerate((ready, start, step)):
        granted[3 * unit + i] = np.where(asks, value, granted[3 * unit + i])
    slots[slot] = np.where(asks, start + cycles, slots[slot])
    stalled[3 * stage + 2] += start - ready
    _resolve_interpreted(start, now, service, latency, times, job, n, ended, stage)


@intrinsic(interpreted=_take_interpreted)
def take(
    _typing_context: Any,
    now: Any,
    service: Any,
    latency: Any,
    granted: Any,
    unit: Any,
    step: Any,
    slots: Any,
    slot: Any,
    stalled: Any,
    stage: Any,
    times: Any,
    job: Any,
    n: Any,
    ended: Any,
) -> Any:
    """Start a job that is ready at `now[0]` with the one slot of a unit, in the samples in which it has service.

    When it was ready and started and its step go to `granted[3 * unit]` and after that, how long it waited for the slot
    is added to `stalled[3 * stage + 2]`; all else as `run` has it.
    """
    i64 = types.int64
    signature = types.void(now, i64, i64, granted, i64, i64, slots, i64, stalled, i64, times, i64, i64, ended)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        now_at, service, latency, granted_at, unit, step, slot_at, slot, stalled_at, stage, *last = pointers(
            context, builder, signature, arguments
        )
        cycles = _cycles(builder, now_at, service, latency)
        ready, free = _row(builder, now_at, number(0)), _row(builder, slot_at, slot)
        asks = builder.icmp_signed(">", cycles[0], all_lanes(cycles[0].type, 0))
        start = builder.select(asks, _larger(builder, ready, free), ready)
        for i, value in enumerate((ready, start, _alike(builder, step, ready.type))):
            place = builder.add(builder.mul(unit, number(3)), number(i))
            _write(builder, builder.select(asks, value, _row(builder, granted_at, place)), granted_at, place)
        _write(builder, builder.select(asks, builder.add(start, cycles[0]), free), slot_at, slot)
        row = builder.add(builder.mul(stage, number(3)), number(2))
        _add(builder, builder.sub(start, ready), stalled_at, row)
        times, job, n, ended = last
        _resolve(builder, start, cycles, times, job, n, ended, stage)
        return context.get_dummy_value()

    return signature, codegen
