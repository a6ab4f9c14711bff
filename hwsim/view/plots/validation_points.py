"""Figures of chips: what is predicted beside what was published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap
from typing import Any

from matplotlib.figure import Figure

from hwsim.report.validation import Validation
from hwsim.view.plots.style import INK, PALE, PALETTE, decades, named, page, styled
from hwsim.view.terminal.number import significant

_LETTERS = 34  # of a line of a label


def validation(rows: Sequence[Validation], *, style: str | Path | None = None) -> Figure:
    """Predicted over published of every row, with the bounds of prices as whiskers, and both figures beside it."""
    ratio = [row.predicted / row.published for row in rows]
    below = [(row.predicted - row.low) / row.published for row in rows]
    above = [(row.high - row.predicted) / row.published for row in rows]
    chips = list(dict.fromkeys(row.chip for row in rows))
    with styled(style):
        figure = page(0.6 + 0.24 * len(rows))
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.axvline(1, color=PALE, lw=0.7)
        for chip in chips:
            own = [place for place, row in enumerate(rows) if row.chip == chip]
            error = [[below[i] for i in own], [above[i] for i in own]]
            colour = PALETTE[chips.index(chip) % len(PALETTE)]
            looks: dict[str, Any] = {"fmt": "o", "color": colour, "ecolor": INK, "elinewidth": 0.7, "capsize": 1.5}
            axes.errorbar([ratio[i] for i in own], own, xerr=error, **looks)
        axes.set_yticks(range(len(rows)), [_label(row) for row in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.tick_params(axis="y", length=0)
        ends = [r - b for r, b in zip(ratio, below, strict=True)] + [r + a for r, a in zip(ratio, above, strict=True)]
        axes.set_xlim(min([0.5, *(0.8 * end for end in ends)]), max([2.0, *(1.25 * end for end in ends)]))
        decades(axes.xaxis)
        axes.set_xlabel("predicted / published")
        axes.grid(axis="x")
        right = axes.secondary_yaxis("right")
        both = [
            f"{significant(row.published, 3)} → {significant(row.predicted, 3)} {named(row.unit, 10)}" for row in rows
        ]
        right.set_yticks(range(len(rows)), both)
        right.tick_params(axis="y", length=0)
        right.spines["right"].set_visible(False)
        return figure


def _label(row: Validation) -> str:
    """Chip and figure, in at most two lines."""
    lines = wrap(named(f"{row.chip}: {row.figure}", 2 * _LETTERS - 8), _LETTERS)
    return "\n".join(lines[:2])
