"""What can be done with every kind of trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from numpy.typing import NDArray

from hwsim.traces.file.layers import Take
from hwsim.traces.file.record import Record
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import AnyTrace
from hwsim.traces.transferred import Transferred

if TYPE_CHECKING:
    from hwsim.traces.description.parts import Description
    from hwsim.traces.verification import Verification

TraceT = TypeVar("TraceT", bound=AnyTrace)


@dataclass(frozen=True, slots=True)
class Coding(Generic[TraceT]):
    """One kind of trace."""

    trace_type: type[TraceT]
    record: Callable[[TraceT], dict[str, object]]  # its part of the manifest
    arrays: Callable[[TraceT], dict[str, NDArray[Any]]]  # as stored, in a fixed order; refuses what storing would cut
    build: Callable[[Record, Provenance, Take], TraceT]  # from both, checked
    verify: Callable[[TraceT], Verification]
    first: Callable[[TraceT, int | None, int | None], TraceT]  # so many samples and timesteps
    describe: Callable[[TraceT], Description]  # without running it
    played_bytes: Callable[[TraceT], int]  # memory that playing one takes beside what is in the file
    transferred: Callable[[TraceT], Transferred]  # what crosses the edge of a chip for one inference
