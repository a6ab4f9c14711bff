"""What stages do with their cycles."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from hwsim.report.report import Report, StageRow
from hwsim.view.plots.chosen import run_of, titled, untimed
from hwsim.view.plots.style import CAUSE_COLOURS, named, page, styled

MOST_STAGES = 24


def stalls(report: Report, run: str | None = None, *, style: str | Path | None = None) -> Figure:
    """Shares of the makespan that each stage is busy, waits and for what, or is idle; the busiest 24, in their order.

    Raises UsageError for a design that is an equation without time.
    """
    shown = run_of(report, run)
    if shown.latency_ns is None:
        raise untimed("stalls", report)
    stages = _busiest(shown.stages)
    with styled(style):
        figure = page(0.8 + 0.13 * len(stages), titled(report, shown))
        axes = figure.subplots()
        left = [0.0] * len(stages)
        for cause, colour in CAUSE_COLOURS.items():
            shares = [100 * getattr(row, f"{cause}_cycles") / _whole(row) for row in stages]
            axes.barh(range(len(stages)), shares, left=left, color=colour, label=cause, height=0.78)
            left = [start + share for start, share in zip(left, shares, strict=True)]
        axes.set_yticks(range(len(stages)), [named(row.stage, 28) for row in stages])
        axes.set_ylim(len(stages) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        axes.tick_params(axis="y", length=0)
        left_out = len(shown.stages) - len(stages)
        less = (
            f"\n{left_out} more {'stage does' if left_out == 1 else 'stages do'} less, or nothing" if left_out else ""
        )
        axes.set_xlabel(f"share of the makespan (%){less}")
        figure.legend(loc="outside lower center", ncols=len(CAUSE_COLOURS))
        return figure


def _busiest(stages: list[StageRow]) -> list[StageRow]:
    """Those that do anything, at most so many, in the order of the pipeline."""
    causes = [f"{cause}_cycles" for cause in CAUSE_COLOURS if cause != "idle"]
    works = [row for row in stages if any(getattr(row, cause) for cause in causes)]
    kept = sorted(works, key=lambda row: -row.busy_cycles)[:MOST_STAGES]
    return [row for row in works if any(row is each for each in kept)]


def _whole(row: StageRow) -> float:
    return float(sum(getattr(row, f"{cause}_cycles") for cause in CAUSE_COLOURS)) or 1.0
