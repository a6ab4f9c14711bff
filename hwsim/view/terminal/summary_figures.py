"""The runs side by side on the first screen, and their ratios; numbers of a row share a unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.console import Group, RenderableType
from rich.measure import Measurement
from rich.table import Table

from hwsim import units
from hwsim.contract.run import RunName
from hwsim.printable import cut
from hwsim.report.report import Figure, Report, Run
from hwsim.view.terminal import number
from hwsim.view.terminal.plain_table import bare_table
from hwsim.view.terminal.plain_text import PlainConsole
from hwsim.view.terminal.run_table import has_timesteps, per

UNBOUNDED = PlainConsole(width=1000)
_MOST_RATIOS = 4
_RATIOS_WITH_INTERVALS = 2
_LONGEST_RATIO = 29
_ALIKE = 0.02
_SURE = 1e-12  # what sums of equal floats may differ by is no spread of samples


def figures(report: Report, width: int) -> RenderableType:
    """The runs side by side; errors take rows of their own where it is narrow, and what does not fit is named."""
    runs, left_out = [*report.runs, *report.baselines], list[str]()
    less_asked_for = [*report.runs[1:-1], *report.baselines, *report.runs[:1]]
    while True:
        for errors_beside in (True, False):
            table = side_by_side(report, runs, errors_beside)
            if Measurement.get(UNBOUNDED, UNBOUNDED.options, table).maximum <= width or len(runs) == 1:
                said = f"too narrow for {', '.join(left_out)}: see --full" if left_out else ""
                return Group(table, cut(said, width)) if said else table
        runs.remove(dropped := less_asked_for.pop(0))
        left_out.append(dropped.name)


def side_by_side(report: Report, runs: Sequence[Run], errors_beside: bool = True) -> Table:
    """What runs cost, a column each; errors in rows of their own unless they stand beside the values."""
    table = bare_table()
    table.add_column(f"per {per(report)}", no_wrap=True)
    for run in runs:
        table.add_column(name_of(run.name), justify="right", no_wrap=True)
    rows = _accuracy(report, runs)
    if has_timesteps(report):
        rows = [_figure("timesteps", [run.timesteps for run in runs], one, prices=False), *rows]
    for label, unit, scale, figures in (
        ("energy", "J", 1e-12, [run.energy_pj for run in runs]),
        ("latency", "s", 1e-9, [run.latency_ns for run in runs]),
        ("EDP", "J s", 1e-21, [run.edp_pj_ns for run in runs]),
    ):
        rows.append(_figure(label, figures, in_unit(unit, scale)))
        if label == "energy" and report.io is not None:
            with_io = [run.with_io_pj for run in runs]
            rows.append(_figure("  with input and output", with_io, in_unit(unit, scale), figures, bare=True))
        if label == "EDP" and any(map(_differs, runs)):
            means = [run.edp_of_means_pj_ns for run in runs]
            rows.append(_figure("  energy x latency", means, in_unit(unit, scale), figures, bare=True))
    if any(run.name is RunName.STREAMED for run in runs):
        rates = [run.pipelined_per_s if run.name is RunName.STREAMED else run.one_at_a_time_per_s for run in runs]
        rows.append(
            _Rows(
                "inferences a second", ["" if each is None else f"{each:.4g}" for each in rates], [""] * len(runs), []
            )
        )
    for row in rows:
        row.add_to(table, errors_beside)
    if all(run.latency_ns is None for run in runs):
        table.add_row("latency, EDP", *(["not modelled"] * len(runs)))
    return table


def _differs(run: Run) -> bool:
    """Whether the mean of products is not nearly the product of means, as a reader would have it."""
    each, of_means = run.edp_pj_ns, run.edp_of_means_pj_ns
    return each is not None and of_means is not None and abs(of_means.value / (each.value or 1) - 1) > _ALIKE


def name_of(run: str) -> str:
    """A run by one word where it has a longer name."""
    return run.removeprefix("early exit, ")


@dataclass(frozen=True, slots=True)
class _Rows:
    """A figure of all runs as text."""

    label: str
    values: Sequence[str]
    errors: Sequence[str]
    ranges: Sequence[str]

    def add_to(self, table: Table, errors_beside: bool = True) -> None:
        """A row of values, one of errors where they are not beside them, and one of what prices allow."""
        if not any(self.values):
            return
        both = [f"{value} ± {error}" if error else value for value, error in zip(self.values, self.errors, strict=True)]
        table.add_row(self.label, *(both if errors_beside else self.values))
        if not errors_beside and any(self.errors):
            table.add_row("  ± standard error", *self.errors)
        if any(self.ranges):
            table.add_row("  prices allow", *self.ranges)


def in_unit(unit: str, scale: float) -> Callable[[float], tuple[float, str]]:
    """How to choose one unit for some values by the largest: what they are divided by, and its name."""

    def chosen(largest: float) -> tuple[float, str]:
        factor, named = number.unit_of(largest * scale, unit)
        return factor / scale, named

    return chosen


def one(_largest: float) -> tuple[float, str]:
    """No unit."""
    return 1.0, ""


def _figure(
    label: str,
    figures: Sequence[Figure | None],
    unit: Callable[[float], tuple[float, str]],
    like: Sequence[Figure | None] | None = None,
    *,
    prices: bool = True,
    bare: bool = False,
) -> _Rows:
    """Values, errors and what prices allow, in one unit, that of others if it is to be `like` them; or values alone."""
    factor, named = unit(max((figure.value for figure in like or figures if figure is not None), default=0.0))
    if bare:
        values = ["" if figure is None else _value(figure.value / factor) for figure in figures]
        return _Rows(label, values, [""] * len(values), [])
    return _Rows(
        label=f"{label}, {named}" if named else label,
        values=["" if figure is None else _value(figure.value / factor) for figure in figures],
        errors=["" if figure is None else _error(figure, factor) for figure in figures],
        ranges=["" if figure is None or not prices else _range(figure, factor) for figure in figures],
    )


def _value(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else number.significant(value, 4)


def _error(figure: Figure, factor: float) -> str:
    error = figure.standard_error
    if error is None or error <= _SURE * abs(figure.value):
        return ""
    return number.significant(error / factor, 2)


def _range(figure: Figure, factor: float) -> str:
    if figure.low == figure.high:
        return ""
    return f"{number.significant(figure.low / factor, 3)} to {number.significant(figure.high / factor, 3)}"


def _accuracy(report: Report, runs: Sequence[Run]) -> list[_Rows]:
    """That of this hardware where it is known, and its difference to the exact network's; else the exact network's."""
    judged = [run.hardware_accuracy for run in runs]
    if (n := max((each.samples for each in judged if each is not None), default=0)) > 0:
        return [
            _Rows(
                f"accuracy here, %, n = {n:,}",
                ["" if each is None else f"{100 * each.accuracy:.1f}" for each in judged],
                ["" if each is None else f"{100 * each.standard_error:.1f}" for each in judged],
                [],
            ),
            _Rows(
                "  less the exact network's",
                ["" if each is None else f"{100 * each.difference:+.1f}" for each in judged],
                ["" if each is None else _percent(each.difference_standard_error) for each in judged],
                [],
            ),
        ]
    values = ["" if run.accuracy is None else f"{100 * run.accuracy:.2f}" for run in runs]
    whose = "" if report.accuracy_of.whose in ("both", "this hardware") else ", exact network"
    errors = [_percent(run.accuracy_standard_error, 2) for run in runs]
    return [_Rows(f"accuracy{whose}, %", values if any(values) else ["not known"] * len(values), errors, [])]


def _percent(error: float | None, digits: int = 1) -> str:
    return "" if error is None else f"{100 * error:.{digits}f}"


def hardware(report: Report) -> str:
    """Area, leakage and memory, which all runs share."""
    area, low, high = (number.significant(value, 3) for value in _bounds(report.area_mm2))
    between = "" if low == high else f" ({low} to {high})"
    size = f"area {area} mm2{between}" if report.area_mm2.value else "area not modelled"
    leakage = number.power(report.leakage_uw.value) if report.leakage_uw.value else "not modelled"
    used = sum(row.used_bits for row in report.storage) / units.BITS_PER_KIB
    there = sum(row.provided_bits for row in report.storage) / units.BITS_PER_KIB
    memory = f"; memory {used:,.0f} of {there:,.0f} KiB used" if there else ""
    return f"{size}; leakage {leakage}{memory}"


def passes(report: Report) -> list[str]:
    """What running in passes takes, and what it does to early exit; nothing of a network that the chip holds."""
    written = report.programming
    if written is None or written.passes == 1:
        return []
    run = report.runs[-1]
    share = number.percent(written.rewriting_pj.value / (run.energy_pj.value or 1))
    time = f", {number.percent(written.rewriting_ns / run.latency_ns.value)} of the time" if run.latency_ns else ""
    cells = f"{written.rewritten_cells:,} cells written again, {share} of the energy{time}"
    lines = [f"{written.passes} passes: {cells}"]
    if (worn := written.inferences_until_worn) is not None:
        value, low, high = (number.si(bound, "").strip() for bound in _bounds(worn))
        lines.append(f"  cells worn out after {value} inferences ({low} to {high})")
    if report.early_exit is not None:
        lines.append("  early exit leaves the last pass alone: all timesteps of those before it have run by then")
    return lines


def _bounds(figure: Figure) -> tuple[float, float, float]:
    """Value and bounds."""
    return figure.value, figure.low, figure.high


def ratios(report: Report) -> Table:
    """Runs against each other, and the network without spikes over the last of them."""
    table = bare_table()
    table.add_column("ratio")
    for name in ("energy", "latency", "EDP"):
        table.add_column(name, justify="right", vertical="bottom")
    last = report.runs[-1].name
    pairs: list[tuple[str, tuple[Figure | None, ...]]] = [
        (f"{name_of(c.run)} / {name_of(c.reference)}", (c.energy, c.latency, c.edp)) for c in report.comparisons
    ]
    without_spikes = [ratio for ratio in report.baseline_ratios if ratio.run == last]
    pairs += [(f"{b.baseline} / {name_of(b.run)}", (b.energy, b.latency, b.edp)) for b in without_spikes]
    for name, figures in pairs[:_MOST_RATIOS]:
        row = _figure(cut(name, _LONGEST_RATIO), figures, one)
        (row if len(pairs) <= _RATIOS_WITH_INTERVALS else replace(row, ranges=[])).add_to(table)
    return table
