"""A trace of any coding as one JSON object plus named arrays, in both directions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from numpy.typing import NDArray

from hwsim.traces.codings import CODINGS, coding
from hwsim.traces.file.layers import Take
from hwsim.traces.file.origin import provenance_record, read_provenance
from hwsim.traces.file.record import Record
from hwsim.traces.trace import AnyTrace

FORMAT = "hwsim-trace"
VERSION = 1


def trace_record(trace: AnyTrace) -> dict[str, object]:
    """The trace without its arrays, ready for JSON; digests are added by whoever stores the arrays."""
    head: dict[str, object] = {"format": FORMAT, "version": VERSION, "coding": trace.coding}
    return head | coding(trace.coding).record(trace) | {"provenance": provenance_record(trace.provenance)}


def trace_arrays(trace: AnyTrace) -> dict[str, NDArray[Any]]:
    """Every array of the trace as it is stored, by name, in a fixed order."""
    return coding(trace.coding).arrays(trace)


def build_trace(record: Record, take: Take) -> AnyTrace:
    """The trace that `record` and its arrays describe, every rule of the format checked; its `sha256` is left empty."""
    if (found := record.text("format")) != FORMAT:
        record.fail("format", FORMAT, found)
    record.integer("version", VERSION, VERSION)
    kind = coding(record.choice("coding", CODINGS))
    trace: AnyTrace = kind.build(record, read_provenance(record.record("provenance")), take)
    return trace


def with_sha256(trace: AnyTrace, sha256: str) -> AnyTrace:
    """The same trace, knowing the digest of its file."""
    known: AnyTrace = replace(cast(Any, trace), sha256=sha256)  # a protocol cannot say that it is a dataclass
    return known
