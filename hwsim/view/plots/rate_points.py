"""Spike rate of layers against their energy."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from hwsim.report.report import Report
from hwsim.view.plots.chosen import missing, run_of, titled
from hwsim.view.plots.labels import label_points
from hwsim.view.plots.style import PALETTE, decades, in_unit, named, page, styled


def rates(report: Report, run: str | None = None, *, style: str | Path | None = None) -> Figure:
    """A point for each layer whose spikes are known: spikes per neuron and timestep, energy per inference.

    Where a layer has several kinds of neurons, as the gates of an LSTM, each is a point at the energy of the layer.

    Raises UsageError where no rate is known.
    """
    shown = run_of(report, run)
    energies = {row.layer: row.energy_pj for row in shown.layers}
    layer_of = {name: name if name in energies else name.partition("/")[0] for name in report.spike_rates}
    known = [(name, rate) for name, rate in report.spike_rates.items() if layer_of[name] in energies]
    points = [(name, rate, energies[layer_of[name]]) for name, rate in known]
    if not points:
        raise missing("rates", report, "knows no spike rates", "traces with recorded spikes have them")
    factor, unit = in_unit(max(pj for *_, pj in points), "J", 1e-12)
    with styled(style):
        figure = page(2.4, titled(report, shown))
        axes = figure.subplots()
        across, up = [rate for _, rate, _ in points], [pj / factor for *_, pj in points]
        axes.scatter(across, up, s=14, color=PALETTE[0], zorder=3)
        axes.set_xlabel("spikes per neuron and timestep")
        axes.set_ylabel(f"energy per inference ({unit})")
        widest = max(*across, 1e-3)
        axes.set_xlim(-0.03 * widest, 1.2 * widest)
        if min(up) > 0 and max(up) / min(up) > 20:
            axes.set_yscale("log")
            axes.set_ylim(min(up) / 1.6, max(up) * 1.6)
            decades(axes.yaxis)
        else:
            axes.set_ylim(0, max(up) * 1.15 or 1)
        axes.grid()
        label_points(figure, axes, [named(name) for name, *_ in points], across, up)
        return figure
