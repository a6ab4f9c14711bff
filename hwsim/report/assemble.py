"""From priced runs to the report: figures, rows, ratios, area and memory; it multiplies nothing by a price."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwsim import units
from hwsim.contract.hardware import Hardware
from hwsim.contract.ledger import OPERATIONS
from hwsim.report.costs import CostArrays, accuracy_error, costs, mean_timesteps, point, steps
from hwsim.report.intervals import ratio_interval
from hwsim.report.price import BOUNDS, LEAKAGE, PricedRun
from hwsim.report.report import AreaRow, Comparison, Figure, Row, Run, Samples, StageRow, StorageRow
from hwsim.report.statistics import Estimate
from hwsim.traces.plastic.trace import INFER, TRAIN

Floats = NDArray[np.float64]


def run_figures(run: PricedRun) -> Run:
    """All figures of one run."""
    leaving, latency, found = run.leaving, run.latency_ns, costs(run.leaving, CostArrays.of(run))
    energy = found.energy_pj
    operations = _operations(run)
    n_sops = operations.get("AC", 0.0) + operations.get("MAC", 0.0)
    accuracy, error = _accuracy(run)
    makespan_ns = leaving.mean(run.time_ns(run.on_cycles))
    return Run(
        name=run.name,
        timesteps=mean_timesteps(leaving),
        energy_pj=energy,
        dynamic_pj=run.figure({bound: run.energies(bound, clock=False) for bound in BOUNDS}),
        clock_pj=run.figure({bound: run.energies(bound, clock=True) for bound in BOUNDS}),
        leakage_pj=run.figure({bound: run.leakages(bound) for bound in BOUNDS}),
        latency_ns=found.latency_ns,
        makespan_ns=makespan_ns,
        edp_pj_ns=found.edp_pj_ns,
        edp_of_means_pj_ns=found.edp_of_means_pj_ns,
        energy_percentiles_pj=found.energy_percentiles_pj,
        latency_percentiles_ns=found.latency_percentiles_ns,
        speculative_pj=found.speculative_pj,
        speculative_share=found.speculative_pj.value / energy.value,
        power_uw=energy.value / makespan_ns / units.PJ_PER_UW_NS,
        inferences_per_s=1e9 / makespan_ns,
        operations=operations,
        pj_per_sop=energy.value / n_sops if n_sops else 0.0,
        tops_per_w=(operations.get("AC", 0.0) + 2 * operations.get("MAC", 0.0)) / energy.value,
        accuracy=accuracy,
        accuracy_standard_error=error,
        energy_by_timestep_pj=[float(e) for e in np.diff(run.totals["value"].mean(axis=0), prepend=0.0)],
        rows=_rows(run),
        stages=_stages(run),
        samples=Samples(
            energy_pj=run.totals["value"].tolist(),
            latency_ns=latency.tolist(),
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


def _accuracy(run: PricedRun) -> tuple[float | None, float | None]:
    exits = run.workload.exits
    accuracy, n = run.workload.accuracy
    if accuracy is None or run.name == TRAIN:
        return None, None
    if exits is not None and run.name in exits.runs:
        accuracy = exits.accuracy
    return accuracy, accuracy_error(accuracy, n)


def _recorded_timesteps(run: PricedRun) -> list[int]:
    exits = run.workload.exits
    if exits is not None and run.name in exits.runs:
        return [int(t) for t in exits.recorded]
    return [run.workload.timesteps] * run.n_samples


def _rows(run: PricedRun) -> list[Row]:
    rows = []
    for key, count in run.mean_counts().items():
        price = run.price(key)
        rows.append(Row(*key, count, count * price.value, count * price.low, count * price.high))
    on_ns = run.leaving.mean(run.time_ns(run.on_cycles))
    for name, n in run.workload.hardware.instances.items():
        leakage = run.components[name].leakage_uw
        bounds = (units.pj_from_power(getattr(leakage, bound) * n, on_ns) for bound in BOUNDS)
        rows.append(Row("", name, LEAKAGE, float(n), *bounds))
    return rows


def _stages(run: PricedRun) -> list[StageRow]:
    n = run.n_samples
    return [
        StageRow(stage, run.tally.layer_of[stage], *(float(c) / n for c in cycles))
        for stage, cycles in run.tally.stall_cycles.items()
    ]


def compare(run: PricedRun, reference: PricedRun) -> Comparison:
    """Ratios of one run to a reference whose samples leave as those of the run do, or take all timesteps."""
    energy, latency = run.totals["value"], run.latency_ns
    taken = steps(run.leaving)
    base_energy, base_latency, base_taken = (
        figure if _leaves_early(reference) else figure[:, -1]
        for figure in (reference.totals["value"], reference.latency_ns, taken)
    )
    latency_ratio = run.leaving.ratio(latency, base_latency)
    of_means = run.leaving.product_ratio(energy, latency, base_energy, base_latency)
    energy_box = ratio_interval(run.coefficients(), reference.coefficients(), run.prices())
    edp_box = ratio_interval(run.coefficients(latency), reference.coefficients(reference.latency_ns), run.prices())
    return Comparison(
        run=run.name,
        reference=reference.name,
        timesteps=point(run.leaving.ratio(taken, base_taken)),
        energy=_between(run.leaving.ratio(energy, base_energy), *energy_box),
        latency=point(latency_ratio),
        edp=_between(run.leaving.ratio(energy * latency, base_energy * base_latency), *edp_box),
        edp_of_means=_between(of_means, *(bound * latency_ratio.value for bound in energy_box)),
    )


def comparisons(runs: Sequence[PricedRun]) -> list[Comparison]:
    """Each run against the first, in which all take all timesteps; then early exit with overlap against without.

    Learning and inference are not compared: their samples are not the same.
    """
    early = [run for run in runs if _leaves_early(run)]
    pairs = [(run, runs[0]) for run in runs[1:] if run.name != INFER] + [(run, early[0]) for run in early[1:]]
    return [compare(run, reference) for run, reference in pairs]


def _leaves_early(run: PricedRun) -> bool:
    exits = run.workload.exits
    return exits is not None and run.name in exits.runs


def area_rows(hardware: Hardware, run: PricedRun) -> list[AreaRow]:
    """Area and leakage of every component."""
    rows = []
    for name, n in hardware.instances.items():
        part = run.components[name]
        area = part.area_um2
        rows.append(AreaRow(name, n, n * area.value, n * area.low, n * area.high, n * part.leakage_uw.value))
    return rows


def area_figure(rows: list[AreaRow]) -> Figure:
    """Total area in mm2."""
    value, low, high = (
        math.fsum(getattr(row, bound) for row in rows) / units.UM2_PER_MM2
        for bound in ("area_um2", "low_um2", "high_um2")
    )
    return Figure(value, 0.0, low, high)


def storage_rows(hardware: Hardware) -> list[StorageRow]:
    """Memory footprint by storage."""
    return [StorageRow(name, kind.used_bits, kind.provided_bits) for name, kind in hardware.storage.items()]


def _between(estimate: Estimate, low: float, high: float) -> Figure:
    return Figure(estimate.value, estimate.standard_error, low, high)


def leakage_figure(run: PricedRun) -> Figure:
    """Leakage power of everything in uW."""
    value, low, high = (run.leakage_uw(bound) for bound in BOUNDS)
    return Figure(value, 0.0, low, high)
