"""Every point of a space, into a journal: checked first, then run, those that share most one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from hwsim.sweep.figures import FIGURES
from hwsim.sweep.journal import Rows
from hwsim.sweep.order import begins, ordered, outermost_first
from hwsim.sweep.row import Row
from hwsim.sweep.runner import Executors, run
from hwsim.sweep.space import Space
from hwsim.sweep.worker import Task, faults_of, rows_of

Told = Callable[[int, int], None]
"""How many points are done, and how many there are."""


def run_grid(space: Space, into: Rows, executors: Executors | None = None, told: Told = lambda *_: None) -> None:
    """Add a row for every point that the journal has none of; what is no design is a row with the reason.

    Raises UsageError where workers are lost again and again, or the journal cannot be written.
    """
    missing = [number for number in range(len(space)) if number not in into.rows]
    sound = checked(space, missing, into, executors)
    order = outermost_first(space, [space.point(number) for number in probes(space, sound)])
    run_points(space, ordered(space, sound, order), order, into, executors, told)


def checked(space: Space, numbers: Sequence[int], into: Rows, executors: Executors | None) -> list[int]:
    """Points that are designs, in no order; of each other the reason becomes a row."""
    task, sound = Task.of(space, tuple(range(len(space.axes)))), list[int]()
    # Checking takes a tenth of what running does: few points are not worth the start of processes.
    worth = executors if len(numbers) > 2_000 else None
    for chunk, faults in run(faults_of, task, numbers, worth):
        pairs = list(zip(chunk, faults, strict=True))
        sound += [number for number, fault in pairs if fault is None]
        into.append(_refused(space, number, fault) for number, fault in pairs if fault is not None)
    return sorted(sound)


def probes(space: Space, sound: Sequence[int]) -> Iterable[int]:
    """A few points of the grid to try axes at, from the middle outwards."""
    grid = [number for number in sound if number >= space.n_references]
    middle = len(grid) // 2
    return islice((*grid[middle:], *grid[:middle]), 8)


def run_points(
    space: Space,
    numbers: Sequence[int],
    outermost: tuple[int, ...],
    into: Rows,
    executors: Executors | None,
    told: Told = lambda *_: None,
) -> list[Row]:
    """Rows of some points, added to the journal as they are done."""
    found: list[Row] = []
    done, total = len(into.rows), len(into.rows) + len(numbers)
    told(done, total)
    together = begins(space, numbers, outermost)
    for _, rows in run(rows_of, Task.of(space, outermost), numbers, executors, together):
        into.append(rows)
        found += rows
        told(done + len(found), total)
    return found


def _refused(space: Space, number: int, fault: str) -> Row:
    named = space.named(space.point(number))
    return {**named, "error": fault, "run": None, **dict.fromkeys(FIGURES), "host": None, "seconds": None}
