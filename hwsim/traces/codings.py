"""Every kind of trace by the name of its coding; a kind is imported when a trace of it is.

A further kind is a trace type that knows its coding's name, its functions in a `Coding`, and one line here.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

from hwsim.kept import kept_with
from hwsim.traces.coding import Coding
from hwsim.traces.file.content import check_unchanged
from hwsim.traces.trace import AnyTrace
from hwsim.traces.transferred import Transferred

if TYPE_CHECKING:
    from hwsim.traces.description.parts import Description
    from hwsim.traces.verification import Verification

CODINGS = {
    "direct": "hwsim.traces.direct.coding",
    "events": "hwsim.traces.direct.events",
    "ttfs": "hwsim.traces.ttfs.coding",
    "rate": "hwsim.traces.direct.rate",
    "sequence": "hwsim.traces.sequence.coding",
    "plastic": "hwsim.traces.plastic.coding",
}
"""Modules that have a `CODING`."""


def coding(name: str) -> Coding[Any]:
    """A kind of trace by name."""
    found: Coding[Any] = _module(name).CODING
    return found


def is_trace(value: object) -> bool:
    """Whether a value is a trace of any kind."""
    return getattr(type(value), "coding", None) in CODINGS


def describe(trace: AnyTrace) -> Description:
    """What there is to say of a trace without running it.  Raises TraceError if its file has changed."""
    described: Description = coding(trace.coding).describe(trace)
    check_unchanged(trace)
    return described


def transferred_bits(trace: AnyTrace) -> Transferred:
    """What crosses the edge of a chip for one inference, kept with the trace."""
    found: Transferred = kept_with(trace).once("transferred", lambda: coding(trace.coding).transferred(trace))
    return found


def verify(trace: AnyTrace) -> Verification:
    """Compute again what `trace` records and compare.

    A trace of a real network is executed from its raw inputs in golden integers; spikes and logits of the recorded
    samples are compared, and those of every set of logits of the same split whose samples have raw inputs.  A synthetic
    trace follows no dynamics and is drawn again from its recipe.  Raises TraceError if it can be neither,
    and UsageError if that takes more memory than may be used.
    """
    check_unchanged(trace)
    result: Verification = coding(trace.coding).verify(trace)
    check_unchanged(trace)
    return result


@cache
def _module(name: str) -> Any:
    return importlib.import_module(CODINGS[name])
