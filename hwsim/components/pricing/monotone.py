"""Numbers on a grid brought to an order that they should have."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from itertools import pairwise

Place = tuple[int, ...]


def monotone(values: Mapping[Place, float], axes: Collection[int]) -> dict[Place, float]:
    """Numbers > 0 that never fall along some axes of their places, each as near as can be in the logarithm.

    Each is the geometric mean of the largest number at or before its place and the smallest at or behind it.  Both rise
    along the axes, so their mean does, and where the numbers rise already both are the number itself.
    """
    before, behind = dict(values), dict(values)
    for axis in axes:
        _run(before, axis, max, forwards=True)
        _run(behind, axis, min, forwards=False)
    # Exactly the number itself where both are.
    return {place: low if low == before[place] else math.sqrt(before[place] * low) for place, low in behind.items()}


def _run(values: dict[Place, float], axis: int, best: Callable[[float, float], float], *, forwards: bool) -> None:
    """Replace each number by the best of it and all before it on its line along an axis."""
    lines: dict[Place, list[Place]] = {}
    for place in values:
        lines.setdefault(place[:axis] + place[axis + 1 :], []).append(place)
    for line in lines.values():
        for first, then in pairwise(sorted(line, key=lambda place: place[axis], reverse=not forwards)):
            values[then] = best(values[first], values[then])
