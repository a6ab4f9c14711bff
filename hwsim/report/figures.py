"""All figures of one run."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from hwsim import units
from hwsim.contract.ledger import OPERATIONS
from hwsim.contract.run import RunName
from hwsim.contract.spec import MachineSpec
from hwsim.later import function
from hwsim.report.costs import costs, mean_timesteps
from hwsim.report.later import later
from hwsim.report.price import LEAKAGE, PricedRun, by_bound, rows_of
from hwsim.report.report import (
    Figure,
    HardwareAccuracy,
    LayerRow,
    MacShare,
    Period,
    Row,
    Run,
    Samples,
    StageRow,
    Transfers,
    UnitRow,
)
from hwsim.report.work import Occupancy, StageOccupancy
from hwsim.traces.accuracy import fraction_error

if TYPE_CHECKING:
    from hwsim.run.occupancy import Binned

_loads = function("hwsim.report.loads", "loads")


def run_figures(
    run: PricedRun,
    arithmetic: Collection[str] = (),
    io: Transfers | None = None,
    period: Period | None = None,
    spec: MachineSpec | None = None,
    binned: Binned | None = None,
) -> Run:
    """All figures of one run; `arithmetic` names the components that multiply and add.

    `spec` says which parts are memories, wires and converters; without it loads of layers stay unknown.
    """
    leaving, found = run.leaving, costs(run.leaving, run)
    energy, timed, streams = found.energy_pj, run.workload.timed, run.name is RunName.STREAMED
    accuracy, error = accuracy_of(run)
    makespan_ns = leaving.mean(run.time_ns(run.on_cycles)) if timed else None
    each_ns = makespan_ns if run.workload.together == 1 or not timed else leaving.mean(run.on_ns)
    details = _Details(run, arithmetic)
    return Run(
        **vars(found),
        timesteps=mean_timesteps(leaving),
        dynamic_pj=later(lambda: run.figure(by_bound(partial(run.energies, clock=False)))),
        clock_pj=later(lambda: run.figure(by_bound(partial(run.energies, clock=True)))),
        leakage_pj=later(lambda: run.figure(by_bound(run.leakages))),
        makespan_ns=makespan_ns,
        speculative_share=found.speculative_pj.value / energy.value,
        power_uw=None if each_ns is None else energy.value / each_ns / units.PJ_PER_UW_NS,
        one_at_a_time_per_s=None if each_ns is None or streams else 1e9 / each_ns,
        pipelined_per_s=later(lambda: _pipelined_per_s(run, details.units[0], makespan_ns)),
        busiest=later(lambda: details.units[0].unit if timed else ""),
        operations=later(lambda: details.operations),
        mac_share=later(lambda: details.mac_share),
        pj_per_sop=later(lambda: energy.value / details.n_sops if details.n_sops else 0.0),
        tops_per_w=later(lambda: details.n_operations / energy.value),
        accuracy=accuracy,
        accuracy_standard_error=error,
        accuracy_samples=None if accuracy is None else run.workload.accuracy[1],
        hardware_accuracy=_hardware_accuracy(run),
        energy_by_timestep_pj=later(
            lambda: [float(e) for e in np.diff(run.totals["value"].mean(axis=0), prepend=0.0)],
        ),
        rows=later(lambda: details.rows),
        layers=later(lambda: _layers(run, details.rows)),
        loads=later(lambda: [] if spec is None else _loads(run, spec)),
        units=later(lambda: details.units if timed else []),
        stages=later(lambda: _stages(run)),
        samples=later(lambda: _samples(run)),
        with_io_pj=None if io is None else _together(energy, io.energy_pj),
        period=period,
        occupancy=None if binned is None else _occupancy(binned, run),
    )


def _together(energy: Figure, other: Figure) -> Figure:
    """Two energies with intervals of prices that they do not share; the error is that of the first."""
    return Figure(energy.value + other.value, energy.standard_error, energy.low + other.low, energy.high + other.high)


class _Details:
    """What several figures of a run are made from."""

    def __init__(self, run: PricedRun, arithmetic: Collection[str]) -> None:
        self._run, self._arithmetic = run, arithmetic

    @cached_property
    def units(self) -> list[UnitRow]:
        """All stages and shared units, the busiest first."""
        return _units(self._run)

    @cached_property
    def operations(self) -> dict[str, float]:
        """What the network asks for, per inference."""
        return _operations(self._run)

    @property
    def n_sops(self) -> float:
        """Accumulates and multiplications."""
        return self.operations.get("AC", 0.0) + self.operations.get("MAC", 0.0)

    @property
    def n_operations(self) -> float:
        """The same in operations: an AC is one, a MAC two."""
        return self.operations.get("AC", 0.0) + 2 * self.operations.get("MAC", 0.0)

    @cached_property
    def rows(self) -> list[Row]:
        """Every action of every layer."""
        return rows_of(self._run)

    @property
    def mac_share(self) -> MacShare | None:
        """How much multiplies."""
        return _mac_share(self.operations, self.rows, self._arithmetic)


def _occupancy(binned: Binned, run: PricedRun) -> Occupancy:
    stages = [
        StageOccupancy(name, binned.layer_of[name], *(each.tolist() for each in causes))
        for name, causes in binned.stages.items()
    ]
    return Occupancy(binned.edges.tolist(), 1e3 / run.clock_mhz, stages)


def _samples(run: PricedRun) -> Samples:
    return Samples(
        energy_pj=run.totals["value"].tolist(),
        latency_ns=run.latency_ns.tolist() if run.workload.timed else [],
        timesteps=_recorded_timesteps(run),
    )


def _operations(run: PricedRun) -> dict[str, float]:
    survival, totals = run.leaving.survival(), dict[str, float]()
    for key, counts in run.tally.counts.items():
        if key.component == OPERATIONS:
            mean = math.fsum((counts * survival).ravel()) / run.n_samples / run.workload.together
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


def accuracy_of(run: PricedRun) -> tuple[float | None, float | None]:
    """Fraction right of the network that is played, and its standard error; None of a run that learns."""
    exits = run.workload.exits
    accuracy, n = run.workload.accuracy
    if accuracy is None or run.name.learns:
        return None, None
    if exits is not None and run.leaves_early:
        accuracy = exits.accuracy
    return accuracy, fraction_error(accuracy, n)


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


def _units(run: PricedRun) -> list[UnitRow]:
    """Stages, or the units that they share, by the cycles of an inference that one of their slots is busy."""
    survival, loads, slots_of = run.leaving.survival(), dict[str, float](), dict[str, int]()
    for stage, busy in run.tally.busy_cycles.items():
        unit, slots = run.tally.unit_of[stage]
        slots_of[unit] = slots
        loads[unit] = loads.get(unit, 0.0) + math.fsum((busy * survival).ravel()) / run.n_samples / slots
    on = run.leaving.mean(run.on_cycles.astype(np.float64))
    rows = [UnitRow(unit, slots_of[unit], load, load / on if on else 0.0) for unit, load in loads.items()]
    return sorted(rows, key=lambda row: -row.busy_share)


def _layers(run: PricedRun, rows: Sequence[Row]) -> list[LayerRow]:
    """Layers in the order in which they begin, those of no stage last."""
    spans, n = run.tally.span_cycles if run.workload.timed else {}, run.n_samples
    names = dict.fromkeys([*run.tally.span_cycles, *(row.layer for row in rows)])
    found = []
    for name in names:
        energy_pj = math.fsum(row.energy_pj for row in rows if row.layer == name)
        begin, end = (float(ns) / n for ns in run.time_ns(spans[name])) if name in spans else (None, None)
        found.append(LayerRow(name, energy_pj, begin, end))
    return found


def _pipelined_per_s(run: PricedRun, busiest: UnitRow, makespan_ns: float | None) -> float | None:
    """Inferences a second while the pipeline is full: as they came in a stream, else as the busiest lets them.

    None where samples cannot overlap: a machine does not let them, or what follows waits for a decision on one.
    """
    if makespan_ns is None or run.workload.stream is None or run.leaves_early:
        return None
    if run.name is RunName.STREAMED:
        return 1e9 / makespan_ns
    return run.clock_mhz * 1e6 / busiest.busy_cycles


def _stages(run: PricedRun) -> list[StageRow]:
    n = run.n_samples
    return [
        StageRow(stage, run.tally.layer_of[stage], *(float(c) / n for c in cycles))
        for stage, cycles in run.tally.stall_cycles.items()
    ]
