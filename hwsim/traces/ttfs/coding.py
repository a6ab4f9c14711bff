"""The coding of first spikes."""

from __future__ import annotations

from hwsim.traces.coding import Coding
from hwsim.traces.network.footprint import played_bytes
from hwsim.traces.ttfs.describe import describe_first_spike
from hwsim.traces.ttfs.record import build_first_spike, first_spike_arrays, first_spike_record
from hwsim.traces.ttfs.trace import FirstSpikeTrace
from hwsim.traces.ttfs.transferred import input_times
from hwsim.traces.ttfs.verify import first_of_first_spike, verify_first_spike

CODING = Coding(
    FirstSpikeTrace,
    first_spike_record,
    first_spike_arrays,
    build_first_spike,
    verify_first_spike,
    first_of_first_spike,
    describe_first_spike,
    lambda trace: played_bytes(trace.network.network, 1),
    input_times,
)
