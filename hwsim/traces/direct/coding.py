"""The direct coding."""

from __future__ import annotations

from hwsim.later import function
from hwsim.traces.coding import Coding
from hwsim.traces.direct.record import build_direct, direct_arrays, direct_record
from hwsim.traces.direct.slice import first_of_direct
from hwsim.traces.direct.trace import Trace
from hwsim.traces.direct.transferred import raw_sample
from hwsim.traces.network.footprint import played_bytes

CODING = Coding(
    Trace,
    direct_record,
    direct_arrays,
    build_direct,
    function("hwsim.traces.direct.verify", "verify_direct"),
    first_of_direct,
    function("hwsim.traces.direct.describe", "describe_direct"),
    lambda trace: played_bytes(trace.network, trace.timesteps),
    lambda trace: raw_sample(trace.network),
)
