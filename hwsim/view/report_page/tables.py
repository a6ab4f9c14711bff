"""Everything that a report holds, as tables of a page."""

from __future__ import annotations

from collections.abc import Iterator

from hwsim import units
from hwsim.report.price import LEAKAGE
from hwsim.report.report import CAUSES, Report, Run
from hwsim.report.shares import sums
from hwsim.view.report_page.cells import Cell, Table, of_terminal
from hwsim.view.terminal import number
from hwsim.view.terminal.period_table import period_table
from hwsim.view.terminal.report_table import WHOLE_CHIP, shown_runs
from hwsim.view.terminal.run_table import baselines_table, comparisons_table, figures_table

_MOST_POINTS = 200


def figures(report: Report) -> Iterator[Table]:
    """The runs side by side, their ratios, and a period where there is one."""
    yield of_terminal(figures_table(report))
    if report.comparisons:
        yield of_terminal(comparisons_table(report))
    if report.baseline_ratios:
        yield of_terminal(baselines_table(report))
    if (period := period_table(report)) is not None:
        yield of_terminal(period, "One inference a period")


def parts(report: Report) -> Iterator[Table]:
    """Where energy and time go, of the runs that parts are listed of, then what holds for all runs."""
    for run in shown_runs(report):
        yield _components(run)
        yield _layers(report, run)
        yield _actions(run)
        if run.latency_ns is not None:
            yield _stages(run)
            yield _units(run)
        if any(load.loaded for load in run.loads):
            yield _loads(run)
    if any(len(run.energy_by_timestep_pj) > 1 for run in report.runs):
        yield _timesteps(report)
    if report.exit_curve is not None:
        yield _exits(report)
    yield _area(report)
    yield _storage(report)
    yield _notes(report)


def energy(pj: float) -> Cell:
    """An energy."""
    return Cell(number.energy(pj), pj)


def share(fraction: float) -> Cell:
    """A share."""
    return Cell(number.percent(fraction), fraction)


def time(ns: float | None) -> Cell:
    """A time, or nothing."""
    return Cell("") if ns is None else Cell(number.time(ns), ns)


def amount(value: float) -> Cell:
    """A count."""
    return Cell(f"{value:,.0f}" if value == int(value) else f"{value:,.4g}", value)


def _components(run: Run) -> Table:
    low, high, leaks = (
        dict(sums((row.component, getattr(row, field)) for row in run.rows if which is None or row.action == which))
        for field, which in (("low_pj", None), ("high_pj", None), ("energy_pj", LEAKAGE))
    )
    whole = run.energy_pj.value or 1.0
    rows = [
        [Cell(name), energy(pj), share(pj / whole), energy(leaks.get(name, 0.0)), energy(low[name]), energy(high[name])]
        for name, pj in sums((row.component, row.energy_pj) for row in run.rows)
    ]
    columns = ("component", "energy", "share", "of it leakage", "low", "high")
    return Table(f"Energy by component, {run.name}", columns, rows, says="low and high: all prices at these bounds")


def _layers(report: Report, run: Run) -> Table:
    whole = run.energy_pj.value or 1.0
    rows = []
    for row in run.layers:
        rate = report.spike_rates.get(row.layer)
        crossbars = report.crossbars.get(row.layer)
        rows.append(
            [
                Cell(row.layer or WHOLE_CHIP),
                Cell("") if rate is None else Cell(f"{rate:.4f}", rate),
                Cell("") if crossbars is None else amount(crossbars),
                energy(row.energy_pj),
                share(row.energy_pj / whole),
                time(row.begin_ns),
                time(row.end_ns),
            ]
        )
    columns = ("layer", "spike rate", "crossbars", "energy", "share", "begins", "ends")
    return Table(f"Energy by layer, {run.name}", columns, rows)


def _actions(run: Run) -> Table:
    whole = run.energy_pj.value or 1.0
    rows = [
        [
            Cell(row.layer or WHOLE_CHIP),
            Cell(row.component),
            Cell(row.action),
            Cell(number.si(row.count, ""), row.count),
            energy(row.energy_pj),
            share(row.energy_pj / whole),
            energy(row.low_pj),
            energy(row.high_pj),
        ]
        for row in sorted(run.rows, key=lambda row: -row.energy_pj)
        if row.count and (row.high_pj or row.action != LEAKAGE)
    ]
    columns = ("layer", "component", "action", "count", "energy", "share", "low", "high")
    return Table(f"Every action, {run.name}", columns, rows, (0, 1, 2), "means per inference; of leakage instances")


def _stages(run: Run) -> Table:
    rows = []
    for row in run.stages:
        cycles = [getattr(row, f"{cause}_cycles") for cause in CAUSES]
        rows.append([Cell(row.stage), Cell(row.layer), share(cycles[0] / (sum(cycles) or 1.0)), *map(amount, cycles)])
    columns = ("stage", "layer", "utilisation", *CAUSES)
    says = "cycles of a sample that runs to its end: the five sum to the makespan"
    return Table(f"Stages, {run.name}", columns, rows, (0, 1), says)


def _units(run: Run) -> Table:
    rows = [[Cell(row.unit), amount(row.slots), amount(row.busy_cycles), share(row.busy_share)] for row in run.units]
    return Table(f"Units, {run.name}", ("unit", "slots", "busy cycles", "busy"), rows)


def _loads(run: Run) -> Table:
    rows = []
    for load in run.loads:
        bound = load.loaded[0] if load.loaded else None
        moved = ", ".join(f"{memory} {number.si(n, 'B')}" for memory, n in load.bytes_by_memory.items() if n)
        rows.append(
            [
                Cell(load.layer),
                amount(load.operations),
                amount(load.conversions),
                Cell("") if bound is None else Cell(bound.bound),
                Cell("") if bound is None else Cell(bound.unit),
                time(None if bound is None else bound.busy_ns),
                Cell(moved),
            ]
        )
    columns = ("layer", "operations", "conversions", "bound by", "unit", "busy", "bytes read and written")
    return Table(f"What layers ask of units, {run.name}", columns, rows, (0, 3, 4, 6))


def _timesteps(report: Report) -> Table:
    steps = max(len(run.energy_by_timestep_pj) for run in report.runs)
    right = report.accuracy_by_timestep
    rows = []
    for step in range(steps):
        each = (run.energy_by_timestep_pj for run in report.runs)
        cells = [energy(pj[step]) if step < len(pj) else Cell("") for pj in each]
        known = [share(right[step])] if step < len(right) else [Cell("")] * bool(right)
        rows.append([Cell(str(step + 1), step + 1.0), *cells, *known])
    columns = ("timestep", *(str(run.name) for run in report.runs), *(["accuracy after it"] if right else []))
    return Table("Energy by timestep", columns, rows, says="what staying for it adds, work in vain included")


def _exits(report: Report) -> Table:
    assert report.exit_curve is not None
    points = report.exit_curve.points
    step = -(-len(points) // _MOST_POINTS)
    shown = [point for i, point in enumerate(points) if i % step == 0 or point.in_use]
    rows = []
    for point in shown:
        costs = point.runs[-1]
        rows.append(
            [
                Cell(f"{point.lowest_threshold:g}", point.lowest_threshold),
                Cell(f"{point.highest_threshold:g}", point.highest_threshold),
                Cell("yes" if point.in_use else ""),
                Cell("") if point.accuracy is None else share(point.accuracy),
                Cell(f"{point.timesteps.value:.4g}", point.timesteps.value),
                energy(costs.energy_pj.value),
                time(None if costs.latency_ns is None else costs.latency_ns.value),
            ]
        )
    columns = ("from threshold", "to", "in use", "accuracy", "timesteps", "energy", "latency")
    says = f"each outcome once, of run {points[0].runs[-1].name}" + (f"; one of {step}" if step > 1 else "")
    return Table("Early exit over thresholds", columns, rows, (2,), says)


def _area(report: Report) -> Table:
    rows = [
        [
            Cell(row.component),
            amount(row.instances),
            *(Cell(f"{um2 / units.UM2_PER_MM2:.4g} mm2", um2) for um2 in (row.area_um2, row.low_um2, row.high_um2)),
            Cell(number.power(row.leakage_uw), row.leakage_uw),
        ]
        for row in sorted(report.area, key=lambda row: -row.area_um2)
    ]
    return Table("Area and leakage", ("component", "instances", "area", "low", "high", "leakage"), rows)


def _storage(report: Report) -> Table:
    rows = [
        [
            Cell(row.storage),
            Cell(f"{row.used_bits / units.BITS_PER_KIB:,.1f} KiB", row.used_bits),
            Cell(f"{row.provided_bits / units.BITS_PER_KIB:,.1f} KiB", row.provided_bits),
            share(row.used_bits / row.provided_bits) if row.provided_bits else Cell(""),
        ]
        for row in report.storage
    ]
    return Table("Memory footprint", ("storage", "used", "on chip", "share"), rows)


def _notes(report: Report) -> Table:
    rows = []
    for name, value in report.notes.items():
        known = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        shown = (
            f"{value:,}" if isinstance(value, int) and known is not None else f"{value:.4g}" if known else str(value)
        )
        rows.append([Cell(name), Cell(shown, known)])
    return Table("Mapping", ("fact", "value"), rows, (0, 1))
