"""Stages over time, with what they wait for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hwsim.report.report import CAUSES, Report
from hwsim.report.work import StageOccupancy
from hwsim.view.plots.chosen import missing, run_of, titled, untimed
from hwsim.view.plots.stall_bars import MOST_STAGES
from hwsim.view.plots.style import CAUSE_COLOURS, in_unit, named, page, styled

_DRAWN = CAUSES[:-1]  # idle is left white
_HIGH = 0.84  # of a strip


def timeline(report: Report, run: str | None = None, *, style: str | Path | None = None) -> Figure:
    """A strip for each stage while the first sample runs: the share of each bin that it is busy or waits, and for what.

    The busiest 24, in the order of the pipeline; what is left white it is idle.

    Raises UsageError for a report without it.
    """
    shown = run_of(report, run)
    if shown.occupancy is None:
        if shown.latency_ns is None:
            raise untimed("timeline", report)
        remedy = "hwsim simulate --occupancy --json FILE writes one that does"
        raise missing("timeline", report, f"does not say what stages do over time in run {shown.name}", remedy)
    edges = np.array(shown.occupancy.edges, np.int64)
    stages = _busiest(shown.occupancy.stages)
    factor, unit = in_unit(float(edges[-1]) * shown.occupancy.cycle_ns, "s", 1e-9)
    across = np.asarray(edges * shown.occupancy.cycle_ns / factor, np.float64)
    widths = np.diff(edges)
    with styled(style):
        figure = page(0.85 + 0.14 * len(stages), titled(report, shown))
        axes = figure.subplots()
        for row, stage in enumerate(stages):
            base: NDArray[np.float64] = np.full(widths.size, row + _HIGH / 2)
            for cause in _DRAWN:
                share = np.asarray(np.array(getattr(stage, cause), np.int64) / widths * _HIGH, np.float64)
                if share.any():
                    label = None if cause in axes.get_legend_handles_labels()[1] else cause
                    colour = CAUSE_COLOURS[cause]
                    axes.fill_between(*_stepped(across, base - share, base), color=colour, lw=0, label=label)
                base = np.asarray(base - share, np.float64)
        axes.set_yticks(range(len(stages)), [named(stage.stage, 28) for stage in stages])
        axes.set_ylim(len(stages) - 0.4, -0.6)
        axes.set_xlim(0, across[-1])
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel(f"time of the first sample ({unit})")
        figure.legend(loc="outside lower center", ncols=len(_DRAWN))
        return figure


def _busiest(stages: list[StageOccupancy]) -> list[StageOccupancy]:
    works = [each for each in stages if any(sum(getattr(each, cause)) for cause in _DRAWN)]
    kept = sorted(works, key=lambda each: -sum(each.busy))[:MOST_STAGES]
    return [each for each in works if any(each is other for other in kept)]


def _stepped(
    edges: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Both ends of every bin with its values, without edges between bins that are alike."""
    x, below, above = np.repeat(edges, 2)[1:-1], np.repeat(low, 2), np.repeat(high, 2)
    change = np.ones(x.size, bool)
    inner = (np.diff(low) == 0) & (np.diff(high) == 0)
    change[1:-1] = ~np.repeat(inner, 2)
    return x[change], below[change], above[change]
