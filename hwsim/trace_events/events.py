"""Single events of the format, and how cycles become its microseconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Event = dict[str, Any]
WORK = "work"
STALLS = ("starved", "blocked", "arbitrating")
COLOURS = {
    WORK: "thread_state_running",
    "starved": "thread_state_runnable",
    "blocked": "thread_state_iowait",
    "arbitrating": "thread_state_uninterruptible",
}
"""Names that chrome://tracing reserves for green, blue, orange and mauve; Perfetto colours by the name of an event."""
_NS_PER_US = 1000
_WITHIN_NS = 1e-4


@dataclass(frozen=True, slots=True)
class Clock:
    """Cycles as times: whole nanoseconds, written as microseconds.

    Perfetto cuts off what is below a nanosecond of both begin and length, each by itself.  A tenth of one on top of
    every begin keeps it from falling to the one before, so that neighbours never overlap.
    """

    mhz: float

    def ns(self, cycle: float) -> int:
        """The nanosecond of a cycle."""
        return round(cycle * 1e3 / self.mhz)

    def us(self, cycle: float) -> float:
        """When a cycle begins, in microseconds."""
        return round(self.ns(cycle) / _NS_PER_US + _WITHIN_NS, 4)

    def length_us(self, begin: float, end: float) -> float:
        """How long it is from one cycle to another."""
        return (self.ns(end) - self.ns(begin)) / _NS_PER_US


def named(pid: int, tid: int | None, name: str) -> list[Event]:
    """What a process or one of its tracks is called, and that it stands where its number is."""
    kind, where = ("process", {"pid": pid}) if tid is None else ("thread", {"pid": pid, "tid": tid})
    place = pid if tid is None else tid
    return [
        {"name": f"{kind}_name", "ph": "M", **where, "args": {"name": name}},
        {"name": f"{kind}_sort_index", "ph": "M", **where, "args": {"sort_index": place}},
    ]


def stretch(pid: int, tid: int, cause: str, times: tuple[float, float], args: dict[str, Any]) -> Event:
    """A stretch of time on a track, begin and length in microseconds, in the colour of its cause."""
    begin, length = times
    what = {"name": cause, "cat": cause, "ph": "X", "cname": COLOURS[cause]}
    return {**what, "pid": pid, "tid": tid, "ts": begin, "dur": length, "args": args}


def count(pid: int, name: str, at_us: float, values: dict[str, float]) -> Event:
    """What a counter of a process shows from then on; several values lie on top of each other."""
    return {"name": name, "ph": "C", "pid": pid, "ts": at_us, "args": values}
