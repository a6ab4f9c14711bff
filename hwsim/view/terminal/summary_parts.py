"""Where the energy of a run goes, on the first screen: by component and by layer, beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from hwsim.printable import cut
from hwsim.report.report import Report, Run
from hwsim.report.shares import sums
from hwsim.view.terminal import number
from hwsim.view.terminal.plain_table import bare_table
from hwsim.view.terminal.report_table import WHOLE_CHIP, shown_runs
from hwsim.view.terminal.summary_figures import in_unit

MOST_ROWS = 8
_LONGEST_PART, _LONGEST_LAYER = 17, 13
_NARROWEST, _WIDEST_MORE = 80, 20  # layers may have longer names where there is room


def parts(report: Report, width: int) -> Table:
    """Energy by component and by layer, beside each other."""
    runs = shown_runs(report)
    both = Table.grid(padding=(0, 3, 0, 0))
    both.add_row(_by_component(runs), _by_layer(report, runs, width))
    return both


def _by_component(runs: Sequence[Run]) -> Table:
    by_run = [dict(sums((row.component, row.energy_pj) for row in run.rows)) for run in runs]
    return _shares("component", by_run, runs, {}, _LONGEST_PART)


def _by_layer(report: Report, runs: Sequence[Run], width: int) -> Table:
    by_run = [{row.layer or WHOLE_CHIP: row.energy_pj for row in run.layers} for run in runs]
    rates = {name: f"{rate:.3f}" for name, rate in report.spike_rates.items()} if len(runs) == 1 else {}
    return _shares("layer", by_run, runs, rates, _LONGEST_LAYER + min(max(0, width - _NARROWEST), _WIDEST_MORE))


def _shares(
    title: str, by_run: Sequence[Mapping[str, float]], runs: Sequence[Run], rates: Mapping[str, str], longest: int
) -> Table:
    """The largest by name, what all others are together, in one unit; shares where there is one run."""
    names = list(dict.fromkeys(name for name, _ in sums((n, pj) for each in by_run for n, pj in each.items())))
    kept, others = names[:MOST_ROWS], names[MOST_ROWS:]
    factor, unit = in_unit("J", 1e-12)(max(run.energy_pj.value for run in runs))
    table = bare_table()
    table.add_column(title)
    if rates:
        table.add_column("rate", justify="right", vertical="bottom")
    for run in runs:
        table.add_column(unit if len(runs) == 1 else f"{run.name}, {unit}", justify="right", vertical="bottom")
    if len(runs) == 1:
        table.add_column("share", justify="right", vertical="bottom")

    def add(name: str, energies: Sequence[float], rate: str) -> None:
        cells = [number.significant(pj / factor, 3) for pj in energies]
        if len(runs) == 1:
            cells.append(number.percent(energies[0] / (runs[0].energy_pj.value or 1.0)))
        table.add_row(cut(name, longest), *([rate] if rates else []), *cells)

    for name in kept:
        add(name, [each.get(name, 0.0) for each in by_run], rates.get(name, ""))
    if others:
        add("the rest", [sum(each.get(name, 0.0) for name in others) for each in by_run], "")
    return table
