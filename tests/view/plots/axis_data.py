"""What a picture's axes hold, brought back to the units of a report; nothing of it is asked of the code that draws."""

from __future__ import annotations

import re

import numpy as np
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.container import ErrorbarContainer

PREFIX = {"": 1.0, "k": 1e3, "m": 1e-3, "µ": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18}
CAUSES = ("busy", "starved", "blocked", "arbitrating", "idle")


def scale_of(label, unit):
    """The SI unit that an axis counts in, from its label: `energy (µJ)` is 1e-6."""
    prefix = re.search(rf"\(([kmµnpfa]?){unit}\)", label)
    assert prefix, label
    return PREFIX[prefix[1]]


def names_of(axes):
    return [text.get_text() for text in axes.get_yticklabels()]


def bars_of(axes, n):
    """Widths of horizontal bars, a list for each series of at least n bars."""
    widths = [patch.get_width() for patch in axes.patches]
    return [widths[i : i + n] for i in range(0, len(widths) - n + 1, n)]


def whiskers_of(axes):
    """Both ends of every error bar, along x."""
    (container,) = [each for each in axes.containers if isinstance(each, ErrorbarContainer)]
    (lines,) = [each for each in container.lines[2] if isinstance(each, LineCollection)]
    return [(segment[0][0], segment[-1][0]) for segment in lines.get_segments()]


def area_of(collection):
    """Area of a filled polygon, by its corners."""
    total = 0.0
    for path in collection.get_paths():
        x, y = path.vertices[:, 0], path.vertices[:, 1]
        total += abs(float(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1)))) / 2
    return total


def filled(axes):
    return [each for each in axes.collections if isinstance(each, PolyCollection)]
