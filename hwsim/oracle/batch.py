"""A trace of the same network with a batch's spikes in the place of those that are recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.oracle.others import first_spikes, presentations, sequences
from hwsim.oracle.spikes import Axes, array_of, packed
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.direct.trace import Trace
from hwsim.traces.plastic.trace import PlasticTrace
from hwsim.traces.sequence.trace import SequenceTrace
from hwsim.traces.trace import AnyTrace, Inputs, RawValues
from hwsim.traces.ttfs.trace import FirstSpikeTrace

Layered = Trace | RateTrace
"""Traces of a network of layers whose spikes are packed alike."""


def batch_of(trace: AnyTrace, spikes: Any, inputs: Any, axes: Axes) -> AnyTrace:
    """A batch as a trace of the same network, of whatever coding.

    Raises UsageError for spikes or inputs that are none of this network.
    """
    match trace:
        case FirstSpikeTrace():
            return first_spikes(trace, spikes, inputs)
        case SequenceTrace():
            _refuse(inputs, "sequences, of which the machine reads spikes alone")
            return sequences(trace, spikes)
        case PlasticTrace():
            _refuse(inputs, "presentations, which are raw inputs themselves")
            return presentations(trace, spikes)
        case Trace() | RateTrace():
            return _layered(trace, spikes, inputs, axes)
    raise UsageError(f"source: an oracle knows no batches of coding {trace.coding}")


def _refuse(inputs: Any, what: str) -> None:
    if inputs is not None:
        raise UsageError(f"inputs: have no meaning for {what}: leave them out")


def _layered(trace: Layered, spikes: Any, inputs: Any, axes: Axes) -> Layered:
    found = packed(spikes, trace.network.spiking(), trace.timesteps, axes)
    n = len(next(iter(found.values())).words)
    raw = None if inputs is None else _raw(trace, inputs, n, axes)
    return replace(trace, spikes=found, inputs=_recorded(trace, n) if raw is None else raw, sha256="")


def _recorded(trace: Layered, n: int) -> Inputs | None:
    """The recorded raw inputs, over and over: they stand in for those of a batch that brings none."""
    if trace.inputs is None or len(trace.inputs.values) == n:
        return trace.inputs
    chosen = np.arange(n) % trace.n_samples
    return Inputs(*(getattr(trace.inputs, name)[chosen] for name in ("values", "labels", "sample_ids")))


def _raw(trace: Layered, inputs: Any, n: int, axes: Axes) -> Inputs:
    source, nobody = trace.network.input, np.zeros(n, np.int64)
    if isinstance(inputs, Inputs):
        return inputs
    values = array_of("input", inputs)
    steps = (trace.timesteps,) if source.over_time else ()
    if source.over_time and axes == "time, sample" and values.ndim > 1:
        values = np.moveaxis(values, 0, 1)
    height, width, channels = source.shape
    shapes = {(n, *steps, channels, height, width)} | ({(n, *steps, channels)} if height * width == 1 else set())
    if values.shape not in shapes:
        wanted = ", ".join(map(str, (*steps, channels, height, width)))
        raise UsageError(f"inputs: wanted [{n} samples, {wanted}], found {list(values.shape)}")
    last = np.moveaxis(values.reshape(n, *steps, channels, height, width), -3, -1)
    return Inputs(np.ascontiguousarray(_whole(trace, last)), nobody, nobody)


def _whole(trace: Layered, values: NDArray[Any]) -> RawValues:
    """Raw inputs as integers: as they are, or fractions from 0 to 1 as shares of the largest, as `capture` has them."""
    source = trace.network.input
    low, high = source.values
    if values.dtype.kind == "f" and values.size and _fractions(trace, values):
        values = np.rint(values * high)
    sound = (values >= low) & (values <= high)
    if values.dtype.kind == "f":
        sound &= values == np.rint(values)
    if not sound.all():
        wrong = values[~sound]
        fractions = "" if source.signed or source.over_time else ", or fractions from 0 to 1"
        raise UsageError(f"inputs: wanted integers from {low} to {high}{fractions}, found {float(wrong.flat[0]):g}")
    return values.astype(source.dtype)


def _fractions(trace: Layered, values: NDArray[Any]) -> bool:
    """Whether floating values are shares of the largest integer: those of a batch are if the recorded ones were."""
    source = trace.network.input
    if source.signed or source.over_time or not (values.min() >= 0 and values.max() <= 1):
        return False
    return trace.inputs is None or int(trace.inputs.values.max(initial=0)) > 1
