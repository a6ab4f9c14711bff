"""Which axes to vary last: those whose values share most of what was found with the values before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hwsim.arch.reads import computed_anew
from hwsim.run.kept_play import PLAYED
from hwsim.sweep.accuracy import COMPUTED
from hwsim.sweep.row import Designs, row_of
from hwsim.sweep.space import Point, Space
from hwsim.sweep.worker import trace_of

_WEIGHTS = {COMPUTED: 1_000_000, PLAYED: 1_000}
"""What is computed anew for seconds, and for milliseconds; all else counts once."""


def outermost_first(space: Space, probing: Sequence[Point]) -> tuple[int, ...]:
    """Places of the axes, those at the front of which another value leaves least of what was found.

    It is found by trying: a point, and one with another value of one axis.
    """
    if len(space.axes) < 2:
        return tuple(range(len(space.axes)))
    designs = Designs(space, tuple(range(len(space.axes))))
    trace = trace_of(space.traces[0])
    for start in probing:
        if row_of(space, designs, trace, start)["error"] is None:
            weights = [_anew(space, designs, start, axis) for axis in range(len(space.axes))]
            return tuple(sorted(range(len(weights)), key=lambda axis: -weights[axis]))
    return tuple(range(len(space.axes)))


def _anew(space: Space, designs: Designs, start: Point, axis: int) -> int:
    """How much is computed anew at another value of an axis."""
    values = len(space.axes[axis].values)
    if values == 1:
        return 1 << 62
    place = start.places[axis] + 1 if start.places[axis] + 1 < values else start.places[axis] - 1
    places = (*start.places[:axis], place, *start.places[axis + 1 :])
    before = computed_anew.copy()
    row_of(space, designs, trace_of(space.traces[start.trace]), start._replace(places=places))
    gone = computed_anew - before
    return sum(_WEIGHTS.get(what, 1) * n for what, n in gone.items())


def ordered(space: Space, numbers: Iterable[int], outermost: Sequence[int]) -> list[int]:
    """Points so that those that share most follow each other."""
    return sorted(numbers, key=lambda number: _places(space, number, outermost))


def begins(space: Space, numbers: Sequence[int], outermost: Sequence[int]) -> frozenset[int]:
    """Of points in that order those that differ from the one before in more than the innermost axis."""
    shared = [_places(space, number, outermost[:-1]) for number in numbers]
    return frozenset(number for n, number in enumerate(numbers) if n == 0 or shared[n] != shared[n - 1])


def _places(space: Space, number: int, axes: Sequence[int]) -> tuple[int, ...]:
    point = space.point(number)
    return point.trace, point.design, *(point.places[axis] for axis in axes if point.places)
