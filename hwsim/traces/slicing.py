"""A shorter trace from a longer one; it recomputes nothing."""

from __future__ import annotations

from typing import TypeVar

from hwsim.traces.codings import coding
from hwsim.traces.trace import AnyTrace

TraceT = TypeVar("TraceT", bound=AnyTrace)


def first(trace: TraceT, samples: int | None = None, timesteps: int | None = None) -> TraceT:
    """The first recorded samples and timesteps; larger sets of logits keep their samples.

    Raises UsageError when the trace has fewer than asked for, or less than one is.
    """
    shorter: TraceT = coding(trace.coding).first(trace, samples, timesteps)
    return shorter
