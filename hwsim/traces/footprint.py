"""Whether a machine of this size can play a trace at all, said before it begins."""

from __future__ import annotations

from hwsim.memory import require
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.footprint import played_bytes
from hwsim.traces.plastic.trace import PlasticTrace
from hwsim.traces.plastic.verify import learned_bytes
from hwsim.traces.trace import AnyTrace
from hwsim.traces.ttfs.trace import FirstSpikeTrace


def check_playable(trace: AnyTrace) -> None:
    """Raise UsageError, with both figures, if playing a trace takes more memory than may be used."""
    match trace:
        case Trace() | RateTrace():
            needed = played_bytes(trace.network, trace.timesteps)
        case FirstSpikeTrace():
            needed = played_bytes(trace.network.network, 1)
        case PlasticTrace():
            needed = learned_bytes(trace.network)
        case _:
            return  # all of it is in the file
    require(needed, f"playing {trace.provenance.name[:40]}")
