"""From priced runs to the report."""

from __future__ import annotations

import math
import platform
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from hwsim import units
from hwsim.arch.loader import Architecture
from hwsim.contract.hardware import Hardware
from hwsim.errors import ArchitectureError
from hwsim.report.comparisons import comparisons
from hwsim.report.early_exit import exit_summary
from hwsim.report.figures import run_figures
from hwsim.report.price import PricedRun, area_of, leakage_of
from hwsim.report.report import AccuracyOf, AreaRow, Figure, Report, Run, StorageRow
from hwsim.traces.trace import AnyTrace
from hwsim.version import VERSION


def assemble(
    architecture: Architecture[Any],
    trace: AnyTrace,
    runs: Sequence[PricedRun],
    notes: Mapping[str, Any],
    chosen: Mapping[str, Any],
    arithmetic: Collection[str],
    accuracy_of: AccuracyOf,
) -> Report:
    """The report of a workload's runs, but for what is asked for beside it.

    `notes` and `chosen` options are shown as they are; `arithmetic` names the components that multiply and add.

    Raises ArchitectureError where prices are so extreme that a figure is no number.
    """
    workload = runs[-1].workload
    area = area_of(runs[-1])
    figures = [run_figures(run, arithmetic) for run in runs]
    _check_finite(architecture, figures)
    return Report(
        architecture=_describe_architecture(architecture),
        trace=_describe_trace(trace),
        options={"samples": trace.n_samples, "timesteps": workload.timesteps, **chosen},
        versions={"hwsim": VERSION, "python": platform.python_version(), "numpy": np.__version__},
        runs=figures,
        early_exit=exit_summary(workload, figures, area),
        no_early_exit=workload.no_exits,
        exit_curve=None,
        comparisons=comparisons(runs),
        baselines=[],
        baseline_ratios=[],
        accuracy_of=accuracy_of,
        accuracy_by_timestep=trace.accuracy_by_timestep(),
        area=area,
        area_mm2=area_figure(area),
        leakage_uw=leakage_of(runs[-1]),
        storage=storage_rows(workload.hardware),
        spike_rates=dict(workload.spike_rates or trace.spike_rates()),
        crossbars=dict(workload.hardware.crossbars),
        notes={**workload.hardware.notes, **notes},
    )


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


def _check_finite(architecture: Architecture[Any], runs: Sequence[Run]) -> None:
    for run in runs:
        known = (run.energy_pj.high, run.power_uw, None if run.edp_pj_ns is None else run.edp_pj_ns.high)
        if not all(figure is None or math.isfinite(figure) for figure in known):
            raise ArchitectureError(
                f"{architecture.path}: prices or sizes are so extreme that the energy of run '{run.name}' is no number"
            )


def _describe_architecture(architecture: Architecture[Any]) -> dict[str, Any]:
    return {
        "machine": architecture.machine,
        "file": architecture.path.name,
        "sha256": architecture.sha256,
        "overrides": list(architecture.overrides),
        "overridden": dict(architecture.overridden),
        "description": architecture.spec.description,
    }


def _describe_trace(trace: AnyTrace) -> dict[str, Any]:
    origin = trace.provenance
    return {
        "name": origin.name,
        "dataset": origin.dataset,
        "split": origin.split,
        "licence": origin.licence,
        "seed": origin.seed,
        "synthetic": origin.synthetic,
        "sha256": trace.sha256,
    }
