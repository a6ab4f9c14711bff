"""Several reports beside each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwsim.errors import UsageError
from hwsim.report.report import Figure as Estimated
from hwsim.report.report import Report, Row
from hwsim.report.shares import sums
from hwsim.view.plots.chosen import run_of
from hwsim.view.plots.energy_bars import THE_REST
from hwsim.view.plots.style import INK, PALE, PALETTE, REST, in_unit, named, page, styled

_MOST = 12


def compare(reports: Sequence[Report], run: str | None = None, *, style: str | Path | None = None) -> Figure:
    """Energy stacked of components, latency, EDP and area of two to twelve reports, with what prices allow as whiskers.

    Whiskers are of each report by itself: reports that share prices differ by less than they suggest.

    Raises UsageError for another number of reports.
    """
    if not 2 <= len(reports) <= _MOST:
        raise UsageError(f"figure compare: wanted two to {_MOST} reports, found {len(reports)}")
    runs = [run_of(report, run) for report in reports]
    energies = [run.energy_pj for run in runs]
    panels: list[tuple[str, str, float, list[Estimated | None]]] = [
        ("energy", "J", 1e-12, [*energies]),
        ("latency", "s", 1e-9, [run.latency_ns for run in runs]),
        ("EDP", "J s", 1e-21, [run.edp_pj_ns for run in runs]),
        ("area", "mm²", 1.0, [report.area_mm2 for report in reports]),
    ]
    shown = [panel for panel in panels if any(figure is not None and figure.high for figure in panel[3])]
    with styled(style):
        figure = page(0.65 + len(shown) * (0.36 + 0.15 * len(reports)))
        for axes, panel in zip(figure.subplots(len(shown), squeeze=False)[:, 0], shown, strict=True):
            _panel(axes, *panel, names(reports), [each.rows for each in runs] if panel is panels[0] else [])
        if shown:
            figure.legend(loc="outside lower center", ncols=4)
        return figure


def names(reports: Sequence[Report]) -> list[str]:
    """The designs, with the traces where those differ, and the place among the reports where both are alike."""
    designs = [str(report.architecture["file"]).removesuffix(".yaml") for report in reports]
    traces = [str(report.trace["name"]) for report in reports]
    each = designs if len(set(traces)) == 1 else [f"{d}, {t}" for d, t in zip(designs, traces, strict=True)]
    alike = Counter(each)
    numbered = enumerate(each, start=1)
    return [f"{number}: {named(name, 18)}" if alike[name] > 1 else named(name, 22) for number, name in numbered]


def _panel(
    axes: Axes,
    label: str,
    unit: str,
    scale: float,
    figures: Sequence[Estimated | None],
    names_of_all: Sequence[str],
    rows: Sequence[Sequence[Row]],
) -> None:
    """Bars of one figure, stacked of components where rows are given."""
    known = [(place, each) for place, each in enumerate(figures) if each is not None]
    factor, named_unit = (1.0, unit) if scale == 1 else in_unit(max(each.high for _, each in known), unit, scale)
    if rows:
        _stack(axes, rows, factor)
    else:
        axes.barh([place for place, _ in known], [each.value / factor for _, each in known], color=REST, height=0.7)
    middle = [each.value / factor for _, each in known]
    low, high = [each.low / factor for _, each in known], [each.high / factor for _, each in known]
    below = [max(0.0, value - end) for value, end in zip(middle, low, strict=True)]
    above = [max(0.0, end - value) for value, end in zip(middle, high, strict=True)]
    if label != "latency":
        places = [place for place, _ in known]
        axes.errorbar(middle, places, xerr=[below, above], fmt="none", ecolor=INK, elinewidth=0.7, capsize=1.5)
    for place, each in enumerate(figures):
        if each is None:
            axes.text(0, place, " not modelled", va="center", fontsize=6, color=PALE)
    axes.set_yticks(range(len(names_of_all)), names_of_all)
    axes.set_ylim(len(names_of_all) - 0.4, -0.6)
    axes.set_xlabel(f"{label} ({named_unit})", labelpad=1)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _stack(axes: Axes, rows: Sequence[Sequence[Row]], factor: float) -> None:
    """Components of all, the largest of any first."""
    each = [dict(sums((row.component, row.energy_pj) for row in own)) for own in rows]
    shares = [(name, pj / (sum(own.values()) or 1)) for own in each for name, pj in own.items()]
    kept = [name for name, _ in sums(shares)][: len(PALETTE)]
    left = [0.0] * len(rows)
    for name, colour in [*zip(kept, PALETTE, strict=False), (THE_REST, REST)]:
        if name == THE_REST:
            widths = [sum(pj for part, pj in own.items() if part not in kept) / factor for own in each]
        else:
            widths = [own.get(name, 0.0) / factor for own in each]
        if any(widths):
            axes.barh(range(len(rows)), widths, left=left, color=colour, height=0.7, label=named(name))
        left = [start + width for start, width in zip(left, widths, strict=True)]
