"""The best design within a budget that changing a few knobs finds, and what each change bought.

From the design as it stands, all values of each knob are tried with the others as they are, then all pairs of values of
each two knobs, and the best is taken, until none of them betters it.  So what is found is best in every plane through
it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from pathlib import Path

from hwsim.designs import Architecture, check_coding, load_architecture, machine_of
from hwsim.errors import UsageError
from hwsim.example import trace_file
from hwsim.sweep.axis import Axis, parse_axis, scalar
from hwsim.sweep.figures import Constraint, Objective
from hwsim.sweep.grid import run_points
from hwsim.sweep.journal import Rows
from hwsim.sweep.order import ordered
from hwsim.sweep.row import Row
from hwsim.sweep.runner import Executors
from hwsim.sweep.space import Asked, Space, own_value
from hwsim.sweep.sweeping import space_of
from hwsim.traces.io import read_trace

Places = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One setting on the way from the design as it stands to the best one."""

    setting: str
    before: Row
    after: Row


@dataclass(frozen=True, slots=True)
class Tuned:
    """What tuning found."""

    space: Space
    reference: Row  # the design as it stands
    best: Row
    changes: tuple[Change, ...]  # each what helps most after those before it
    tried: int  # designs
    settings: tuple[str, ...]  # that make the best of the design as it stands: what it says already is left out


@dataclass
class _Tuning:
    """A search under way."""

    space: Space
    objective: Objective
    constraints: Sequence[Constraint]
    executors: Executors | None
    told: Callable[[int], None]
    known: Rows

    def run(self, places: Iterable[Places]) -> None:
        """Have rows of some combinations."""
        numbers = {self.space.number(0, 0, each) for each in places} - self.known.rows.keys()
        order = tuple(range(len(self.space.axes)))
        run_points(self.space, ordered(self.space, numbers, order), order, self.known, self.executors)
        self.told(len(self.known.rows))

    def row(self, places: Places) -> Row:
        """That of a combination that was run."""
        return self.known.rows[self.space.number(0, 0, places)]

    def rank(self, row: Row) -> tuple[float, float]:
        """Less is better: first how far budgets are missed, then the objective."""
        if row["error"] is not None:
            return float("inf"), float("inf")
        return sum(max(0.0, each.excess(row)) for each in self.constraints), self.objective.loss(row)

    def better(self, best: Places, neighbourhoods: Iterator[list[Places]]) -> Places:
        """The best of several neighbourhoods, tried together, and of what there is."""
        found = [best, *(places for each in neighbourhoods for places in each)]
        self.run(found)
        return min(found, key=lambda places: self.rank(self.row(places)))

    def lines(self, best: Places) -> Iterator[list[Places]]:
        """All values of each knob, the others as they are."""
        for axis, places in enumerate(map(_values, self.space.axes)):
            yield [_with(best, {axis: place}) for place in places]

    def planes(self, best: Places) -> Iterator[list[Places]]:
        """All values of each two knobs, the others as they are."""
        for one, other in combinations(range(len(self.space.axes)), 2):
            pairs = product(_values(self.space.axes[one]), _values(self.space.axes[other]))
            yield [_with(best, {one: place, other: its}) for place, its in pairs]


def tune(
    design: str | Path | Architecture,
    trace: str | Path,
    budgets: Sequence[Constraint],
    *,
    objective: Objective | None = None,
    vary: Sequence[str] = (),
    overrides: Sequence[str] = (),
    asked: Asked | None = None,
    executors: Executors | None = None,
    told: Callable[[int], None] = lambda _: None,
) -> Tuned:
    """Tune the knobs that a machine has, and those of `vary`, to the least EDP within budgets.

    Raises UsageError where no design that was tried keeps them, for machines without knobs where none are given, and
    for traces of another coding.
    """
    base = load_architecture(design, overrides)
    read = read_trace(trace_file(trace))
    check_coding(base, read)
    own = machine_of(base).sized_for(read).knobs(read)
    extra = [parse_axis(text) for text in vary]
    asked_for = {axis.key for axis in extra}
    axes = [parse_axis(f"{key}={values}") for key, values in own.items() if key not in asked_for] + extra
    if not axes:
        raise UsageError(f"tune: a machine '{base.machine}' has no knobs of its own; give some with --vary")
    fixed = [axis for axis in axes if len(axis.values) == 1]
    moving = [axis for axis in axes if len(axis.values) > 1]
    around = [axis.setting(0) for axis in fixed]
    space = space_of([base], [trace], moving, asked=asked)
    with_fixed = space_of([load_architecture(base, around)], [trace], moving, asked=asked) if around else space
    tuning = _Tuning(with_fixed, objective or Objective("edp_pj_ns"), budgets, executors, told, Rows())
    alone = Rows()
    run_points(space, [0], (), alone, None)
    stands = alone.rows[0]
    if stands["error"] is not None:
        raise UsageError(stands["error"])
    if stands[tuning.objective.figure] is None:
        raise UsageError(f"tune: {tuning.objective.figure} of this design is not known, so it cannot be made least")
    start = tuple(_nearest(axis, stands[axis.key]) for axis in moving)
    best = _search(tuning, start)
    row = tuning.row(best)
    if tuning.rank(row)[0] > 0:
        missed = ", ".join(str(each) for each in budgets if not each.met_by(row))
        raise UsageError(f"tune: no design that was tried keeps {missed}; the nearest has {_shown(row, budgets)}")
    chosen = [*((axis, 0) for axis in fixed), *zip(moving, best, strict=True)]
    settings = (
        axis.setting(place) for axis, place in chosen if scalar(axis.values[place]) != own_value(base.tree, axis.key)
    )
    return Tuned(
        with_fixed,
        stands,
        row,
        tuple(_changes(tuning, stands, around, start, best)),
        len(tuning.known.rows) + 1,
        tuple(settings),
    )


def _search(tuning: _Tuning, start: Places) -> Places:
    best = start
    while True:
        found = best
        while (better := tuning.better(found, tuning.lines(found))) != found:
            found = better
        found = tuning.better(found, tuning.planes(found))
        if found == best:
            return best
        best = found


def _changes(tuning: _Tuning, reference: Row, around: Sequence[str], start: Places, best: Places) -> Iterator[Change]:
    """Settings one after another, at each step the one after which the objective is least."""
    here, before = start, reference
    if around:
        tuning.run([start])
        moved = tuning.row(start)
        if moved["edp_pj_ns"] != reference["edp_pj_ns"] or moved["area_mm2"] != reference["area_mm2"]:
            yield Change(" ".join(around), before, moved)
        before = reference if moved["error"] is not None else moved
    left = {axis for axis in range(len(best)) if best[axis] != start[axis]}
    while left:
        steps = {axis: _with(here, {axis: best[axis]}) for axis in sorted(left)}
        tuning.run(steps.values())
        axis = min(steps, key=lambda axis: _loss(tuning, steps[axis]))
        after = tuning.row(steps[axis])
        yield Change(tuning.space.axes[axis].setting(best[axis]), before, after)
        here, before = steps[axis], after if after["error"] is None else before
        left.remove(axis)


def _loss(tuning: _Tuning, places: Places) -> float:
    row = tuning.row(places)
    return float("inf") if row["error"] is not None else tuning.objective.loss(row)


def _values(axis: Axis) -> range:
    return range(len(axis.values))


def _with(places: Places, others: dict[int, int]) -> Places:
    return tuple(others.get(axis, place) for axis, place in enumerate(places))


def _nearest(axis: Axis, value: object) -> int:
    """The place of a design's own value, or of the nearest number; the first where there is none."""
    values = [scalar(text) for text in axis.values]
    if value in values:
        return values.index(value)
    if isinstance(value, int | float) and all(isinstance(each, int | float) for each in values):
        return min(range(len(values)), key=lambda i: abs(float(values[i] or 0) - value))
    return 0


def _shown(row: Row, constraints: Sequence[Constraint]) -> str:
    return ", ".join(f"{each.figure} {row.get(each.figure) or 0:.4g}" for each in constraints)
