"""Kernels that nearly every play of the compiled engine calls, with arguments of the kinds that it gives them."""

from __future__ import annotations

from typing import Any

import numpy as np

from hwsim.engine.compiled_engine import lay_out
from hwsim.engine.orders import lanes_for, order_for, times_for
from hwsim.engine.schedule import Schedule, Schedules
from hwsim.engine.stage import Stage
from hwsim.kernels.events.batch import play_batch
from hwsim.kernels.events.follow import follow
from hwsim.kernels.events.lanes import LANES
from hwsim.kernels.events.order import order_waits


def usual_calls() -> list[tuple[Any, tuple[Any, ...]]]:
    """Each kernel and its arguments, in the order in which they are called, for a schedule of one job."""
    one, label = np.ones(1, np.int64), np.zeros(1, np.int32)
    stage = Stage("stage", "layer", one, 1, sample=label, timestep=label)
    batch, room = lay_out(Schedules.of([Schedule((stage,), {}, ("stage", np.zeros(1, np.int64)))]))
    kind, order = np.dtype(np.int32), order_for(batch)
    samples = np.zeros(LANES, np.int64)
    return [
        (play_batch, (batch, room)),
        (follow, (order, batch, samples, times_for(batch, 1, kind), lanes_for(batch, kind))),
        (order_waits, (batch.stages, room.waits, batch.needs[0], room.resolved, np.zeros(1, np.int64), order)),
    ]
