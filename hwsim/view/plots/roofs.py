"""How much layers compute for what they move or convert, against the limits of the units that they use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hwsim.report.report import Report, Run
from hwsim.report.work import Bound, LayerLoad
from hwsim.view.plots.chosen import missing, run_of, titled, untimed
from hwsim.view.plots.labels import label_points
from hwsim.view.plots.style import BOUND_COLOURS, INK, PALE, decades, named, page, styled


@dataclass(frozen=True, slots=True)
class RoofPoint:
    """A layer: operations for each byte or conversion, operations a ns that it reached and that its limit allows."""

    layer: str
    intensity: float
    reached_per_ns: float | None  # from its begin to its end; None where that is no time
    limit_per_ns: float  # while its busiest unit works
    bound: Bound


def roofline(report: Report, run: str | None = None, *, style: str | Path | None = None) -> Figure:
    """A layer is a dot at the operations a second that it reached, under the limit that its busiest unit sets.

    Across are its operations for each conversion of a machine with ADCs, else for each byte of the memory whose unit
    is busy the longest (where memories have no units of their own, of the one that moves most).  The slope is the
    fastest that anything converted or moved, the level the fastest that anything computed.

    Raises UsageError where nothing is timed, or the report is of a version that did not say what layers move.
    """
    shown = run_of(report, run)
    points, per = roof_points(report, shown)
    with styled(style):
        figure = page(2.7, titled(report, shown))
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.set_yscale("log")
        for point in points:
            colour = BOUND_COLOURS[point.bound]
            low = point.reached_per_ns or point.limit_per_ns
            axes.plot([point.intensity] * 2, [low, point.limit_per_ns], color=colour, lw=0.8, zorder=2)
            axes.plot([point.intensity], [point.limit_per_ns], "_", color=colour, ms=6, zorder=3)
            axes.plot([point.intensity], [low], "o", color=colour, zorder=3)
        rate, computed = roofs(shown, per)
        _limits(axes, points, computed)
        _roofs(axes, rate, computed)
        decades(axes.xaxis)
        decades(axes.yaxis)
        axes.set_xlabel(f"operations per {_what(per)}")
        axes.set_ylabel("operations per ns")
        axes.grid(which="major")
        figure.legend(handles=_legend(points), loc="outside lower center", ncols=3)
        at = [point.reached_per_ns or point.limit_per_ns for point in points]
        label_points(figure, axes, [named(p.layer) for p in points], [p.intensity for p in points], at)
        return figure


def roof_points(report: Report, run: Run) -> tuple[list[RoofPoint], str]:
    """The points, and what they are per: "conversion", or the name of a memory.

    Raises UsageError as `roofline` does.
    """
    if run.latency_ns is None:
        raise untimed("roofline", report)
    loads = [load for load in run.loads if load.operations and load.loaded]
    if not loads:
        raise missing("roofline", report, "does not say what layers move", "hwsim simulate --json of this version does")
    per = "conversion" if any(load.conversions for load in loads) else _memory(loads)
    spans = {row.layer: row for row in run.layers}
    points = []
    for load in loads:
        if amount := _amount(load, per):
            busiest, span = load.loaded[0], spans[load.layer]
            time_ns = (span.end_ns or 0.0) - (span.begin_ns or 0.0)
            reached = load.operations / time_ns if time_ns > 0 else None
            limit = load.operations / busiest.busy_ns
            points.append(RoofPoint(load.layer, load.operations / amount, reached, limit, busiest.bound))
    return points, per


def _amount(load: LayerLoad, per: str) -> float:
    return load.conversions if per == "conversion" else load.bytes_by_memory.get(per, 0.0)


def _memory(loads: Sequence[LayerLoad]) -> str:
    """The memory whose unit is busy the longest for all layers together, else the one that moves most."""
    busy: dict[str, float] = {}
    moved: dict[str, float] = {}
    for load in loads:
        for unit in load.loaded:
            if unit.bound == "memory" and unit.unit in load.bytes_by_memory:
                busy[unit.unit] = busy.get(unit.unit, 0.0) + unit.busy_ns
        for memory, n in load.bytes_by_memory.items():
            moved[memory] = moved.get(memory, 0.0) + n
    return max(busy or moved, key=lambda name: (busy or moved)[name])


def roofs(run: Run, per: str) -> tuple[float, float]:
    """The fastest that anything of what points are per was done, per ns, and the fastest that anything computed."""
    rates, computed = [0.0], [0.0]
    for load in run.loads:
        for unit in load.loaded:
            if unit.bound == "compute":
                computed.append(load.operations / unit.busy_ns)
            if unit.unit == per:
                rates.append(_amount(load, per) / unit.busy_ns)
    if not any(rates):
        rates += [_amount(load, per) / load.loaded[0].busy_ns for load in run.loads if load.loaded]
    return max(rates), max(computed)


def _limits(axes: Axes, points: Sequence[RoofPoint], computed: float) -> None:
    """Room around all points and the level."""
    across = [point.intensity for point in points]
    up = [each for p in points for each in (p.limit_per_ns, p.reached_per_ns or p.limit_per_ns)]
    axes.set_xlim(min(across) / 3, max(across) * 4)
    axes.set_ylim(min(up) / 3, max(*up, computed) * 3)


def _roofs(axes: Axes, rate: float, computed: float) -> None:
    low, high = axes.get_xlim()
    axes.plot([low, high], [rate * low, rate * high], color=PALE, lw=0.8, ls=":", zorder=1)
    if computed:
        axes.plot([low, high], [computed] * 2, color=PALE, lw=0.8, ls="--", zorder=1)


def _what(per: str) -> str:
    return "conversion" if per == "conversion" else f"byte of {named(per)}"


def _legend(points: Sequence[RoofPoint]) -> list[Line2D]:
    bounds = dict.fromkeys(point.bound for point in points)
    found = [Line2D([], [], marker="o", ls="", color=BOUND_COLOURS[each], label=f"{each}-bound") for each in bounds]
    found.append(Line2D([], [], marker="_", ms=6, ls="", color=INK, label="limit of its unit"))
    return [
        *found,
        Line2D([], [], color=PALE, ls="--", lw=0.8, label="fastest computed"),
        Line2D([], [], color=PALE, ls=":", lw=0.8, label="fastest moved or converted"),
    ]
