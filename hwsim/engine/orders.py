"""Orders in which jobs were resolved, kept with what schedules were retimed from, for samples that follow them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.engine.records import Shared
from hwsim.engine.schedule import Schedules
from hwsim.kept import kept_with
from hwsim.kernels.events.batch import play_batch
from hwsim.kernels.events.follow import Lanes, follow
from hwsim.kernels.events.lanes import LANES
from hwsim.kernels.events.machine import NEVER, NONE, Batch, Machine
from hwsim.kernels.events.order import MOST_JOBS, STEP, Order, order_waits

MOST_ORDERS = 3
"""That are kept, and that are tried anew in a batch: our choice."""
_ALIGNED = 64  # bytes of a line of a cache, which a vector then does not cross


def follow_orders(schedules: Schedules, shared: Shared, batch: Batch) -> None:
    """Play samples that follow one of a few orders, known from before or taken by one of them; the others are left."""
    n_jobs = batch.ran.shape[1]
    decided = (batch.stages["decider"] != NONE).any()
    if decided or len(batch.needs) > 1 or not 0 < n_jobs <= MOST_JOBS:
        return
    known: list[Order] = kept_with(schedules.shape or schedules).once("orders", list)
    if not known and len(schedules) == 1:
        return
    lanes = _lanes(batch)
    useful: list[Order] = []
    others: list[Order] = []
    for order in tuple(known):
        (useful if _follow(order, batch, lanes) else others).append(order)
    for _ in range(MOST_ORDERS):
        left = np.flatnonzero(batch.left)
        if left.size < 2:
            break
        order = _taken_by(int(left[0]), batch, shared)
        if not _follow(order, batch, lanes):
            break
        useful.append(order)
    known[:] = [*useful, *others][:MOST_ORDERS]


def _follow(order: Order, batch: Batch, lanes: Lanes) -> bool:
    """Let the samples that are left follow an order; whether any did."""
    left = np.flatnonzero(batch.left)
    if left.size:
        follow(order, batch, np.resize(left, -(-left.size // LANES) * LANES), lanes)
    return int(batch.left.sum()) < left.size


def _taken_by(sample: int, batch: Batch, shared: Shared) -> Order:
    """Play a sample, and return the order in which its jobs were resolved."""
    alone = np.zeros_like(batch.left)
    alone[sample] = True
    room = room_for_one(batch, shared)
    play_batch(batch._replace(left=alone), room)
    batch.left[sample] = alone[sample]
    order = Order(np.zeros(batch.ran.shape[1], STEP), np.zeros(batch.needs.shape[1], np.int32))
    order_waits(batch.stages, shared.waits, batch.needs[0], room.resolved, np.zeros(len(batch.stages), np.int64), order)
    return order


def _lanes(batch: Batch) -> Lanes:
    """Room for the samples that follow side by side."""
    n_stages, n_units = len(batch.stages), len(batch.units)

    def room(rows: int) -> NDArray[np.int64]:
        values = np.empty((rows + 1) * LANES, np.int64)
        first = -values.ctypes.data % _ALIGNED // values.itemsize
        return values[first : first + rows * LANES].reshape(rows, LANES)

    return Lanes(
        times=room(batch.times.shape[1] + 1),
        now=room(3),
        slots=room(int(batch.units["n_slots"].sum())),
        granted=room(3 * n_units),
        stalled=room(3 * n_stages),
        ended=room(n_stages),
        doubt=room(1),
        spans=np.zeros((n_stages, 2), np.int64),
    )


def room_for_one(batch: Batch, shared: Shared) -> Machine:
    """Room for one sample at cycle 0, which adds to the accounts of the batch."""
    records, units, n_stages = batch.stages, batch.units, len(batch.stages)
    return Machine(
        stages=records.copy(),
        waits=shared.waits,
        needs=batch.needs[0],
        service=np.empty_like(batch.service.common),
        latency=np.empty_like(batch.latency.common),
        slots=np.zeros(units["n_slots"].sum(), dtype=np.int64),
        turn=np.zeros(n_stages, dtype=np.int64),
        feared=np.full(1, NONE, dtype=np.int64),
        units=units.copy(),
        queues=np.zeros((records["unit"] != NONE).sum(), dtype=np.int64),
        due=np.full(len(units), NEVER, dtype=np.int64),
        accounts=batch.accounts,
        reached=np.zeros((n_stages, 2), dtype=np.int64),
        times=batch.times[0],
        ran=batch.ran[0],
        resolved=np.zeros(batch.ran.shape[1], dtype=np.int32),
        n_resolved=np.zeros(1, dtype=np.int64),
    )
