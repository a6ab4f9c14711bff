"""A rate-coded network and what it did: the direct-coded kind with another input.

The network and its neurons are those of `traces.network.layers`, but the input layer gives spikes, evenly spaced: raw
input x of `bits` bits, with m = 2**bits - 1, fires at timestep t = 0, 1, ... if

    ((2 * (t + 1) * x + m) // (2 * m)) > ((2 * t * x + m) // (2 * m))

which is round(T * x / m) times in T timesteps.  The decision is the class with the highest sum of logits after the last
timestep, the lower index of several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.kept import Keeps
from hwsim.traces.coding import Coding
from hwsim.traces.description.activity import stepwise_activity
from hwsim.traces.description.parts import Description
from hwsim.traces.direct.describe import describe_direct
from hwsim.traces.direct.record import build_direct, direct_arrays, direct_record
from hwsim.traces.direct.slice import first_of_direct
from hwsim.traces.direct.trace import Trace
from hwsim.traces.direct.transferred import raw_sample
from hwsim.traces.direct.verify import verify_direct
from hwsim.traces.file.layers import Take
from hwsim.traces.file.record import Record
from hwsim.traces.network.footprint import played_bytes
from hwsim.traces.network.layers import Network
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs, Logits, PackedSpikes, RawValues, in_a_line
from hwsim.traces.verification import Verification


@dataclass(frozen=True, slots=True)
class RateTrace(Keeps):
    """As `hwsim.traces.direct.trace.Trace`, field by field."""

    coding: ClassVar = "rate"

    network: Network
    timesteps: int
    spikes: Mapping[str, PackedSpikes]  # per spiking layer, not of the input, which follows from the raw samples
    inputs: Inputs | None
    logits: Mapping[str, Logits]
    provenance: Provenance
    sha256: str = ""

    def __repr__(self) -> str:
        """What it is of, in one line."""
        return in_a_line(self)

    @property
    def as_direct(self) -> Trace:
        """The same fields as a direct-coded trace: for what does not depend on the input's coding."""
        return Trace(*(getattr(self, field.name) for field in fields(self)))

    @property
    def n_samples(self) -> int:
        """How many samples have recorded spikes."""
        return self.as_direct.n_samples

    def spike_rates(self) -> Mapping[str, float]:
        """Spikes per neuron per timestep of every spiking layer."""
        return self.as_direct.spike_rates()

    def static_accuracy(self) -> tuple[float | None, int]:
        """Fraction right after all timesteps on the largest set of logits, None if unknown; and that set's size."""
        return self.as_direct.static_accuracy()

    def accuracy_by_timestep(self) -> list[float]:
        """Fraction right after each timestep on the largest set of logits."""
        return self.as_direct.accuracy_by_timestep()


def input_spikes(values: RawValues, bits: int, timestep: int) -> NDArray[np.int32]:
    """Spikes (0 or 1) of raw inputs at a timestep: int32, the shape of `values`."""
    top = (1 << bits) - 1
    levels = np.arange(top + 1, dtype=np.int64)
    before, after = ((2 * t * levels + top) // (2 * top) for t in (timestep, timestep + 1))
    spikes: NDArray[np.int32] = (after - before).astype(np.int32)[values]
    return spikes


def input_counts(trace: RateTrace) -> NDArray[np.int64]:
    """How often each input fires in the recorded samples: int64 [sample, height, width, channel].

    Raises TraceError for a trace without raw inputs.
    """
    if trace.inputs is None:
        raise TraceError("trace: wanted raw inputs, from which the input spikes follow, found none")
    top = (1 << trace.network.input.bits) - 1
    values = trace.inputs.values[: trace.n_samples].astype(np.int64)
    counts: NDArray[np.int64] = (2 * trace.timesteps * values + top) // (2 * top)
    return counts


def encoder(network: Network) -> Callable[[RawValues, int], NDArray[np.int32]]:
    """The input coding of a network, as `hwsim.traces.direct.golden.execute` takes it.

    Raises TraceError for a signed input: a rate is none below zero.
    """
    if network.input.signed:
        raise TraceError(
            f"layer '{network.input.name}': wanted an unsigned input for the coding 'rate', found a signed one"
        )
    return lambda values, timestep: input_spikes(values, network.input.bits, timestep)


def _as_rate(trace: Trace) -> RateTrace:
    return RateTrace(*(getattr(trace, field.name) for field in fields(trace)))


def rate_record(trace: RateTrace) -> dict[str, object]:
    """What of the manifest only rate-coded traces have, ready for JSON."""
    return direct_record(trace.as_direct)


def rate_arrays(trace: RateTrace) -> dict[str, NDArray[Any]]:
    """Every array of the trace as it is stored, by name, in a fixed order."""
    return direct_arrays(trace.as_direct)


def build_rate(record: Record, provenance: Provenance, take: Take) -> RateTrace:
    """The trace that `record` and its arrays describe, every rule of the coding checked."""
    trace = build_direct(record, provenance, take)
    encoder(trace.network)
    return _as_rate(trace)


def verify_rate(trace: RateTrace) -> Verification:
    """Execute the network again from its raw inputs."""
    return verify_direct(trace.as_direct, encoder(trace.network))


def describe_rate(trace: RateTrace) -> Description:
    """As of a direct-coded trace, with what the input fires."""
    found = describe_direct(trace.as_direct)
    if trace.inputs is None:
        return found
    source, *others = found.layers
    values, bits = trace.inputs.values[: trace.n_samples], trace.network.input.bits
    spikes = (input_spikes(values, bits, t) for t in range(trace.timesteps))
    return replace(found, layers=(replace(source, activity=stepwise_activity(spikes)), *others))


def first_of_rate(trace: RateTrace, samples: int | None, timesteps: int | None) -> RateTrace:
    """The first recorded samples and timesteps; larger sets of logits keep their samples."""
    return _as_rate(first_of_direct(trace.as_direct, samples, timesteps))


CODING = Coding(
    RateTrace,
    rate_record,
    rate_arrays,
    build_rate,
    verify_rate,
    first_of_rate,
    describe_rate,
    lambda trace: played_bytes(trace.network, trace.timesteps),
    lambda trace: raw_sample(trace.network),
)
