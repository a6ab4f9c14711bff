"""From priced runs to the report: figures, rows, ratios, area and memory; it multiplies nothing by a price."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hwsim import units
from hwsim.accelerator import OPERATIONS, Hardware
from hwsim.figures import AreaRow, Comparison, Figure, Row, Run, Samples, StageRow, StorageRow
from hwsim.intervals import ratio_interval
from hwsim.report import BOUNDS, LEAKAGE, PricedRun
from hwsim.statistics import Estimate, Leaving

Floats = NDArray[np.float64]


def run_figures(run: PricedRun) -> Run:
    """All figures of one run."""
    leaving, latency = run.leaving, run.latency_ns
    energy = run.figure(run.totals)
    latency_figure = _exact(leaving, latency)
    steps = np.tile(np.arange(1.0, run.workload.timesteps + 1), (run.workload.n_samples, 1))
    operations = _operations(run)
    n_sops = operations.get("AC", 0.0) + operations.get("MAC", 0.0)
    accuracy, accuracy_error = _accuracy(run)
    makespan_ns = leaving.mean(run.time_ns(run.on_cycles))
    means = leaving.product(run.totals["value"], latency)
    return Run(
        name=run.name,
        timesteps=_exact(leaving, steps),
        energy_pj=energy,
        dynamic_pj=run.figure({bound: run.energies(bound, clock=False) for bound in BOUNDS}),
        clock_pj=run.figure({bound: run.energies(bound, clock=True) for bound in BOUNDS}),
        leakage_pj=run.figure({bound: run.leakages(bound) for bound in BOUNDS}),
        latency_ns=latency_figure,
        makespan_ns=makespan_ns,
        edp_pj_ns=run.figure({bound: run.totals[bound] * latency for bound in BOUNDS}),
        edp_of_means_pj_ns=Figure(
            means.value, means.standard_error, energy.low * latency_figure.value, energy.high * latency_figure.value
        ),
        power_uw=energy.value / makespan_ns / units.PJ_PER_UW_NS,
        inferences_per_s=1e9 / makespan_ns,
        operations=operations,
        pj_per_sop=energy.value / n_sops if n_sops else 0.0,
        tops_per_w=(operations.get("AC", 0.0) + 2 * operations.get("MAC", 0.0)) / energy.value,
        accuracy=accuracy,
        accuracy_standard_error=accuracy_error,
        energy_by_timestep_pj=[float(e) for e in np.diff(run.totals["value"].mean(axis=0), prepend=0.0)],
        rows=_rows(run),
        stages=_stages(run),
        samples=Samples(
            energy_pj=run.totals["value"].tolist(),
            latency_ns=latency.tolist(),
            timesteps=_recorded_timesteps(run),
        ),
    )


def _exact(leaving: Leaving, figure: Floats) -> Figure:
    """A figure that does not depend on prices."""
    return _point(leaving.estimate(figure))


def _operations(run: PricedRun) -> dict[str, float]:
    survival, totals = run.leaving.survival(), dict[str, float]()
    for key, counts in run.tally.counts.items():
        if key.component == OPERATIONS:
            mean = math.fsum((counts * survival).ravel()) / run.workload.n_samples
            totals[key.action] = totals.get(key.action, 0.0) + mean
    return totals


def _accuracy(run: PricedRun) -> tuple[float | None, float | None]:
    exits = run.workload.exits
    accuracy, n = run.workload.accuracy
    if accuracy is None:
        return None, None
    if exits is not None and run.name == exits.run:
        accuracy = exits.accuracy
    return accuracy, math.sqrt(accuracy * (1 - accuracy) / n)


def _recorded_timesteps(run: PricedRun) -> list[int]:
    exits = run.workload.exits
    if exits is not None and run.name == exits.run:
        return [int(t) for t in exits.recorded]
    return [run.workload.timesteps] * run.workload.n_samples


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
    n = run.workload.n_samples
    return [
        StageRow(stage, run.tally.layer_of[stage], *(float(c) / n for c in cycles))
        for stage, cycles in run.tally.stall_cycles.items()
    ]


def compare(run: PricedRun, reference: PricedRun) -> Comparison:
    """Ratios of one run to a reference in which every sample takes all timesteps."""
    energy, latency = run.totals["value"], run.latency_ns
    base_energy, base_latency = reference.totals["value"][:, -1], reference.latency_ns[:, -1]
    n, timesteps = latency.shape
    steps = np.tile(np.arange(1.0, timesteps + 1), (n, 1))
    latency_ratio = run.leaving.ratio(latency, base_latency)
    of_means = run.leaving.product_ratio(energy, latency, base_energy, base_latency)
    energy_box = ratio_interval(run.coefficients(), reference.coefficients(), run.prices())
    edp_box = ratio_interval(run.coefficients(latency), reference.coefficients(reference.latency_ns), run.prices())
    return Comparison(
        run=run.name,
        reference=reference.name,
        timesteps=_point(run.leaving.ratio(steps, np.full(n, float(timesteps)))),
        energy=_between(run.leaving.ratio(energy, base_energy), *energy_box),
        latency=_point(latency_ratio),
        edp=_between(run.leaving.ratio(energy * latency, base_energy * base_latency), *edp_box),
        edp_of_means=_between(of_means, *(bound * latency_ratio.value for bound in energy_box)),
    )


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


def _point(estimate: Estimate) -> Figure:
    return Figure(estimate.value, estimate.standard_error, estimate.value, estimate.value)


def _between(estimate: Estimate, low: float, high: float) -> Figure:
    return Figure(estimate.value, estimate.standard_error, low, high)


def leakage_figure(run: PricedRun) -> Figure:
    """Leakage power of everything in uW."""
    value, low, high = (run.leakage_uw(bound) for bound in BOUNDS)
    return Figure(value, 0.0, low, high)
