"""Every kind of trace by the name of its coding, and what can be done with each.

A further kind is a type, its functions, and one entry here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

from hwsim.traces.direct.rate import RateTrace, build_rate, first_of_rate, rate_arrays, rate_record, verify_rate
from hwsim.traces.direct.record import build_direct, direct_arrays, direct_record
from hwsim.traces.direct.slice import first_of_direct
from hwsim.traces.direct.trace import Trace
from hwsim.traces.direct.verify import verify_direct
from hwsim.traces.file.layers import Take
from hwsim.traces.file.record import Record
from hwsim.traces.plastic.record import build_plastic, plastic_arrays, plastic_record
from hwsim.traces.plastic.trace import PlasticTrace
from hwsim.traces.plastic.verify import first_of_plastic, verify_plastic
from hwsim.traces.provenance import Provenance
from hwsim.traces.sequence.record import build_sequence, sequence_arrays, sequence_record
from hwsim.traces.sequence.trace import SequenceTrace
from hwsim.traces.sequence.verify import first_of_sequence, verify_sequence
from hwsim.traces.trace import AnyTrace
from hwsim.traces.ttfs.record import build_first_spike, first_spike_arrays, first_spike_record
from hwsim.traces.ttfs.trace import FirstSpikeTrace
from hwsim.traces.ttfs.verify import first_of_first_spike, verify_first_spike
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


CODINGS: Mapping[str, Coding[Any]] = {
    "direct": Coding(Trace, direct_record, direct_arrays, build_direct, verify_direct, first_of_direct),
    "ttfs": Coding(
        FirstSpikeTrace,
        first_spike_record,
        first_spike_arrays,
        build_first_spike,
        verify_first_spike,
        first_of_first_spike,
    ),
    "rate": Coding(RateTrace, rate_record, rate_arrays, build_rate, verify_rate, first_of_rate),
    "sequence": Coding(
        SequenceTrace, sequence_record, sequence_arrays, build_sequence, verify_sequence, first_of_sequence
    ),
    "plastic": Coding(PlasticTrace, plastic_record, plastic_arrays, build_plastic, verify_plastic, first_of_plastic),
}


def name_of(trace: AnyTrace) -> str:
    """Name of a trace's coding."""
    return next(name for name, coding in CODINGS.items() if isinstance(trace, coding.trace_type))
