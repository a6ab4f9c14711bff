"""One inference a period: energy, mean power, and what idle time takes of it, run by run."""

from __future__ import annotations

from collections.abc import Callable

from rich.table import Table

from hwsim.report.report import Figure, Period, Report
from hwsim.view.terminal import number
from hwsim.view.terminal.plain_table import bare_table

_GATING = {"none": "nothing switched off", "retention": "memories in retention between", "off": "all off between"}


def period_table(report: Report) -> Table | None:
    """Figures of a period side by side; None where no period was asked for."""
    runs = report.runs
    known = [run.period for run in runs if run.period is not None]
    if not known:
        return None
    table = bare_table()
    table.add_column(f"one inference every {number.time(known[0].period_ns)}", no_wrap=True)
    for run in runs:
        table.add_column(run.name.removeprefix("early exit, "), justify="right", no_wrap=True)
    lines: list[tuple[str, Callable[[Period], str]]] = [
        ("energy of a period", lambda each: _figure(each.energy_pj, number.energy)),
        ("mean power", lambda each: _figure(each.power_uw, number.power)),
        ("  leakage while idle", lambda each: _share(each.idle_leakage_pj, each)),
        ("  clock while idle", lambda each: _share(each.idle_clock_pj, each)),
        ("idle equals active at", _even),
        ("between inferences", lambda each: _GATING[each.power_gating]),
    ]
    if any(each.wake_pj.value or each.power_gating != "none" for each in known):
        lines.insert(4, ("  waking", lambda each: _share(each.wake_pj, each)))
        lines.append(("switching off saves from periods of", _pays))
        lines.append(("latency with waking", lambda each: number.time(each.latency_ns.value)))
    for label, show in lines:
        table.add_row(label, *("" if run.period is None else show(run.period) for run in runs))
    if any(run.period is None for run in runs):
        table.add_row("", *("longer than that" if run.period is None else "" for run in runs))
    return table


def _figure(figure: Figure, show: Callable[[float], str]) -> str:
    between = "" if figure.low == figure.high else f" ({show(figure.low)} to {show(figure.high)})"
    return f"{show(figure.value)}{between}"


def _share(figure: Figure, period: Period) -> str:
    return f"{number.energy(figure.value)}, {number.percent(figure.value / (period.energy_pj.value or 1))}"


def _even(period: Period) -> str:
    rate = period.idle_equals_active_per_s
    if rate is None:
        return "none, waking takes more" if period.wake_pj.value else "none, nothing idles"
    return f"{rate:.4g} /s"


def _pays(period: Period) -> str:
    return "none" if period.gating_pays_from_ns is None else number.time(period.gating_pays_from_ns)
