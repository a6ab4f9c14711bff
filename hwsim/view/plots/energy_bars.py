"""Where the energy of a run goes: components, and layers stacked of components."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib.ticker
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwsim.report.price import LEAKAGE
from hwsim.report.report import Report, Row, Run
from hwsim.report.shares import sums
from hwsim.view.plots.chosen import run_of, titled
from hwsim.view.plots.style import INK, PALETTE, REST, in_unit, named, page, styled

WHOLE_CHIP = "(whole chip)"
THE_REST = "the rest"
_MOST_BARS = 24
_Bar = tuple[str, list[Row]]


def energy(report: Report, run: str | None = None, *, style: str | Path | None = None) -> Figure:
    """Energy of an inference by component, of which what leaks is hatched, and by layer, stacked of components.

    Whiskers are what the bounds of prices allow of a bar: its rows all at their low and at their high prices.  Colours
    of components hold in both halves.  The report's last run unless another is named.
    """
    shown = run_of(report, run)
    components = _together(_by(shown, "component"), len(PALETTE))
    layers = _together(_by(shown, "layer"), _MOST_BARS, keep_order=True)
    colours = {name: PALETTE[i] if name != THE_REST else REST for i, (name, _) in enumerate(components)}
    factor, unit = in_unit(max(_sum(rows, "high_pj") for _, rows in components + layers), "J", 1e-12)
    with styled(style):
        figure = page(0.75 + 0.135 * (len(components) + len(layers)), titled(report, shown))
        top, bottom = figure.subplots(2, height_ratios=[len(components) + 0.5, len(layers) + 0.5], sharex=True)
        _components(top, components, colours, factor)
        _layers(bottom, layers, colours, factor)
        bottom.set_xlabel(f"energy per inference ({unit})")
        bottom.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(6))
        return figure


def _by(run: Run, key: str) -> list[_Bar]:
    """Rows by component, the largest first, or by layer in the order of the report, without what takes nothing."""
    found: dict[str, list[Row]] = {}
    for row in run.rows:
        found.setdefault(getattr(row, key), []).append(row)
    names = [name for name, _ in sums((getattr(row, key), row.energy_pj) for row in run.rows)]
    if key == "layer":
        names = [each.layer for each in run.layers]
    return [(name, found[name]) for name in names if name in found and _sum(found[name], "high_pj")]


def _together(bars: Sequence[_Bar], most: int, keep_order: bool = False) -> list[_Bar]:
    """At most so many bars: the smallest are one."""
    if len(bars) <= most:
        return list(bars)
    largest = sorted(bars, key=lambda bar: -_sum(bar[1], "energy_pj"))[: most - keep_order]
    kept = [bar for bar in bars if any(bar is each for each in largest)]
    rest = [row for bar in bars if not any(bar is each for each in kept) for row in bar[1]]
    return [*kept, (THE_REST, rest)]


def _components(axes: Axes, bars: Sequence[_Bar], colours: Mapping[str, str], factor: float) -> None:
    places = range(len(bars))
    colour = [colours[name] for name, _ in bars]
    leaks = [_sum([row for row in rows if row.action == LEAKAGE], "energy_pj") / factor for _, rows in bars]
    works = [_sum([row for row in rows if row.action != LEAKAGE], "energy_pj") / factor for _, rows in bars]
    axes.barh(places, works, color=colour)
    axes.barh(places, leaks, left=works, color=colour, alpha=0.45, hatch="////", edgecolor="white", linewidth=0)
    _finish(axes, bars, factor)
    if any(leaks):
        axes.barh([0], [0], color=REST, alpha=0.45, hatch="////", edgecolor="white", linewidth=0, label="leakage")
        axes.legend(loc="lower right")


def _layers(axes: Axes, bars: Sequence[_Bar], colours: Mapping[str, str], factor: float) -> None:
    """Bars stacked of components: those with a colour of their own, and the rest."""
    places, left = range(len(bars)), [0.0] * len(bars)
    for name, colour in colours.items():
        own = [[row for row in rows if _shown_as(row.component, colours) == name] for _, rows in bars]
        widths = [_sum(rows, "energy_pj") / factor for rows in own]
        axes.barh(places, widths, left=left, color=colour, label=named(name))
        left = [start + width for start, width in zip(left, widths, strict=True)]
    _finish(axes, bars, factor)


def _shown_as(component: str, colours: Mapping[str, str]) -> str:
    return component if component in colours else THE_REST


def _finish(axes: Axes, bars: Sequence[_Bar], factor: float) -> None:
    """Names, whiskers of prices and a grid."""
    places = range(len(bars))
    middle = [_sum(rows, "energy_pj") / factor for _, rows in bars]
    below = [max(0.0, value - _sum(rows, "low_pj") / factor) for value, (_, rows) in zip(middle, bars, strict=True)]
    above = [max(0.0, _sum(rows, "high_pj") / factor - value) for value, (_, rows) in zip(middle, bars, strict=True)]
    axes.errorbar(middle, places, xerr=[below, above], fmt="none", ecolor=INK, elinewidth=0.7, capsize=1.5)
    axes.set_yticks(places, [named(name or WHOLE_CHIP) for name, _ in bars])
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _sum(rows: Sequence[Row], field: str) -> float:
    return float(sum(getattr(row, field) for row in rows))
