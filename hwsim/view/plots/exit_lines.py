"""Early exit over all thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hwsim.report.report import CurvePoint, ExitCurve, Report
from hwsim.view.plots.chosen import missing, titled
from hwsim.view.plots.style import INK, PALE, PALETTE, in_unit, page, styled


def exit_curve(report: Report, *, style: str | Path | None = None) -> Figure:
    """Accuracy, energy and EDP over the threshold, and when samples leave; a line marks the threshold in use.

    Bands are the standard error of the accuracy and what the bounds of prices allow of the others.

    Raises UsageError for a report without the curve.
    """
    curve = report.exit_curve
    if curve is None:
        if report.early_exit is None:
            why = report.no_early_exit or "this machine does not decide"
            raise missing("exit", report, "has no early exit", f"no sample can leave early: {why}")
        remedy = "hwsim simulate --exit-curve CURVE.json --json FILE writes one that has"
        raise missing("exit", report, "has no curve over thresholds", remedy)
    with styled(style):
        figure = page(3.9, titled(report, report.runs[-1]).rpartition(", ")[0])
        panels = figure.subplots(4, sharex=True, height_ratios=[2, 2, 2, 2.4])
        accuracy, energy, edp, exits = panels
        _accuracy(accuracy, curve)
        for axes, name, label, unit, scale in (
            (energy, "energy_pj", "energy", "J", 1e-12),
            (edp, "edp_pj_ns", "EDP", "J s", 1e-21),
        ):
            _costs(axes, curve, name, label, unit, scale)
        _histogram(figure, exits, curve)
        for axes in panels:
            if report.early_exit is not None:
                axes.axvline(report.early_exit.threshold, color=PALE, lw=0.7, ls="--")
            axes.grid(axis="y")
        exits.set_xlim(curve.points[0].lowest_threshold, curve.points[-1].highest_threshold)
        exits.set_xlabel("threshold (dashed: in use)")
        figure.align_ylabels(panels)
        return figure


def thresholds(points: Sequence[CurvePoint]) -> list[float]:
    """The lowest and the highest threshold of every outcome, which hold its values at both."""
    return [end for point in points for end in (point.lowest_threshold, point.highest_threshold)]


def _accuracy(axes: Axes, curve: ExitCurve) -> None:
    axes.set_ylabel("accuracy (%)")
    known = [point for point in curve.points if point.accuracy is not None]
    if not known:
        axes.text(0.5, 0.5, "not known of synthetic traces", transform=axes.transAxes, ha="center", color=PALE)
        return
    right = np.repeat([100 * (point.accuracy or 0.0) for point in known], 2)
    error = np.repeat([100 * (point.accuracy_standard_error or 0.0) for point in known], 2)
    axes.fill_between(thresholds(known), right - error, right + error, color=INK, alpha=0.15, lw=0)
    axes.plot(thresholds(known), right, color=INK)


def _costs(axes: Axes, curve: ExitCurve, field: str, label: str, unit: str, scale: float) -> None:
    """A line for each run that exits, with a band of prices."""
    names = [costs.name for costs in curve.points[0].runs]
    found = {
        name: [getattr(costs, field) for point in curve.points for costs in point.runs if costs.name == name]
        for name in names
    }
    highest = max((each.high for figures in found.values() for each in figures if each is not None), default=0.0)
    factor, named_unit = in_unit(highest, unit, scale)
    for i, (name, figures) in enumerate(found.items()):
        if any(each is None for each in figures):
            continue
        value, low, high = (
            np.repeat([getattr(each, end) / factor for each in figures], 2) for end in ("value", "low", "high")
        )
        axes.fill_between(thresholds(curve.points), low, high, color=PALETTE[i], alpha=0.2, lw=0)
        axes.plot(thresholds(curve.points), value, color=PALETTE[i], label=str(name))
    axes.set_ylabel(f"{label} ({named_unit})")
    axes.set_ylim(bottom=0)
    if len(found) > 1 and label == "energy":
        axes.legend(loc="best")


def _histogram(figure: Figure, axes: Axes, curve: ExitCurve) -> None:
    """Shares of samples that leave after each timestep, stacked, the first at the bottom."""
    counts = np.array([point.histogram for point in curve.points], float)
    shares = np.repeat(100 * counts / counts.sum(axis=1, keepdims=True), 2, axis=0).T
    colours = matplotlib.colormaps["cividis"](np.linspace(0.1, 0.95, len(shares)))
    labels = [f"T = {t}" for t in range(1, len(shares) + 1)]
    axes.stackplot(thresholds(curve.points), shares, colors=colours, labels=labels, lw=0)
    axes.set_ylabel("samples leaving\nafter T (%)")
    axes.set_ylim(0, 100)
    handles, names = axes.get_legend_handles_labels()
    step = max(1, -(-len(handles) // 8))
    chosen = [*range(0, len(handles) - 1, step), len(handles) - 1] if handles else []
    figure.legend([handles[i] for i in chosen], [names[i] for i in chosen], loc="outside lower center", ncols=5)
