"""What a process does with points: it keeps the traces and what was found with them from one chunk to the next."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from hwsim.errors import HwsimError, TraceError
from hwsim.sweep.row import Designs, Row, row_of
from hwsim.sweep.space import Point, Source, Space
from hwsim.traces.io import read_trace
from hwsim.traces.trace import AnyTrace


@dataclass(frozen=True, slots=True)
class Task:
    """A space as it travels to another process, known by its digest."""

    sha256: str
    pickled: bytes

    @classmethod
    def of(cls, space: Space, outermost_first: tuple[int, ...]) -> Task:
        """The task of running points of a space; `outermost_first` are its axes, the slowest at the front."""
        pickled = pickle.dumps((space, outermost_first))
        return cls(hashlib.sha256(pickled).hexdigest(), pickled)

    def __hash__(self) -> int:
        return hash(self.sha256)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Task) and other.sha256 == self.sha256


@lru_cache(maxsize=4)
def _opened(task: Task) -> tuple[Space, Designs]:
    space, order = pickle.loads(task.pickled)
    return space, Designs(space, order)


_traces: dict[Source, AnyTrace] = {}


def remember(source: Source, trace: AnyTrace) -> None:
    """Keep a trace that is read already, also for processes that are forked later."""
    _traces[source] = trace


def trace_of(source: Source) -> AnyTrace:
    """A trace, read once in a process.

    Raises TraceError where the file is not what it was.
    """
    if source not in _traces:
        trace = read_trace(source.path)
        if trace.sha256 != source.sha256:
            raise TraceError(f"{source.path}: is not what it was when the sweep began (sha256 {trace.sha256[:12]})")
        _traces[source] = trace
    return _traces[source]


def rows_of(task: Task, numbers: Sequence[int]) -> list[Row]:
    """Rows of some points."""
    space, designs = _opened(task)
    points = map(space.point, numbers)
    return [row_of(space, designs, trace_of(space.traces[point.trace]), point) for point in points]


def faults_of(task: Task, numbers: Sequence[int]) -> list[str | None]:
    """Why each of some points is no design, None where it is one; nothing is played."""
    space, designs = _opened(task)
    return [_fault(designs, space.point(number)) for number in numbers]


def _fault(designs: Designs, point: Point) -> str | None:
    try:
        designs.of(point)
    except HwsimError as error:
        return str(error)
    return None
