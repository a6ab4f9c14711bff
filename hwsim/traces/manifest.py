"""A trace of any coding as one JSON object plus named arrays, in both directions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from numpy.typing import NDArray

from hwsim.traces.codings import CODINGS, coding
from hwsim.traces.file.layers import Take
from hwsim.traces.file.origin import provenance_record, read_provenance
from hwsim.traces.file.record import Record
from hwsim.traces.network.layers import (
    Add,
    Concat,
    Conv2d,
    Input,
    Layer,
    Linear,
    Network,
    Pool,
    Readout,
    Upsample,
    is_delayed,
    neuron_of,
)
from hwsim.traces.network.limits import MAX_INT
from hwsim.traces.trace import AnyTrace

FORMAT = "hwsim-trace"
VERSION = 4
"""A trace is written as the lowest version that has all that it says, so that earlier readers read it."""


def trace_record(trace: AnyTrace) -> dict[str, object]:
    """The trace without its arrays, ready for JSON; digests are added by whoever stores the arrays."""
    own = coding(trace.coding).record(trace)
    head: dict[str, object] = {"format": FORMAT, "version": version_of(trace), "coding": trace.coding}
    return head | own | {"provenance": provenance_record(trace.provenance)}


def version_of(trace: AnyTrace) -> int:
    """The lowest version of the format that has all that a trace says."""
    network = getattr(trace, "network", None)
    if trace.coding not in ("direct", "events", "rate") or not isinstance(network, Network):
        return 1
    neurons = [neuron for neuron in map(neuron_of, network) if neuron is not None]
    means = isinstance(network.output, Readout) and network.output.of == "mean_membrane"
    if means or network.has_signed_spikes or any(_pads_signed_maximum(layer, network) for layer in network):
        return 4
    pooled = any(isinstance(layer, Pool) and network.gives_currents(layer.name) for layer in network)
    if pooled or any(neuron.drives or neuron.reset_after_sum for neuron in neurons):
        return 3
    if any(map(_is_of_version_3, network)):
        return 3
    plain = all(neuron.plain for neuron in neurons) and not isinstance(network.output, Readout)
    return 1 if plain and trace.coding != "events" else 2


def _pads_signed_maximum(layer: Layer, network: Network) -> bool:
    """Whether a layer is a pool of maxima with padding around activations that may be below zero."""
    padded = isinstance(layer, Pool) and layer.kind == "max" and any(layer.window.padding)
    return padded and not network.gives_currents(layer.name) and network.signed(layer.name)


def _is_of_version_3(layer: Layer) -> bool:
    """Whether a layer, its neurons aside, says what earlier versions have not."""
    if isinstance(layer, Conv2d | Linear) and not 2 <= layer.weights.bits <= 8:
        return True
    match layer:
        case Input():
            return layer.signed or layer.bits > 8
        case Concat() | Upsample():
            return True
        case Conv2d():
            return layer.delayed or not layer.window.is_square
        case Pool():
            return not layer.window.is_square or any(layer.window.padding)
        case Add():
            return layer.bias is not None or len(layer.inputs) == 1
    return is_delayed(layer)


def trace_arrays(trace: AnyTrace) -> dict[str, NDArray[Any]]:
    """Every array of the trace as it is stored, by name, in a fixed order."""
    return coding(trace.coding).arrays(trace)


def read_version(record: Record) -> int:
    """The version of the format that `record` is of; TraceError where this reader knows no such thing."""
    if (found := record.text("format")) != FORMAT:
        record.fail("format", FORMAT, found)
    if (version := record.integer("version", 1, MAX_INT)) > VERSION:
        record.fail("version", f"at most {VERSION}: a reader of version {version} is needed for this file", version)
    return version


def build_trace(version: int, record: Record, take: Take) -> AnyTrace:
    """The trace that `record` of a version and its arrays describe, every rule of the format checked, without `sha256`.

    Only what `read_version` reads is gone from `record`.
    """
    kind = coding(record.choice("coding", CODINGS))
    trace: AnyTrace = kind.build(record, read_provenance(record.record("provenance")), take)
    if version < (needed := version_of(trace)):  # readers of that version would find keys that they do not know
        record.fail("version", f"{needed}, the lowest that has all that this trace says", version)
    return trace


def with_sha256(trace: AnyTrace, sha256: str) -> AnyTrace:
    """The same trace, knowing the digest of its file."""
    known: AnyTrace = replace(cast(Any, trace), sha256=sha256)  # a protocol cannot say that it is a dataclass
    return known
