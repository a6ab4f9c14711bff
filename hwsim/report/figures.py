"""All figures of one run."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields

import numpy as np

from hwsim import units
from hwsim.contract.ledger import OPERATIONS
from hwsim.contract.run import RunName
from hwsim.report.costs import accuracy_error, costs, mean_timesteps
from hwsim.report.price import BOUNDS, LEAKAGE, PricedRun, rows_of
from hwsim.report.report import HardwareAccuracy, MacShare, Row, Run, Samples, StageRow


def run_figures(run: PricedRun, arithmetic: Collection[str] = ()) -> Run:
    """All figures of one run; `arithmetic` names the components that multiply and add."""
    leaving, latency, found = run.leaving, run.latency_ns, costs(run.leaving, run)
    energy = found.energy_pj
    operations = _operations(run)
    n_sops = operations.get("AC", 0.0) + operations.get("MAC", 0.0)
    accuracy, error = _accuracy(run)
    timed = run.workload.timed
    makespan_ns = leaving.mean(run.time_ns(run.on_cycles)) if timed else None
    busiest, cycles = _busiest(run)
    streams = run.name is RunName.STREAMED
    rows = rows_of(run)
    return Run(
        **{field.name: getattr(found, field.name) for field in fields(found)},
        timesteps=mean_timesteps(leaving),
        dynamic_pj=run.figure({bound: run.energies(bound, clock=False) for bound in BOUNDS}),
        clock_pj=run.figure({bound: run.energies(bound, clock=True) for bound in BOUNDS}),
        leakage_pj=run.figure({bound: run.leakages(bound) for bound in BOUNDS}),
        makespan_ns=makespan_ns,
        speculative_share=found.speculative_pj.value / energy.value,
        power_uw=None if makespan_ns is None else energy.value / makespan_ns / units.PJ_PER_UW_NS,
        one_at_a_time_per_s=None if makespan_ns is None or streams else 1e9 / makespan_ns,
        pipelined_per_s=_pipelined_per_s(run, cycles, makespan_ns),
        busiest=busiest if timed else "",
        operations=operations,
        mac_share=_mac_share(operations, rows, arithmetic),
        pj_per_sop=energy.value / n_sops if n_sops else 0.0,
        tops_per_w=(operations.get("AC", 0.0) + 2 * operations.get("MAC", 0.0)) / energy.value,
        accuracy=accuracy,
        accuracy_standard_error=error,
        hardware_accuracy=_hardware_accuracy(run),
        energy_by_timestep_pj=[float(e) for e in np.diff(run.totals["value"].mean(axis=0), prepend=0.0)],
        rows=rows,
        stages=_stages(run),
        samples=Samples(
            energy_pj=run.totals["value"].tolist(),
            latency_ns=latency.tolist() if timed else [],
            timesteps=_recorded_timesteps(run),
        ),
    )


def _operations(run: PricedRun) -> dict[str, float]:
    survival, totals = run.leaving.survival(), dict[str, float]()
    for key, counts in run.tally.counts.items():
        if key.component == OPERATIONS:
            mean = math.fsum((counts * survival).ravel()) / run.n_samples
            totals[key.action] = totals.get(key.action, 0.0) + mean
    return totals


def _mac_share(operations: Mapping[str, float], rows: Sequence[Row], arithmetic: Collection[str]) -> MacShare | None:
    """How much multiplies; None where no part has multiplications to count."""
    spent = [row for row in rows if row.component in arithmetic and row.action != LEAKAGE]
    multiplied = [row.energy_pj for row in spent if row.action == "mac"]
    if not multiplied:
        return None
    macs, acs = operations.get("MAC", 0.0), operations.get("AC", 0.0)
    every_pj = math.fsum(row.energy_pj for row in spent)
    return MacShare(
        of_operations=macs / (macs + acs) if macs + acs else 0.0,
        of_energy=math.fsum(multiplied) / every_pj if every_pj else 0.0,
    )


def _accuracy(run: PricedRun) -> tuple[float | None, float | None]:
    exits = run.workload.exits
    accuracy, n = run.workload.accuracy
    if accuracy is None or run.name.learns:
        return None, None
    if exits is not None and run.leaves_early:
        accuracy = exits.accuracy
    return accuracy, accuracy_error(accuracy, n)


def _hardware_accuracy(run: PricedRun) -> HardwareAccuracy | None:
    judged = run.workload.judged.get(run.name)
    if judged is None:
        return None
    return HardwareAccuracy(
        judged.accuracy,
        judged.standard_error,
        judged.difference,
        judged.difference_standard_error,
        judged.n_samples,
    )


def _recorded_timesteps(run: PricedRun) -> list[int]:
    exits = run.workload.exits
    if exits is not None and run.leaves_early:
        return [int(t) for t in exits.recorded]
    return [run.workload.timesteps] * run.n_samples


def _busiest(run: PricedRun) -> tuple[str, float]:
    """The stage, or the unit that stages share, that is busy for most cycles of an inference, and for how many.

    A unit of several slots is as busy as one of them would be.
    """
    survival, loads = run.leaving.survival(), dict[str, float]()
    for stage, busy in run.tally.busy_cycles.items():
        unit, slots = run.tally.unit_of[stage]
        loads[unit] = loads.get(unit, 0.0) + math.fsum((busy * survival).ravel()) / run.n_samples / slots
    name = max(loads, key=lambda name: loads[name])
    return name, loads[name]


def _pipelined_per_s(run: PricedRun, busiest_cycles: float, makespan_ns: float | None) -> float | None:
    """Inferences a second while the pipeline is full: as they came in a stream, else as the busiest lets them."""
    if makespan_ns is None or not run.workload.overlaps:
        return None
    return 1e9 / makespan_ns if run.name is RunName.STREAMED else run.clock_mhz * 1e6 / busiest_cycles


def _stages(run: PricedRun) -> list[StageRow]:
    n = run.n_samples
    return [
        StageRow(stage, run.tally.layer_of[stage], *(float(c) / n for c in cycles))
        for stage, cycles in run.tally.stall_cycles.items()
    ]
