"""Where energy goes on the chip: tiles and what travels between them, or parts by their area."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from hwsim.report.report import Report, Run
from hwsim.report.shares import sums
from hwsim.report.work import TileRow
from hwsim.view.plots.chosen import missing, run_of, titled
from hwsim.view.plots.style import INK, ON_DARK, ON_LIGHT, PALETTE, in_unit, named, page, styled

_COLOURS = "YlOrBr"
_MOST_NAMED_TILES = 36
_LETTER = 0.020  # of the chip's width, in the smallest type
_SHORTEST = 7  # that a name is cut to
Box = tuple[float, float, float, float]  # x, y, width, height


def floor(report: Report, run: str | None = None, *, style: str | Path | None = None) -> Figure:
    """Tiles at their places, coloured by the energy of what layers do there, and links as wide as what they carry.

    Energy of the whole chip, as leakage, is of no tile.  Of a machine without tiles, or with one: parts as large as
    their share of the area, coloured by their energy; shapes and places are the picture's own.

    Raises UsageError for a design without areas.
    """
    shown = run_of(report, run)
    if len(report.tiles) < 2 and not any(row.area_um2 for row in report.area):
        raise missing("floor", report, "has no areas", "its design is an equation, others of the machine have them")
    with styled(style):
        figure = page(2.9, titled(report, shown))
        axes = figure.subplots()
        axes.set_aspect("equal")
        axes.set_axis_off()
        if len(report.tiles) < 2:
            _parts(figure, axes, report, shown)
        else:
            _tiles(figure, axes, report, shown)
        return figure


def tile_energies(report: Report, run: Run) -> dict[str, float]:
    """Energy in pJ of what layers do on each tile: their energies by shares."""
    energies = {row.layer: row.energy_pj for row in run.layers}
    return {
        tile.tile: float(sum(energies.get(layer, 0.0) * share for layer, share in tile.shares.items()))
        for tile in report.tiles
    }


def _tiles(figure: Figure, axes: Axes, report: Report, run: Run) -> None:
    energies = tile_energies(report, run)
    factor, unit = in_unit(max(energies.values()), "J", 1e-12)
    most = max(energies.values()) / factor or 1.0
    colour = matplotlib.colormaps[_COLOURS]
    for tile in report.tiles:
        value = energies[tile.tile] / factor
        place = (tile.column - 0.36, tile.row - 0.36)
        axes.add_patch(Rectangle(place, 0.72, 0.72, facecolor=colour(value / most), edgecolor=INK, lw=0.5))
        if len(report.tiles) <= _MOST_NAMED_TILES:
            ink = ON_DARK if value > 0.6 * most else ON_LIGHT
            axes.text(tile.column, tile.row, _said(tile), ha="center", va="center", fontsize=5, color=ink)
    _links(axes, report)
    axes.set_xlim(-0.6, max(tile.column for tile in report.tiles) + 0.6)
    axes.set_ylim(max(tile.row for tile in report.tiles) + 0.6, -0.6)
    figure.colorbar(
        ScalarMappable(Normalize(0, most), colour), ax=axes, shrink=0.7, label=f"energy of layers ({unit})", pad=0.02
    )
    if report.links:
        most = max(link.flits for link in report.links)
        figure.supxlabel(f"links as wide as their flits, at most {most:,} a timestep", fontsize=6)


def _said(tile: TileRow) -> str:
    """The tile's name and the layers that it has most of."""
    largest = sorted(tile.shares, key=lambda layer: -tile.shares[layer])[:3]
    more = f"\n+ {len(tile.shares) - 3}" if len(tile.shares) > 3 else ""
    return "\n".join([f"{named(tile.tile, 8)}:", *(named(layer, 9) for layer in largest)]) + more


def _links(axes: Axes, report: Report) -> None:
    """An arrow for each direction, beside each other."""
    places = {tile.tile: (tile.column, tile.row) for tile in report.tiles}
    most = max((link.flits for link in report.links), default=1)
    for link in report.links:
        if link.source in places and link.destination in places:
            (x, y), (to_x, to_y) = places[link.source], places[link.destination]
            along, beside = (to_x - x, to_y - y), ((to_y - y) * 0.09, (x - to_x) * 0.09)
            start = (x + 0.37 * along[0] + beside[0], y + 0.37 * along[1] + beside[1])
            end = (x + 0.63 * along[0] + beside[0], y + 0.63 * along[1] + beside[1])
            width = 0.4 + 2.2 * link.flits / most
            axes.add_patch(
                FancyArrowPatch(
                    start,
                    end,
                    arrowstyle="-|>",
                    mutation_scale=4 + width,
                    lw=width,
                    color=PALETTE[0],
                    shrinkA=0,
                    shrinkB=0,
                )
            )


def _parts(figure: Figure, axes: Axes, report: Report, run: Run) -> None:
    """Parts as large as their areas."""
    energies = dict(sums((row.component, row.energy_pj) for row in run.rows))
    rows = sorted((row for row in report.area if row.area_um2), key=lambda row: -row.area_um2)
    whole = sum(row.area_um2 for row in rows)
    factor, unit = in_unit(max(energies.get(row.component, 0.0) for row in rows), "J", 1e-12)
    most = max(energies.get(row.component, 0.0) for row in rows) / factor or 1.0
    colour = matplotlib.colormaps[_COLOURS]
    boxes = boxed([row.area_um2 / whole for row in rows], (0.0, 0.0, 1.0, 1.0))
    for row, (x, y, width, height) in zip(rows, boxes, strict=True):
        value = energies.get(row.component, 0.0) / factor
        axes.add_patch(Rectangle((x, y), width, height, facecolor=colour(value / most), edgecolor="white", lw=0.8))
        upright = height > width and len(row.component) * _LETTER > width
        room = int((height if upright else width) / _LETTER)
        if room >= min(len(row.component), _SHORTEST) and min(width, height) > 2 * _LETTER:
            ink = ON_DARK if value > 0.6 * most else ON_LIGHT
            name = named(row.component, room)
            centre = (x + width / 2, y + height / 2)
            axes.text(*centre, name, ha="center", va="center", fontsize=5, color=ink, rotation=90 * upright)
    axes.set_xlim(0, 1)
    axes.set_ylim(1, 0)
    figure.colorbar(ScalarMappable(Normalize(0, most), colour), ax=axes, shrink=0.7, label=f"energy ({unit})", pad=0.02)
    unnamed = f", {len(rows) - len(axes.texts)} unnamed" if len(axes.texts) < len(rows) else ""
    area = f"parts by area, {whole / 1e6:.3g} mm² together"
    figure.supxlabel(f"{area}{unnamed}; places are not the chip's", fontsize=6)


def boxed(shares: Sequence[float], within: Box) -> list[Box]:
    """Boxes that fill another, as large as shares of 1 that fall: halves of the sum, cut across the longer side."""
    if not shares:
        return []
    if len(shares) == 1:
        return [within]
    total, n, half = sum(shares), 1, shares[0]
    while n < len(shares) - 1 and half + shares[n] / 2 < total / 2:
        half += shares[n]
        n += 1
    x, y, width, height = within
    part = half / total
    if width >= height:
        first, second = (x, y, width * part, height), (x + width * part, y, width * (1 - part), height)
    else:
        first, second = (x, y, width, height * part), (x, y + height * part, width, height * (1 - part))
    return boxed(shares[:n], first) + boxed(shares[n:], second)
