"""Whether a machine of this size can play a trace at all, said before it begins."""

from __future__ import annotations

from hwsim.memory import require
from hwsim.traces.codings import coding
from hwsim.traces.trace import AnyTrace


def check_playable(trace: AnyTrace) -> None:
    """Raise UsageError, with both figures, if playing a trace takes more memory than may be used."""
    require(coding(trace.coding).played_bytes(trace), f"playing {trace.provenance.name[:40]}")
