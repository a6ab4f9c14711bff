"""Inputs over time: spikes or small counts of every timestep as an event camera, a cochlea or an encoder gave them.

All else is as in a direct-coded trace.  An event of one bit is a spike like any other: what reads it adds weights up
and multiplies nothing.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from hwsim.traces.coding import Coding
from hwsim.traces.direct.describe import describe_direct
from hwsim.traces.direct.record import build_direct, direct_arrays, direct_record
from hwsim.traces.direct.slice import first_of_direct
from hwsim.traces.direct.trace import EventTrace, Trace
from hwsim.traces.direct.transferred import addressed_events
from hwsim.traces.direct.verify import verify_direct
from hwsim.traces.file.layers import Take
from hwsim.traces.file.record import Record
from hwsim.traces.network.footprint import played_bytes
from hwsim.traces.provenance import Provenance

__all__ = ["CODING", "EventTrace", "as_events", "build_events"]


def build_events(record: Record, provenance: Provenance, take: Take) -> EventTrace:
    """The trace that `record` and its arrays describe, every rule of the coding checked."""
    return as_events(build_direct(record, provenance, take, over_time=True))


def as_events(trace: Trace) -> EventTrace:
    """The same fields under the coding's own type."""
    values: dict[str, Any] = {field.name: getattr(trace, field.name) for field in fields(trace)}
    return EventTrace(**values)


CODING = Coding(
    EventTrace,
    direct_record,
    direct_arrays,
    build_events,
    verify_direct,
    first_of_direct,  # type: ignore[arg-type]  # of an EventTrace it gives one
    describe_direct,
    lambda trace: played_bytes(trace.network, trace.timesteps),
    lambda trace: addressed_events(trace.network, trace.timesteps, trace.inputs, trace.n_samples),
)
