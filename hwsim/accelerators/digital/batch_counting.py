"""What some samples of a trace do on the machine, kept with the trace where that is little."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hwsim.accelerators.digital.codes import Codes, compresses
from hwsim.accelerators.digital.counting import TileWork, count_task
from hwsim.accelerators.digital.layout import Layout
from hwsim.accelerators.digital.mean_fan_out import mean_accumulates
from hwsim.accelerators.digital.mover import Traffic
from hwsim.accelerators.digital.plan import Task
from hwsim.accelerators.digital.posting import post_all
from hwsim.accelerators.digital.timing import TaskWork
from hwsim.accelerators.digital.traffic import pad_reads, skips, traffic
from hwsim.arch.reads import is_watched, kept
from hwsim.contract.ledger import Ledger
from hwsim.traces.direct.encode import Activations
from hwsim.traces.direct.trace import Trace

_MOST_KEPT = 1 << 18  # jobs of all samples, of which each has a few counts


@dataclass(frozen=True, slots=True)
class Counted:
    """The work of every task, and every action it takes."""

    works: list[TaskWork]
    ledger: Ledger


def count(laid_out: Layout, trace: Trace, samples: range) -> Counted:
    """Count what some samples do, whatever time it takes; kept where designs are varied."""
    plan = laid_out.plan
    jobs = len(samples) * plan.timesteps * sum(task.tiling.jobs for task in plan.tasks)
    little = jobs <= _MOST_KEPT and len(samples) == trace.n_samples  # of several batches all would be kept
    if not (is_watched(plan.spec) and little):
        return _count(laid_out, trace, samples)
    return kept(
        trace,
        ("counts", plan.dense),
        plan.spec,
        lambda asked: _count(Layout.of(asked, plan.network, plan.timesteps, plan.dense), trace, samples),
    )


def _count(laid_out: Layout, trace: Trace, samples: range) -> Counted:
    works, chosen = [], slice(samples.start, samples.stop)
    plan, storage = laid_out.plan, laid_out.storage
    activations = Activations(trace, chosen)
    codes = Codes(plan, storage, trace, chosen) if compresses(plan.spec) else None
    for task in plan.tasks:
        tiles = count_task(plan, task, activations)
        mean = mean_accumulates(plan, laid_out.unit, task, trace, chosen)
        works.append(TaskWork(task, tiles, mean, _traffic(laid_out, task, tiles, codes)))
        if codes is not None:
            codes.forget(task)
    return Counted(works, post_all(plan, storage, works, len(samples), laid_out.taken, laid_out.fixed))


def _traffic(laid_out: Layout, task: Task, tiles: TileWork | None, codes: Codes | None) -> Traffic:
    """What a task moves, of which spikes change no more than what a scratchpad gives, if nothing is packed for DRAM."""
    plan, storage = laid_out.plan, laid_out.storage
    if codes is not None or (skips(plan, tiles) and task.name not in storage.in_scratchpad):
        return traffic(plan, storage, task, tiles, codes)
    still = laid_out.still[task.name]
    return replace(still, pad_reads=pad_reads(plan, task, tiles)) if skips(plan, tiles) else still
