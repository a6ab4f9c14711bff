"""Orders in which jobs were resolved, kept with what schedules were retimed from, for samples that follow them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.records import Shared
from hwsim.engine.schedule import Schedules
from hwsim.kept import kept_with
from hwsim.kernels.aligned import aligned
from hwsim.kernels.events.batch import play_batch
from hwsim.kernels.events.follow import Lanes, follow
from hwsim.kernels.events.lanes import LANES
from hwsim.kernels.events.machine import NEVER, NONE, Batch, Machine
from hwsim.kernels.events.order import MOST_JOBS, STEP, Order, order_waits

MOST_ORDERS = 3
"""That are kept, and that are tried anew in a batch: our choice."""
_JOBS_WORTH_AN_ORDER = 1 << 15  # of all samples: to find one takes as long as to play some thousand
_NARROW = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Blocks:
    """Times of the samples that followed, LANES side by side."""

    parts: list[tuple[NDArray[Any], NDArray[np.intp], NDArray[np.intp]]] = field(default_factory=list)
    """Blocks [block, 3 jobs + 1, LANES], the samples that followed, and where each is among all lanes of the blocks."""

    def over(self, alone: NDArray[np.int64], rows: slice) -> NDArray[np.int64]:
        """Times [sample, row] of those that were played alone, with those of the others in their rows."""
        if not self.parts:
            return alone
        found = alone.copy()
        for blocks, samples, places in self.parts:
            chosen = blocks[:, rows]
            found[samples] = chosen.swapaxes(1, 2).reshape(len(blocks) * LANES, chosen.shape[1])[places]
        return found


def follow_orders(schedules: Schedules, shared: Shared, batch: Batch) -> Blocks:
    """Play samples that follow one of a few orders, known from before or taken by one of them; the others are left."""
    n_jobs, blocks = batch.ran.shape[1], Blocks()
    decided = (batch.stages["decider"] != NONE).any()
    if decided or len(batch.needs) > 1 or not 0 < n_jobs <= MOST_JOBS:
        return blocks
    known: list[Order] = kept_with(schedules if schedules.shape is None else schedules.shape).once("orders", list)
    if not known and len(schedules) * n_jobs < _JOBS_WORTH_AN_ORDER:
        return blocks
    lanes = lanes_for(batch, np.dtype(np.int32 if schedules.most_cycles < _NARROW else np.int64))
    useful: list[Order] = []
    others: list[Order] = []
    for order in tuple(known):
        (useful if _follow(order, batch, lanes, blocks) else others).append(order)
    for _ in range(MOST_ORDERS):
        left = np.flatnonzero(batch.left)
        if left.size < 2:
            break
        taken = _taken_by(int(left[0]), batch, shared)
        if taken is None or not _follow(taken, batch, lanes, blocks):
            break
        useful.append(taken)
    known[:] = [*useful, *others][:MOST_ORDERS]
    return blocks


def _follow(order: Order, batch: Batch, lanes: Lanes, blocks: Blocks) -> bool:
    """Let the samples that are left follow an order; whether any did."""
    left = np.flatnonzero(batch.left)
    if not left.size:
        return False
    samples = np.resize(left, -(-left.size // LANES) * LANES)
    times = times_for(batch, samples.size // LANES, lanes.now.dtype)
    follow(order, batch, samples, times, lanes)
    places = np.flatnonzero(~batch.left[left])
    if places.size:
        blocks.parts.append((times, left[places], places))
    return places.size > 0


def _taken_by(sample: int, batch: Batch, shared: Shared) -> Order | None:
    """Play a sample, and return the order in which its jobs were resolved; None where it deadlocks."""
    alone = np.zeros_like(batch.left)
    alone[sample] = True
    room = room_for_one(batch, shared)
    play_batch(batch._replace(left=alone), room)
    if alone[sample]:
        return None
    batch.left[sample] = False
    order = order_for(batch)
    order_waits(batch.stages, shared.waits, batch.needs[0], room.resolved, np.zeros(len(batch.stages), np.int64), order)
    return order


def order_for(batch: Batch) -> Order:
    """An order that is not known yet."""
    return Order(np.zeros(batch.ran.shape[1], STEP), np.zeros(batch.needs.shape[1], np.int32))


def times_for(batch: Batch, n_blocks: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """Room for what becomes of some blocks of samples side by side, of numbers of some kind."""
    n_rows = batch.times.shape[1] + 1
    return _rows(n_blocks * n_rows, kind).reshape(n_blocks, n_rows, LANES)


def lanes_for(batch: Batch, kind: np.dtype[Any]) -> Lanes:
    """Room for the samples that follow side by side, of numbers of some kind."""
    n_stages, n_units = len(batch.stages), len(batch.units)
    return Lanes(
        now=_rows(3, kind),
        slots=_rows(int(batch.units["n_slots"].sum()), kind),
        granted=_rows(3 * n_units, kind),
        stalled=_rows(3 * n_stages, kind),
        ended=_rows(n_stages, kind),
        doubt=_rows(1, kind),
        busy=np.zeros(n_stages, np.int64),
        spans=np.zeros((n_stages, 2), np.int64),
    )


def _rows(rows: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """Room [row, LANES] for numbers of a kind, which begins with a line of the cache."""
    return aligned(rows * LANES, kind).reshape(rows, LANES)


def room_for_one(batch: Batch, shared: Shared) -> Machine:
    """Room for one sample at cycle 0, which adds to the accounts of the batch."""
    records, units, n_stages = batch.stages, batch.units, len(batch.stages)
    return Machine(
        stages=records.copy(),
        waits=shared.waits,
        needs=batch.needs[0],
        service=np.empty_like(batch.service.common),
        latency=np.empty_like(batch.latency.common),
        slots=np.zeros(shared.n_slots, dtype=np.int64),
        turn=np.zeros(n_stages, dtype=np.int64),
        feared=np.full(1, NONE, dtype=np.int64),
        units=units.copy(),
        queues=np.zeros(shared.n_asking, dtype=np.int64),
        due=np.full(len(units), NEVER, dtype=np.int64),
        accounts=batch.accounts,
        reached=np.zeros((n_stages, 2), dtype=np.int64),
        times=batch.times[0],
        ran=batch.ran[0],
        resolved=np.zeros(batch.ran.shape[1], dtype=np.int32),
        n_resolved=np.zeros(1, dtype=np.int64),
    )
