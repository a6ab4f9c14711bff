"""From priced runs to the report."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from hwsim import units
from hwsim.arch.loader import Architecture
from hwsim.contract.hardware import Hardware
from hwsim.contract.run import RunName
from hwsim.contract.spec import MachineSpec
from hwsim.errors import ArchitectureError
from hwsim.later import function
from hwsim.report.figures import run_figures
from hwsim.report.later import later
from hwsim.report.price import BOUNDS, PricedRun, area_of, leakage_of, programming_of
from hwsim.report.report import VERSION as REPORT_VERSION
from hwsim.report.report import AccuracyOf, AreaRow, ExitCurve, Figure, Report, Run, StorageRow, Transfers
from hwsim.report.work import LinkRow, TileRow
from hwsim.traces.codings import transferred_bits
from hwsim.traces.file.content import check_unchanged
from hwsim.traces.trace import AnyTrace
from hwsim.version import VERSION

if TYPE_CHECKING:
    from hwsim.run.occupancy import Binned

Value = TypeVar("Value")
_baseline_ratios = function("hwsim.report.baselines", "baseline_ratios")
_comparisons = function("hwsim.report.comparisons", "comparisons")
_exit_summary = function("hwsim.report.early_exit", "exit_summary")
_periods = function("hwsim.report.idle", "periods")


def assemble(
    architecture: Architecture[Any],
    trace: AnyTrace,
    runs: Sequence[PricedRun],
    notes: Mapping[str, Any],
    chosen: Callable[[], Mapping[str, Any]],
    arithmetic: Collection[str],
    accuracy_of: AccuracyOf,
    baselines: Mapping[RunName, PricedRun],
    curve: ExitCurve | None,
    occupied: Mapping[RunName, Binned],
) -> Report:
    """The report of a workload's runs, and of the network without spikes and all thresholds where those were asked for.

    `notes` and `chosen` options are shown as they are; `arithmetic` names the components that multiply and add.

    Raises ArchitectureError where prices are so extreme that a figure is no number.
    """
    workload, exits = runs[-1].workload, runs[-1].workload.exits
    area = cache(lambda: area_of(runs[-1]))
    spec, io = architecture.spec, transfers(architecture.spec, trace, workload.hardware)
    found = {} if spec.operating.period_ns is None else _periods([*runs], spec)
    figures = [run_figures(run, arithmetic, io, found.get(run.name), spec, occupied.get(run.name)) for run in runs]
    _check_finite(architecture, figures)
    return Report(
        report_version=REPORT_VERSION,
        architecture=later(lambda: _describe_architecture(architecture)),
        trace=_describe_trace(trace),
        options=later(lambda: {"samples": trace.n_samples, "timesteps": workload.timesteps, **chosen()}),
        versions={"hwsim": VERSION, "python": platform.python_version(), "numpy": np.__version__},
        runs=figures,
        early_exit=None if exits is None else later(lambda: _exit_summary(exits, figures, area())),
        no_early_exit=workload.no_exits,
        exit_curve=curve,
        comparisons=later(lambda: _comparisons(runs)),
        baselines=[run_figures(run, arithmetic, io, spec=spec) for run in baselines.values()],
        baseline_ratios=_baseline_ratios(runs, baselines, arithmetic) if baselines else [],
        accuracy_of=accuracy_of,
        accuracy_by_timestep=later(lambda: _of_trace(trace, trace.accuracy_by_timestep)),
        area=later(area),
        area_mm2=later(lambda: area_figure(area())),
        leakage_uw=later(lambda: leakage_of(runs[-1])),
        storage=later(lambda: storage_rows(workload.hardware)),
        io=io,
        programming=later(lambda: programming_of(runs[-1])),
        spike_rates=later(lambda: dict(workload.spike_rates or _of_trace(trace, trace.spike_rates))),
        crossbars=dict(workload.hardware.crossbars),
        tiles=later(lambda: tile_rows(workload.hardware)),
        links=later(lambda: link_rows(workload.hardware)),
        notes={**workload.hardware.notes, "flip-flops": runs[-1].flip_flops, **notes},
    )


def transfers(spec: MachineSpec, trace: AnyTrace, hardware: Hardware) -> Transfers | None:
    """Input and output of an inference over the interface of a machine, and weights that are written again.

    None where that has no price.
    """
    if spec.io == "none":
        return None
    moved = transferred_bits(trace)
    weights = 0 if hardware.writing is None else hardware.writing.each.bits
    bits = moved.input_bits + moved.output_bits + weights
    value, low, high = (getattr(spec.io.bit, bound) * bits for bound in BOUNDS)
    error = None if moved.input_error is None else spec.io.bit.value * moved.input_error
    energy = Figure(value, error, low, high)
    return Transfers(moved.input_bits, moved.output_bits, weights, energy, spec.io.time_ns(bits))


def _of_trace(trace: AnyTrace, compute: Callable[[], Value]) -> Value:
    """Something of a trace, whose file may have changed since it was played.

    Raises TraceError where it has.
    """
    found = compute()
    check_unchanged(trace)
    return found


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


def tile_rows(hardware: Hardware) -> list[TileRow]:
    """Tiles and what is done on each."""
    tiles = {} if hardware.floor is None else hardware.floor().tiles
    return [
        TileRow(name, tile.row, tile.column, {layer: float(share) for layer, share in tile.shares.items()})
        for name, tile in tiles.items()
    ]


def link_rows(hardware: Hardware) -> list[LinkRow]:
    """Links between tiles that anything goes over."""
    flits = {} if hardware.floor is None else hardware.floor().flits
    return [LinkRow(source, destination, n) for (source, destination), n in flits.items()]


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
