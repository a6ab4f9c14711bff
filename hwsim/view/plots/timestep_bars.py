"""Energy and accuracy by timestep."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from hwsim.report.report import Report
from hwsim.view.plots.chosen import titled
from hwsim.view.plots.style import INK, PALETTE, in_unit, page, styled

_MOST_TICKS = 8


def timesteps(report: Report, *, style: str | Path | None = None) -> Figure:
    """What staying for each timestep adds to the energy, of all runs, and below the accuracy after it if known."""
    runs, accuracy = report.runs, report.accuracy_by_timestep
    factor, unit = in_unit(max(max(run.energy_by_timestep_pj) for run in runs), "J", 1e-12)
    with styled(style):
        figure = page(2.9 if accuracy else 1.9, titled(report, runs[-1]).rpartition(", ")[0])
        heights = [3, 2] if accuracy else [1]
        panels = figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)
        axes = panels[0, 0]
        width = 0.8 / len(runs)
        for i, run in enumerate(runs):
            each = [pj / factor for pj in run.energy_by_timestep_pj]
            places = [t + (i - (len(runs) - 1) / 2) * width for t in range(1, len(each) + 1)]
            axes.bar(places, each, width, color=PALETTE[i], label=str(run.name))
        axes.set_ylabel(f"energy added ({unit})")
        axes.grid(axis="y")
        if len(runs) > 1:
            figure.legend(loc="outside lower center", ncols=len(runs))
        if accuracy:
            below = panels[1, 0]
            below.plot(range(1, len(accuracy) + 1), [100 * right for right in accuracy], "o-", color=INK)
            below.set_ylabel("accuracy (%)")
            below.grid(axis="y")
        panels[-1, 0].set_xlabel("timestep")
        count = len(runs[-1].energy_by_timestep_pj)
        if count <= _MOST_TICKS:
            panels[-1, 0].set_xticks(range(1, count + 1))
        else:
            panels[-1, 0].xaxis.set_major_locator(MaxNLocator(_MOST_TICKS, integer=True))
        return figure
