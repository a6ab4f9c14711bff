"""Power over time while samples are played: the energy of each job spread over the cycles that it takes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim import units
from hwsim.contract.flip_flops import CLOCK, flip_flops_of
from hwsim.contract.ledger import OPERATIONS, Action
from hwsim.engine.stage import Stage
from hwsim.report.price import PricedRun
from hwsim.run.replay import Replay

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Power:
    """Mean power in uW of each of some equal stretches of time, by what takes it, at the middle of the prices."""

    edges_cycles: Floats  # [bin + 1]
    dynamic_uw: Floats  # [bin]
    clock_uw: Floats
    leakage_uw: Floats


def power(run: PricedRun, played: Replay, on_cycles: int, bins: int) -> Power:
    """That of the machine until so many cycles; together with its time it is the energy of what was played.

    A job takes its energy evenly over its service, one without service at once.
    """
    edges = np.linspace(0.0, max(on_cycles, 1), bins + 1)
    dynamic, active = np.zeros(bins), np.zeros(bins)
    for stage, key, counts in played.counts():
        if key.component != OPERATIONS:
            _spread(dynamic, edges, stage, played, counts * run.price(key).value)
    total, running = flip_flops_of(run.workload.hardware, run.components)
    each = run.price(Action("", CLOCK, "active_cycle")).value if running else 0.0
    for stage in played.schedule.stages:
        if n := running.get(stage.name, 0):
            _spread(active, edges, stage, played, stage.service * (n * each))
    ns = np.diff(edges) * (1e3 / run.clock_mhz)
    together = run.workload.together
    cycles = np.diff(edges) * total * run.price(Action("", CLOCK, "cycle")).value
    to_uw = together / (ns * units.PJ_PER_UW_NS)
    return Power(edges, dynamic * to_uw, (active + cycles) * to_uw, np.full(bins, run.leakage_uw("value")))


def _spread(total: Floats, edges: Floats, stage: Stage, played: Replay, pj: NDArray[np.floating]) -> None:
    """Add what the jobs of a stage take to the stretches of time that they lie in."""
    chosen = played.happened(stage) & (pj > 0)
    start, free = (times[stage.name] for times in (played.timeline.start, played.timeline.free))
    at_once = chosen & (start == free)
    place = np.searchsorted(edges, start[at_once], side="right").clip(1, total.size) - 1
    np.add.at(total, place, pj[at_once])
    served = chosen & (start < free)
    rate = pj[served] / (free[served] - start[served])
    spent = np.zeros(edges.size)  # until each edge: of each job what has passed of it by then
    for sign, moments in ((1.0, start[served]), (-1.0, free[served])):
        order = np.argsort(moments, kind="stable")
        at, rates = moments[order].astype(np.float64), rate[order]
        sums, weighted = (np.concatenate([[0.0], np.cumsum(each)]) for each in (rates, rates * at))
        before = np.searchsorted(at, edges, side="right")
        spent += sign * (sums[before] * edges - weighted[before])
    total += np.diff(spent)
