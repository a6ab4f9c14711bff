"""The coding of networks that learn."""

from __future__ import annotations

from hwsim.traces.coding import Coding
from hwsim.traces.plastic.describe import describe_plastic
from hwsim.traces.plastic.record import build_plastic, plastic_arrays, plastic_record
from hwsim.traces.plastic.trace import PlasticTrace
from hwsim.traces.plastic.verify import first_of_plastic, learned_bytes, verify_plastic
from hwsim.traces.transferred import Transferred

CODING = Coding(
    PlasticTrace,
    plastic_record,
    plastic_arrays,
    build_plastic,
    verify_plastic,
    first_of_plastic,
    describe_plastic,
    lambda trace: learned_bytes(trace.network),
    lambda trace: Transferred.of(trace.network.pixels * trace.parts["train"].values.itemsize * 8, trace.n_classes),
)
