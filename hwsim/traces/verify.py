"""Does a trace hold what its network really does: a second computation, compared bit for bit."""

from __future__ import annotations

from hwsim.traces.codings import CODINGS, name_of
from hwsim.traces.file.content import check_unchanged
from hwsim.traces.trace import AnyTrace
from hwsim.traces.verification import Mismatch, Verification

__all__ = ["Mismatch", "Verification", "verify"]


def verify(trace: AnyTrace) -> Verification:
    """Compute again what `trace` records and compare.

    A trace of a real network is executed from its raw inputs in golden integers; spikes and logits of the recorded
    samples are compared, and those of every set of logits of the same split whose samples have raw inputs.  A synthetic
    trace follows no dynamics and is drawn again from its recipe.  Raises TraceError if it can be neither,
    and UsageError if that takes more memory than may be used.
    """
    check_unchanged(trace)
    result: Verification = CODINGS[name_of(trace)].verify(trace)
    check_unchanged(trace)
    return result
