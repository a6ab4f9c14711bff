"""The coding of sequences."""

from __future__ import annotations

from hwsim.traces.coding import Coding
from hwsim.traces.sequence.describe import describe_sequence
from hwsim.traces.sequence.record import build_sequence, sequence_arrays, sequence_record
from hwsim.traces.sequence.trace import SequenceTrace
from hwsim.traces.sequence.verify import first_of_sequence, verify_sequence
from hwsim.traces.transferred import Transferred

CODING = Coding(
    SequenceTrace,
    sequence_record,
    sequence_arrays,
    build_sequence,
    verify_sequence,
    first_of_sequence,
    describe_sequence,
    lambda _: 0,
    lambda trace: Transferred.of(
        trace.network.n_elements * trace.network.n_features * trace.network.input_bits, trace.network.n_classes
    ),
)
