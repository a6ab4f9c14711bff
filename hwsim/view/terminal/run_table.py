"""The figures of all runs side by side, and their ratios; it reads a Report and computes nothing but one sum."""

from __future__ import annotations

from collections.abc import Callable

from rich.table import Table

from hwsim.report.report import Figure, Percentiles, Report, Run
from hwsim.view.terminal import number
from hwsim.view.terminal.plain_table import plain_table

_ROUNDING = 1e-12  # relative: what sums of equal floats may differ by is no spread of samples
Formatter = Callable[[float], str]
Line = tuple[str, Callable[[Run], str]]


def has_timesteps(report: Report) -> bool:
    """Whether samples can leave anywhere but at the end."""
    return int(report.options["timesteps"]) > 1


def spread(figure: Figure, show: Formatter) -> str:
    """Value ± standard error [low, high]; parts that say nothing are left out."""
    text = show(figure.value)
    if figure.standard_error is not None and figure.standard_error > _ROUNDING * abs(figure.value):
        text += f" ± {show(figure.standard_error)}"
    if figure.low != figure.high:
        text += f" [{show(figure.low)}, {show(figure.high)}]"
    return text


def plain(value: float) -> str:
    """Four digits."""
    return f"{value:.4g}"


def figures_table(report: Report) -> Table:
    """What each run costs and achieves."""
    runs = report.runs + report.baselines
    table = plain_table(
        f"Per {per(report)}  (mean ± standard error over samples [interval of prices])",
        "",
        *(run.name for run in runs),
    )
    lines: tuple[Line, ...] = (
        *([("timesteps", lambda run: spread(run.timesteps, plain))] if has_timesteps(report) else []),
        (_accuracy_label(report), _accuracy),
        *_hardware_lines(report),
        ("energy", lambda run: spread(run.energy_pj, number.energy)),
        ("  dynamic", lambda run: spread(run.dynamic_pj, number.energy)),
        ("  clock", lambda run: spread(run.clock_pj, number.energy)),
        ("  leakage", lambda run: spread(run.leakage_pj, number.energy)),
        *_speculative_lines(report),
        ("  p50, p90, p99 of samples", lambda run: _percentiles(run.energy_percentiles_pj, number.energy)),
        *([("  with input and output", lambda run: _known(run.with_io_pj, number.energy))] if report.io else []),
        *(_time_lines(report) if report.runs[0].latency_ns is not None else []),
        ("energy per SOP", lambda run: number.energy(run.pj_per_sop)),
        ("efficiency", lambda run: f"{run.tops_per_w:.4g} TOPS/W"),
        *(_operation_line(name) for name in dict.fromkeys(name for run in runs for name in run.operations)),
        *([("SRAM accesses", _accesses)] if report.runs[-1].name.is_phase else []),
    )
    for label, show in lines:
        table.add_row(label, *(show(run) for run in runs))
    return table


def _time_lines(report: Report) -> list[Line]:
    """Latency and what follows from it; an equation of energy alone has none."""
    unit = per(report)
    lines: list[Line] = [
        ("latency", lambda run: _known(run.latency_ns, number.time)),
        ("  p50, p90, p99 of samples", lambda run: _percentiles(run.latency_percentiles_ns, number.time)),
        ("EDP, mean of products", lambda run: _known(run.edp_pj_ns, number.edp)),
        ("EDP, product of means", lambda run: _known(run.edp_of_means_pj_ns, number.edp)),
        ("power", lambda run: "" if run.power_uw is None else number.power(run.power_uw)),
        (f"rate, one {unit} at a time", lambda run: _rate(run.one_at_a_time_per_s)),
    ]
    if any(run.pipelined_per_s is not None for run in report.runs):
        lines.append(("rate, pipeline full", lambda run: _rate(run.pipelined_per_s)))
    return [*lines, ("  busiest", lambda run: run.busiest)]


def _rate(per_s: float | None) -> str:
    return "" if per_s is None else f"{per_s:.4g} /s"


def _known(figure: Figure | None, show: Formatter) -> str:
    return "" if figure is None else spread(figure, show)


def per(report: Report) -> str:
    """What figures are of: learning from a sample is no inference."""
    return "sample" if report.runs[0].name.learns else "inference"


def _speculative_lines(report: Report) -> list[Line]:
    """What ran in vain, where anything did."""
    if not any(run.speculative_pj.value for run in report.runs):
        return []

    def show(run: Run) -> str:
        if not run.speculative_pj.value:
            return "none"
        return spread(run.speculative_pj, number.energy)

    def share(run: Run) -> str:
        return number.percent(run.speculative_share)

    return [("  of it speculative waste", show), ("  share of that", share)]


def _percentiles(percentiles: Percentiles | None, show: Formatter) -> str:
    if percentiles is None:
        return ""
    return ", ".join(show(value) for value in (percentiles.p50, percentiles.p90, percentiles.p99))


def _operation_line(name: str) -> Line:
    label = "  that could clip" if name.endswith("that could clip") else f"{name}s"
    return label, lambda run: number.si(run.operations.get(name, 0.0), "")


def _accesses(run: Run) -> str:
    """Reads and writes of all memories: what learning costs most."""
    return number.si(sum(row.count for row in run.rows if row.action in ("read", "write")), "")


def _accuracy_label(report: Report) -> str:
    whose = report.accuracy_of.whose
    return "accuracy" if whose == "both" else f"accuracy of {'the ' if whose == 'exact network' else ''}{whose}"


def _hardware_lines(report: Report) -> list[Line]:
    """The accuracy of this hardware where it is not that of the network, and the difference on the same samples."""
    if all(run.hardware_accuracy is None for run in report.runs):
        return []

    def own(run: Run) -> str:
        found = run.hardware_accuracy
        return "" if found is None else f"{100 * found.accuracy:.2f} ± {100 * found.standard_error:.2f} %"

    def difference(run: Run) -> str:
        found = run.hardware_accuracy
        if found is None:
            return ""
        error = found.difference_standard_error
        spread = "" if error is None else f" ± {100 * error:.2f}"
        return f"{100 * found.difference:+.2f}{spread} points"

    samples = max(run.hardware_accuracy.samples for run in report.runs if run.hardware_accuracy is not None)
    of_its_own = (
        [] if report.accuracy_of.whose == "this hardware" else [(f"accuracy of this hardware, {samples:,}", own)]
    )
    return [*of_its_own, ("  less the exact network's on the same", difference)]


def _accuracy(run: Run) -> str:
    if run.name.learns:
        return ""
    if run.accuracy is None or run.accuracy_standard_error is None:
        return "not known"
    return f"{100 * run.accuracy:.2f} ± {100 * run.accuracy_standard_error:.2f} %"


def baselines_table(report: Report) -> Table:
    """What the spikes save against the network without them."""
    ratios = report.baseline_ratios
    title = "Against the network without spikes  (above 1 the spikes save)"
    table = plain_table(title, "", *(f"{ratio.baseline} / {ratio.run}" for ratio in ratios))
    table.add_row("energy", *(spread(ratio.energy, plain) for ratio in ratios))
    computing = [ratio.compute_energy for ratio in ratios]
    table.add_row(
        "  multiplying and adding alone", *("" if each is None else spread(each, plain) for each in computing)
    )
    if ratios[0].latency is not None:
        table.add_row("latency", *(_known(ratio.latency, plain) for ratio in ratios))
        table.add_row("EDP, mean of products", *(_known(ratio.edp, plain) for ratio in ratios))
    return table


def comparisons_table(report: Report) -> Table:
    """Runs against each other."""
    names = [f"{c.run} / {c.reference}" for c in report.comparisons]
    table = plain_table("Ratios  (below 1 is less)", "", *names)
    for label, field in (
        ("timesteps", "timesteps"),
        ("energy", "energy"),
        ("latency", "latency"),
        ("EDP, mean of products", "edp"),
        ("EDP, product of means", "edp_of_means"),
    ):
        table.add_row(label, *(spread(getattr(c, field), plain) for c in report.comparisons))
    return table
