"""The report as tables on a terminal; it reads a Report and computes nothing but shares of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table

from hwsim.figures import Figure, Percentiles, Report, Run, UnitShare
from hwsim.report import LEAKAGE
from hwsim.traces.plastic import INFER, TRAIN
from hwsim.view import number
from hwsim.view.plain_table import plain_table

_ROUNDING = 1e-12  # relative: what sums of equal floats may differ by is no spread of samples
_MOST_STAGES = 40
Formatter = Callable[[float], str]
Line = tuple[str, Callable[[Run], str]]


def print_report(report: Report, console: Console) -> None:
    """Everything a reader needs to judge a simulation, the most asked for first."""
    _print_head(report, console)
    console.print(_figures(report))
    if report.comparisons:
        console.print(_comparisons(report))
    if report.baseline_ratios:
        console.print(_baselines(report))
    _print_exits(report, console)
    if _has_timesteps(report):
        console.print(_by_timestep(report))
    # The last run is the fullest, but learning and inference are two things.
    for run in report.runs if report.runs[0].name == TRAIN else report.runs[-1:]:
        console.print(_by_component(run))
        console.print(_by_layer(report, run))
        console.print(_stages(run))
    console.print(_area(report))
    console.print(_storage(report))
    _print_notes(report, console)


def _print_head(report: Report, console: Console) -> None:
    trace, architecture = report.trace, report.architecture
    console.print(f"[bold]{architecture['description']}[/bold]")
    console.print(f"{architecture['file']} (machine {architecture['machine']}, sha256 {architecture['sha256'][:12]})")
    if architecture["overrides"]:
        console.print("with " + ", ".join(architecture["overrides"]))
    kind = "synthetic spikes" if trace["synthetic"] else f"{trace['dataset']}, {trace['split']} split"
    samples = {run.name: len(run.samples.timesteps) for run in report.runs}
    counted = f"{report.options['samples']} samples"
    if {TRAIN, INFER} & samples.keys():
        counted = ", ".join(f"{n} samples to {name}" for name, n in samples.items())
    timesteps = f", T = {report.options['timesteps']}" if _has_timesteps(report) else ""
    console.print(f"{trace['name']}: {kind}; {counted}{timesteps}")


def _has_timesteps(report: Report) -> bool:
    """Whether samples can leave anywhere but at the end."""
    return int(report.options["timesteps"]) > 1


def _spread(figure: Figure, show: Formatter) -> str:
    """Value ± standard error [low, high]; parts that say nothing are left out."""
    text = show(figure.value)
    if figure.standard_error > _ROUNDING * abs(figure.value):
        text += f" ± {show(figure.standard_error)}"
    if figure.low != figure.high:
        text += f" \\[{show(figure.low)}, {show(figure.high)}]"
    return text


def _plain(value: float) -> str:
    return f"{value:.4g}"


def _figures(report: Report) -> Table:
    runs = report.runs + report.baselines
    table = plain_table(
        f"Per {_unit(report)}  (mean ± standard error over samples [interval of prices])",
        "",
        *(run.name for run in runs),
    )
    lines: tuple[Line, ...] = (
        *([("timesteps", lambda run: _spread(run.timesteps, _plain))] if _has_timesteps(report) else []),
        ("accuracy", _accuracy),
        ("energy", lambda run: _spread(run.energy_pj, number.energy)),
        ("  dynamic", lambda run: _spread(run.dynamic_pj, number.energy)),
        ("  clock", lambda run: _spread(run.clock_pj, number.energy)),
        ("  leakage", lambda run: _spread(run.leakage_pj, number.energy)),
        *_speculative_lines(report),
        ("  p50, p90, p99 of samples", lambda run: _percentiles(run.energy_percentiles_pj, number.energy)),
        ("latency", lambda run: _spread(run.latency_ns, number.time)),
        ("  p50, p90, p99 of samples", lambda run: _percentiles(run.latency_percentiles_ns, number.time)),
        ("EDP, mean of products", lambda run: _spread(run.edp_pj_ns, number.edp)),
        ("EDP, product of means", lambda run: _spread(run.edp_of_means_pj_ns, number.edp)),
        ("power", lambda run: number.power(run.power_uw)),
        ("throughput", lambda run: f"{run.inferences_per_s:.4g} {_unit(report)}s/s"),
        ("energy per SOP", lambda run: number.energy(run.pj_per_sop)),
        ("efficiency", lambda run: f"{run.tops_per_w:.4g} TOPS/W"),
        *(_operation_line(name) for name in dict.fromkeys(name for run in runs for name in run.operations)),
    )
    for label, show in lines:
        table.add_row(label, *(show(run) for run in runs))
    return table


def _unit(report: Report) -> str:
    """What figures are of: learning from a sample is no inference."""
    return "sample" if report.runs[0].name == TRAIN else "inference"


def _speculative_lines(report: Report) -> list[Line]:
    """What ran in vain, where anything did."""
    if not any(run.speculative_pj.value for run in report.runs):
        return []

    def show(run: Run) -> str:
        if not run.speculative_pj.value:
            return "none"
        return _spread(run.speculative_pj, number.energy)

    def share(run: Run) -> str:
        return number.percent(run.speculative_share)

    return [("  of it speculative waste", show), ("  share of that", share)]


def _percentiles(percentiles: Percentiles, show: Formatter) -> str:
    return ", ".join(show(value) for value in (percentiles.p50, percentiles.p90, percentiles.p99))


def _operation_line(name: str) -> Line:
    label = "  that could clip" if name.endswith("that could clip") else f"{name}s"
    return label, lambda run: number.si(run.operations.get(name, 0.0), "")


def _accuracy(run: Run) -> str:
    if run.name == TRAIN:
        return ""
    if run.accuracy is None or run.accuracy_standard_error is None:
        return "not known"
    return f"{100 * run.accuracy:.2f} ± {100 * run.accuracy_standard_error:.2f} %"


def _baselines(report: Report) -> Table:
    ratios = report.baseline_ratios
    title = "Against the network without spikes  (above 1 the spikes save)"
    table = plain_table(title, "", *(f"{ratio.baseline} / {ratio.run}" for ratio in ratios))
    table.add_row("energy", *(_spread(ratio.energy, _plain) for ratio in ratios))
    computing = [ratio.compute_energy for ratio in ratios]
    table.add_row(
        "  multiplying and adding alone", *("" if each is None else _spread(each, _plain) for each in computing)
    )
    table.add_row("latency", *(_spread(ratio.latency, _plain) for ratio in ratios))
    table.add_row("EDP, mean of products", *(_spread(ratio.edp, _plain) for ratio in ratios))
    return table


def _comparisons(report: Report) -> Table:
    names = [f"{c.run} / {c.reference}" for c in report.comparisons]
    table = plain_table("Ratios  (below 1 is less)", "", *names)
    for label, field in (
        ("timesteps", "timesteps"),
        ("energy", "energy"),
        ("latency", "latency"),
        ("EDP, mean of products", "edp"),
        ("EDP, product of means", "edp_of_means"),
    ):
        table.add_row(label, *(_spread(getattr(c, field), _plain) for c in report.comparisons))
    return table


def _print_exits(report: Report, console: Console) -> None:
    if report.accuracy_by_timestep:
        shown = ", ".join(f"T = {t}: {100 * a:.2f} %" for t, a in enumerate(report.accuracy_by_timestep, 1))
        console.print(f"\n[bold]Accuracy[/bold]  {shown}")
    exits = report.early_exit
    if exits is None:
        return
    total = sum(exits.histogram)
    shares = ", ".join(f"{t}: {number.percent(n / total)}" for t, n in enumerate(exits.histogram, 1))
    console.print(f"[bold]Early exit[/bold]  {exits.rule}; threshold chosen on {exits.chosen_on}")
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


def _sums(pairs: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Totals by name, largest first."""
    totals: dict[str, float] = {}
    for name, value in pairs:
        totals[name] = totals.get(name, 0.0) + value
    return sorted(totals.items(), key=lambda item: -item[1])


def _by_timestep(report: Report) -> Table:
    """What staying for each timestep adds, what runs in vain included."""
    n = len(report.runs[0].energy_by_timestep_pj)
    table = plain_table("Energy by timestep  (what staying for it adds)", "", *(f"t = {t}" for t in range(1, n + 1)))
    for run in report.runs:
        table.add_row(run.name, *(number.energy(pj) for pj in run.energy_by_timestep_pj))
    return table


def _by_component(run: Run) -> Table:
    table = plain_table(
        f"Energy by component and action, {run.name}", "component", "action", "count", "energy", "share"
    )
    for component, component_pj in _sums((row.component, row.energy_pj) for row in run.rows):
        table.add_row(
            component, "", "", number.energy(component_pj), number.percent(component_pj / run.energy_pj.value)
        )
        counts = dict(_sums((row.action, row.count) for row in run.rows if row.component == component))
        for action, pj in _sums((row.action, row.energy_pj) for row in run.rows if row.component == component):
            if (action == LEAKAGE and pj == 0) or counts[action] == 0:
                continue
            share = number.percent(pj / run.energy_pj.value)
            table.add_row("", action, number.si(counts[action], ""), number.energy(pj), share, style="dim")
    return table


def _by_layer(report: Report, run: Run) -> Table:
    rates = report.notes.get("spikes per neuron and timestep", {})
    crossbars = report.notes.get("crossbars by layer", {})
    placed = ["crossbars"] if crossbars else []
    table = plain_table(f"Energy by layer, {run.name}", "layer", *placed, "spike rate", "energy", "share")
    for layer, pj in _sums((row.layer or "(whole chip)", row.energy_pj) for row in run.rows):
        place = [str(crossbars.get(layer, ""))] if crossbars else []
        rate = f"{rates[layer]:.4f}" if layer in rates else ""
        table.add_row(layer, *place, rate, number.energy(pj), number.percent(pj / run.energy_pj.value))
    return table


def _stages(run: Run) -> Table:
    accounts = ("busy", "starved", "blocked", "arbitrating", "idle")
    title = f"Where the cycles of a sample that runs all timesteps go, {run.name}"
    table = plain_table(title, "stage", "utilisation", *accounts)
    busiest = sorted(run.stages, key=lambda stage: -stage.busy_cycles)[:_MOST_STAGES]
    for stage in (stage for stage in run.stages if stage in busiest):
        cycles = [getattr(stage, f"{account}_cycles") for account in accounts]
        table.add_row(stage.stage, number.percent(cycles[0] / max(sum(cycles), 1)), *(f"{c:,.0f}" for c in cycles))
    if len(run.stages) > len(busiest):
        table.add_row(f"... {len(run.stages) - len(busiest)} that are busy for less, in the JSON report", style="dim")
    return table


def _area(report: Report) -> Table:
    table = plain_table("Area and leakage", "component", "instances", "area mm2", "leakage")
    for row in sorted(report.area, key=lambda row: -row.area_um2):
        table.add_row(row.component, f"{row.instances:,}", f"{row.area_um2 / 1e6:.4f}", number.power(row.leakage_uw))
    area, leakage = _spread(report.area_mm2, _plain), _spread(report.leakage_uw, number.power)
    table.add_row("total", "", area, leakage, style="bold")
    return table


def _storage(report: Report) -> Table:
    table = plain_table("Memory footprint", "storage", "used KiB", "on chip KiB", "used")
    for row in report.storage:
        used, provided = row.used_bits / 8192, row.provided_bits / 8192
        share = number.percent(used / provided) if provided else ""
        table.add_row(row.storage, f"{used:,.1f}", f"{provided:,.1f}", share)
    return table


def _print_notes(report: Report, console: Console) -> None:
    console.print("\n[bold]Mapping[/bold]")
    for name, value in report.notes.items():
        if not isinstance(value, dict):
            console.print(
                f"  {name}: {value:.3g}" if isinstance(value, float) else f"  {name}: {value}", highlight=False
            )
