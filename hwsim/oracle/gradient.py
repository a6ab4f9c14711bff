"""What every spike of a batch costs in an objective: marginal costs of counts, and of cycles on the critical path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hwsim import units
from hwsim.contract.batches import OneEach
from hwsim.contract.flip_flops import CLOCK, flip_flops_of
from hwsim.contract.ledger import Action
from hwsim.contract.marginal import Asked, Floats
from hwsim.contract.run import RunName
from hwsim.contract.workload import Workload
from hwsim.engine.critical_jobs import jobs_on_path
from hwsim.errors import UsageError
from hwsim.oracle.chain import Reals, by_spike
from hwsim.oracle.machine import THREADS, LaidOut, figures_of
from hwsim.oracle.objective import Objective
from hwsim.oracle.others import silenced
from hwsim.report.price import PricedRun
from hwsim.run.played import in_one
from hwsim.run.tally import join
from hwsim.traces.direct.trace import Trace
from hwsim.traces.trace import AnyTrace

Credit = Literal["single", "shared"]
"""Whose it is what several spikes keep from being skipped: nobody's, for none does it alone, or all of theirs alike."""


@dataclass(frozen=True, slots=True)
class Sloped:
    """A run with what each of its spikes costs, sample by sample."""

    run: PricedRun
    spikes: Mapping[str, Reals]  # [sample or 1, timestep or 1, place, channel or 1] of the objective of its sample


def sloped(
    laid_out: LaidOut,
    workload: Workload,
    trace: AnyTrace,
    objective: Objective,
    memo: dict[str, object],
    credit: Credit = "single",
) -> Sloped:
    """The run of a batch and the slopes of an objective; `memo` keeps what is the same for all batches.

    Raises UsageError where the machine does not say what a spike costs, or samples may leave early.
    """
    if laid_out.run is not RunName.STATIC:
        raise UsageError(f"run: slopes are those of run 'static', not of '{laid_out.run}'")
    find = workload.batches.marginals
    if find is None or not isinstance(trace, Trace):
        return _by_layer(laid_out, workload, trace, objective)
    run, paths = _played(laid_out, workload) if objective.plays else (laid_out.counted(workload), {})
    of_energy, of_dynamic, of_latency = _weights(run, objective)
    running = flip_flops_of(workload.hardware, run.components).running
    on = of_latency * 1e3 / run.clock_mhz + of_energy * _pj_of_a_cycle(run)
    cycles = {
        stage: path * on[:, None] + (of_energy * running.get(stage, 0) * _clock_pj(run, "active_cycle"))[:, None]
        for stage, path in paths.items()
    }
    asked = Asked(lambda action: run.price(action).value, of_energy + of_dynamic, cycles, memo, credit == "shared")
    return Sloped(run, by_spike(trace, find(asked)))


def _by_layer(laid_out: LaidOut, workload: Workload, trace: AnyTrace, objective: Objective) -> Sloped:
    """The same where a machine does not say what a single spike costs: of a layer what it costs in the mean.

    That is the difference to a layer that is silent, shared out to its spikes: an expectation.
    """

    def run_of(work: Workload) -> PricedRun:
        return laid_out.played(work) if objective.plays else laid_out.counted(work)

    run, found = run_of(workload), {}
    own = values_of(run, objective)
    for name, (silent, spikes) in silenced(trace).items():
        saved = own - values_of(run_of(laid_out.lower(silent)), objective)
        found[name] = (saved / np.maximum(spikes, 1)).astype(np.float32)[:, None, None, None]
    return Sloped(run, found)


def values_of(run: PricedRun, objective: Objective) -> Floats:
    """The objective of every sample, without what no spike changes: [sample]."""
    each, _ = figures_of(run, objective.weights)
    weighted = [objective.weights[name] * values for name, values in each.items()]
    return np.asarray(sum(weighted, np.zeros(run.n_samples)))


def _weights(run: PricedRun, objective: Objective) -> tuple[Floats, Floats, Floats]:
    """What 1 pJ of all energy, 1 pJ of what parts do and 1 ns of each sample weigh: [sample] each."""
    weight, n = objective.weights.get, run.n_samples
    energy, latency = np.full(n, weight("energy_pj", 0.0)), np.full(n, weight("latency_ns", 0.0))
    product = weight("edp_pj_ns", 0.0)
    if product:
        figures, _ = figures_of(run, {"energy_pj": 1.0, "latency_ns": 1.0})
        energy += product * figures["latency_ns"]
        latency += product * figures["energy_pj"]
    return energy, np.full(n, weight("dynamic_pj", 0.0)), latency


def _pj_of_a_cycle(run: PricedRun) -> float:
    """Clock and leakage of a cycle that the machine is on longer."""
    leaks = units.pj_from_power(run.leakage_uw("value"), 1e3 / run.clock_mhz) / run.workload.together
    return leaks + run.flip_flops * _clock_pj(run, "cycle")


def _clock_pj(run: PricedRun, action: str) -> float:
    """What one flip-flop takes in a cycle; nothing of a clock without a price."""
    part = run.components.get(CLOCK)
    return run.price(Action("", CLOCK, action)).value if part is not None and action in part.actions else 0.0


def _played(laid_out: LaidOut, workload: Workload) -> tuple[PricedRun, Mapping[str, NDArray[np.bool_]]]:
    """A batch played, and which jobs its samples waited for: [sample, job] by stage."""
    tallies, paths = [], []
    for batch in workload.batches:
        scheduled = batch.runs[laid_out.run]
        assert isinstance(scheduled, OneEach)
        tally, timelines = in_one(batch, scheduled, laid_out.engine, workload.timesteps, THREADS)
        tallies.append(tally)
        paths.append(jobs_on_path(scheduled.schedules, timelines))
    whole = {stage: np.concatenate([each[stage] for each in paths]) for stage in paths[0]}
    return laid_out.priced(join(tallies), workload), whole
