"""Names beside points, where they cover neither each other nor other points."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.transforms import Bbox

_OFFSETS = [
    (reach * x, reach * y, side, base)
    for reach in (1, 2, 3.5, 5)
    for x, y, side, base in (
        (4, 0, "left", "center"),
        (-4, 0, "right", "center"),
        (0, 4, "center", "bottom"),
        (0, -4, "center", "top"),
        (3, 3, "left", "bottom"),
        (3, -3, "left", "top"),
        (-3, 3, "right", "bottom"),
        (-3, -3, "right", "top"),
    )
]
_POINT_PX = 5.0


def label_points(figure: Figure, axes: Axes, names: Sequence[str], x: Sequence[float], y: Sequence[float]) -> None:
    """Write each name at the first of some places around its point that is free; far ones get a line to it.

    A name for which there is no room is left out: axes and report still say where it is.
    """
    if not isinstance(figure.canvas, FigureCanvasAgg):
        FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    inside = axes.get_window_extent(renderer)
    points = [axes.transData.transform(point) for point in zip(x, y, strict=True)]
    taken = [Bbox.from_extents(px - _POINT_PX, py - _POINT_PX, px + _POINT_PX, py + _POINT_PX) for px, py in points]
    for name, place in zip(names, zip(x, y, strict=True), strict=True):
        for dx, dy, side, base in _OFFSETS:
            far = max(abs(dx), abs(dy)) > 8
            text = axes.annotate(
                name,
                place,
                (dx, dy),
                textcoords="offset points",
                ha=side,
                va=base,
                fontsize=6,
                path_effects=[withStroke(linewidth=1.5, foreground="white")],
                arrowprops={"arrowstyle": "-", "lw": 0.4, "color": "#999999"} if far else None,
            )
            text.update_positions(renderer)
            box = Text.get_window_extent(text, renderer)  # without the line to the point
            within = inside.contains(box.x0, box.y0) and inside.contains(box.x1, box.y1)
            if within and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()
