"""The report as tables on a terminal; it reads a Report and computes nothing but shares of it."""

from __future__ import annotations

import math
from itertools import pairwise

from rich.console import Console
from rich.table import Table

from hwsim import units
from hwsim.printable import so_many
from hwsim.report.price import LEAKAGE
from hwsim.report.report import CAUSES, Report, Run, UnitShare
from hwsim.report.shares import sums
from hwsim.view.terminal import number
from hwsim.view.terminal.period_table import period_table
from hwsim.view.terminal.plain_table import plain_table
from hwsim.view.terminal.plain_text import headed
from hwsim.view.terminal.run_table import (
    baselines_table,
    comparisons_table,
    figures_table,
    has_timesteps,
    plain,
    spread,
)

WHOLE_CHIP = "(whole chip)"
"""What no layer does."""
_MOST_STAGES = 40
_MOST_COLUMNS = 8


def print_report(report: Report, console: Console) -> None:
    """Everything that a simulation found, the most asked for first."""
    _print_head(report, console)
    console.print(figures_table(report))
    if report.comparisons:
        console.print(comparisons_table(report))
    if report.baseline_ratios:
        console.print(baselines_table(report))
    if (period := period_table(report)) is not None:
        console.print()
        console.print(period)
    _print_exits(report, console)
    if has_timesteps(report):
        console.print(_by_timestep(report))
    for run in shown_runs(report):
        console.print(_by_component(run))
        console.print(_by_layer(report, run))
        if run.latency_ns is not None:
            console.print(_stages(run))
    console.print(_area(report))
    console.print(_storage(report))
    _print_programming(report, console)
    _print_notes(report, console)


def _print_head(report: Report, console: Console) -> None:
    architecture = report.architecture
    console.print(headed(architecture["description"]))
    console.print(f"{architecture['file']} (machine {architecture['machine']}, sha256 {architecture['sha256'][:12]})")
    if architecture["overrides"]:
        console.print("with " + ", ".join(architecture["overrides"]))
    for setting in report.options["without_effect"]:
        console.print(f"without effect in this configuration: {setting}")
    changed = [
        key if place.startswith("--set ") else f"{key} ({place})" for key, place in architecture["overridden"].items()
    ]
    if changed:
        console.print(f"overridden, so that the sources beside them speak of other values: {', '.join(changed)}")
    console.print(played(report))
    console.print(f"accuracy {report.accuracy_of.note}")


def shown_runs(report: Report) -> list[Run]:
    """Those that parts are listed of: the last run is the fullest, but learning and inference are two things."""
    return report.runs if report.runs[0].name.learns else report.runs[-1:]


def played(report: Report) -> str:
    """What ran, in one line."""
    trace = report.trace
    dataset = "data set not said" if trace["dataset"] == "not said" else trace["dataset"]
    kind = "synthetic spikes" if trace["synthetic"] else f"{dataset}, {trace['split']} split"
    samples = {run.name: len(run.samples.timesteps) for run in report.runs}
    how_many = so_many(report.options["samples"], "sample")
    if any(name.is_phase for name in samples):
        how_many = ", ".join(f"{so_many(n, 'sample')} to {name}" for name, n in samples.items())
    timesteps = f", T = {report.options['timesteps']}" if has_timesteps(report) else ""
    return f"{how_many}{timesteps}: {trace['name']}; {kind}"


def _print_exits(report: Report, console: Console) -> None:
    if report.accuracy_by_timestep:
        shown = number.by_timestep(report.accuracy_by_timestep)
        console.print()
        console.print(headed("Accuracy", f"{shown}  ({report.accuracy_of.whose})"))
    exits = report.early_exit
    if exits is None:
        if report.no_early_exit:
            console.print(headed("Early exit", f"did not run: {report.no_early_exit}"))
        return
    total = sum(exits.histogram)
    shares = ", ".join(f"{t}: {number.percent(n / total)}" for t, n in enumerate(exits.histogram, 1))
    console.print(headed("Early exit", f"{exits.rule}; threshold chosen on {exits.chosen_on}"))
    console.print(f"  samples leaving after timestep {shares}  ({exits.reported_on})")
    console.print(
        f"  energy and latency: that histogram times the per-timestep figures of the {report.options['samples']} "
        "recorded samples"
    )
    _print_unit(exits.unit, console)


def _print_unit(unit: UnitShare, console: Console) -> None:
    """What deciding costs, which is said to be negligible."""
    for run, energy_pj in unit.energy_pj.items():
        share, dynamic = number.percent(unit.energy_share[run]), number.energy(unit.dynamic_pj[run])
        console.print(
            f"  {unit.component}, {run}: {number.energy(energy_pj)}, {share} of the energy ({dynamic} dynamic)"
        )
    share = number.percent(unit.area_share)
    console.print(f"  {unit.component}: {unit.area_um2 / 1e6:.4f} mm2, {share} of the area")


def _by_timestep(report: Report) -> Table:
    """What staying for each timestep adds, what runs in vain included."""
    ranges = _ranges(len(report.runs[0].energy_by_timestep_pj))
    names = (f"t = {low}" if low == high else f"{low} to {high}" for low, high in ranges)
    table = plain_table("Energy by timestep  (what staying for it adds)", "", *names)
    for run in report.runs:
        each = run.energy_by_timestep_pj
        table.add_row(run.name, *(number.energy(math.fsum(each[low - 1 : high])) for low, high in ranges))
    return table


def _ranges(timesteps: int) -> list[tuple[int, int]]:
    """The first and last timestep of every column: each by itself, or the first and as equal ranges of the others."""
    if timesteps <= _MOST_COLUMNS:
        return [(t, t) for t in range(1, timesteps + 1)]
    parts = _MOST_COLUMNS - 1
    bounds = [1 + (timesteps - 1) * part // parts for part in range(parts + 1)]
    return [(1, 1), *((low + 1, high) for low, high in pairwise(bounds))]


def _by_component(run: Run) -> Table:
    table = plain_table(
        f"Energy by component and action, {run.name}", "component", "action", "count", "energy", "share"
    )
    for component, component_pj in sums((row.component, row.energy_pj) for row in run.rows):
        table.add_row(
            component, "", "", number.energy(component_pj), number.percent(component_pj / run.energy_pj.value)
        )
        counts = dict(sums((row.action, row.count) for row in run.rows if row.component == component))
        for action, pj in sums((row.action, row.energy_pj) for row in run.rows if row.component == component):
            if (action == LEAKAGE and pj == 0) or counts[action] == 0:
                continue
            share = number.percent(pj / run.energy_pj.value)
            table.add_row("", action, number.si(counts[action], ""), number.energy(pj), share, style="dim")
    return table


def _by_layer(report: Report, run: Run) -> Table:
    rates, crossbars = report.spike_rates, report.crossbars
    placed = ["crossbars"] if crossbars else []
    timed = ["begins", "ends"] if run.latency_ns is not None else []
    table = plain_table(f"Energy by layer, {run.name}", "layer", *placed, "spike rate", "energy", "share", *timed)
    for row in sorted(run.layers, key=lambda row: -row.energy_pj):
        place = [str(crossbars.get(row.layer, ""))] if crossbars else []
        rate = f"{rates[row.layer]:.4f}" if row.layer in rates else ""
        times = ["" if ns is None else number.time(ns) for ns in (row.begin_ns, row.end_ns)] if timed else []
        share = number.percent(row.energy_pj / run.energy_pj.value)
        table.add_row(row.layer or WHOLE_CHIP, *place, rate, number.energy(row.energy_pj), share, *times)
    return table


def _stages(run: Run) -> Table:
    title = f"Where the cycles of a sample go that runs to its end, {run.name}"
    table = plain_table(title, "stage", "utilisation", *CAUSES)
    busiest = sorted(run.stages, key=lambda stage: -stage.busy_cycles)[:_MOST_STAGES]
    for stage in busiest:
        cycles = [getattr(stage, f"{cause}_cycles") for cause in CAUSES]
        if not any(cycles[:-1]):
            continue
        table.add_row(stage.stage, number.percent(cycles[0] / max(sum(cycles), 1)), *(f"{c:,.0f}" for c in cycles))
    if len(run.stages) > len(busiest):
        table.add_row(f"... {len(run.stages) - len(busiest)} that are busy for less, in the JSON report", style="dim")
    return table


def _area(report: Report) -> Table:
    table = plain_table("Area and leakage", "component", "instances", "area mm2", "leakage")
    for row in sorted(report.area, key=lambda row: -row.area_um2):
        table.add_row(row.component, f"{row.instances:,}", f"{row.area_um2 / 1e6:.4f}", number.power(row.leakage_uw))
    area, leakage = spread(report.area_mm2, plain), spread(report.leakage_uw, number.power)
    table.add_row("total", "", area, leakage, style="bold")
    return table


def _storage(report: Report) -> Table:
    table = plain_table("Memory footprint", "storage", "used KiB", "on chip KiB", "used")
    for row in report.storage:
        used, provided = row.used_bits / units.BITS_PER_KIB, row.provided_bits / units.BITS_PER_KIB
        share = number.percent(used / provided) if provided else ""
        table.add_row(row.storage, f"{used:,.1f}", f"{provided:,.1f}", share)
    return table


def _print_programming(report: Report, console: Console) -> None:
    """Weights written before the first inference, and again in each."""
    written = report.programming
    if written is None:
        return
    console.print()
    console.print(headed("Programming", "(before the first inference, in no figure above)"))
    energy, time = spread(written.energy_pj, number.energy), number.time(written.time_ns)
    console.print(f"  {written.cells:,} cells: {energy}, {time}")
    if written.passes > 1:
        energy, time = spread(written.rewriting_pj, number.energy), number.time(written.rewriting_ns)
        again = f"again in each inference, in {written.passes} passes"
        console.print(f"  {again}: {written.rewritten_cells:,} cells: {energy}, {time}")
    if written.inferences_until_worn is not None and written.endurance_writes is not None:
        worn, writes = (spread(each, _times) for each in (written.inferences_until_worn, written.endurance_writes))
        console.print(
            f"  worn out after {worn} inferences: a cell bears {writes} writes, the most written one gets "
            f"{written.writes_of_a_cell} an inference"
        )


def _times(value: float) -> str:
    return number.si(value, "").strip()


def _print_notes(report: Report, console: Console) -> None:
    console.print()
    console.print(headed("Mapping"))
    for name, value in report.notes.items():
        if not isinstance(value, dict):
            console.print(f"  {name}: {_note(value)}")


def _note(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
