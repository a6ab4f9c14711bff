"""Points of a sweep and the front among them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from hwsim.errors import UsageError
from hwsim.sweep.figures import FIGURES, PREFIXED, SHOWN, known_figure, objectives, word
from hwsim.sweep.pareto import front
from hwsim.sweep.row import Row
from hwsim.view.plots.style import PALETTE, REST, decades, in_unit, named, page, styled


def pareto(
    rows: Sequence[Row], across: str = "area_mm2", up: str = "edp_pj_ns", *, style: str | Path | None = None
) -> Figure:
    """All points of a sweep that know two figures, and of each trace those that no other beats in both.

    Names are columns of a sweep's rows; area and EDP unless given.  Less is better of all but accuracies and rates.

    Raises UsageError for an unknown figure and where fewer than one point knows both.
    """
    for name in (across, up):
        known_figure(name, "figure pareto")
    found = [row for row in rows if row["error"] is None and row.get(across) is not None and row.get(up) is not None]
    if not found:
        known = [name for name in FIGURES if any(row.get(name) is not None for row in rows)]
        raise UsageError(f"figure pareto: no point has {across} and {up}; known are {', '.join(known) or 'none'}")
    x, across_label = _scaled(found, across)
    y, up_label = _scaled(found, up)
    best = front(found, objectives([across, up]))
    traces = list(dict.fromkeys(row["trace"] for row in found))
    with styled(style):
        figure = page(2.6)
        axes = figure.subplots()
        axes.scatter(x, y, s=7, color=REST, alpha=0.6, lw=0, label=f"{len(found):,} points", zorder=2)
        place = {id(row): i for i, row in enumerate(found)}
        for number, trace in enumerate(traces):
            own = sorted(place[id(row)] for row in best if row["trace"] == trace)
            own.sort(key=lambda i: (x[i], y[i]))
            label = f"front, {len(own)}" if len(traces) == 1 else f"front, {named(str(trace), 18)}, {len(own)}"
            colour = PALETTE[number % len(PALETTE)]
            axes.plot([x[i] for i in own], [y[i] for i in own], "o-", color=colour, label=label, zorder=3)
        for values, scale, axis in ((x, axes.set_xscale, axes.xaxis), (y, axes.set_yscale, axes.yaxis)):
            if min(values) > 0 and max(values) / min(values) > 20:
                scale("log")
                decades(axis)
        axes.set_xlabel(across_label)
        axes.set_ylabel(up_label)
        axes.grid()
        figure.legend(loc="outside lower center", ncols=2)
        return figure


def _scaled(rows: Sequence[Row], name: str) -> tuple[list[float], str]:
    """A figure of all rows in one unit, and the label of its axis."""
    _, unit, factor = SHOWN.get(name, ("", "", 1.0))
    values = [float(row[name]) * factor for row in rows]
    divisor, unit = in_unit(max(values), unit, 1.0) if unit in PREFIXED else (1.0, unit.replace("2", "²"))
    return [value / divisor for value in values], f"{word(name)} ({unit})" if unit else word(name)
