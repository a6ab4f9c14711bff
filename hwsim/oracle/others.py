"""Batches of first spikes, of sequences and of presentations, in the place of what such a trace has recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.oracle.spikes import array_of, named, same_number
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.planes import pack_channels
from hwsim.traces.plastic.encode import encoder_digests
from hwsim.traces.plastic.trace import TRAIN, PlasticSamples, PlasticTrace
from hwsim.traces.sequence.trace import SequenceInputs, SequenceSpikes, SequenceTrace
from hwsim.traces.trace import AnyTrace, Inputs
from hwsim.traces.ttfs.trace import SILENT, FirstSpikeTrace, Times


def first_spikes(trace: FirstSpikeTrace, times: Any, inputs: Any) -> FirstSpikeTrace:
    """A batch of ticks [sample, channel, y, x] by layer, -1 for neurons that stay silent.

    Raises UsageError for anything else.
    """
    shapes = {name: each.shape[1:] for name, each in trace.times.items()}
    found = {name: _ticks(trace, name, each) for name, each in named(times, shapes).items()}
    n = same_number(found)
    raw = trace.inputs
    if inputs is not None:
        values = array_of("input", inputs)
        height, width, channels = trace.network.network.input.shape
        wanted = (n, channels, height, width)
        if values.shape not in (wanted, (n, channels)) or (values.dtype.kind == "f" and (values % 1).any()):
            raise UsageError(f"inputs: wanted integers {list(wanted)}, found {values.dtype} {list(values.shape)}")
        picture = np.ascontiguousarray(np.moveaxis(values.reshape(wanted), 1, -1)).astype(trace.inputs.values.dtype)
        raw = Inputs(picture, np.zeros(n, np.int64), np.zeros(n, np.int64))
    elif len(raw.values) != n:
        chosen = np.arange(n) % len(raw.values)
        raw = Inputs(raw.values[chosen], raw.labels[chosen], raw.sample_ids[chosen])
    return replace(trace, times=found, inputs=raw, sha256="")


def _ticks(trace: FirstSpikeTrace, name: str, given: Any) -> Times:
    height, width, channels = trace.times[name].shape[1:]
    values = array_of(name, given)
    if values.shape[1:] not in ((channels, height, width), (channels,)) or not len(values):
        raise UsageError(f"spikes, {name}: wanted [samples, {channels}, {height}, {width}], found {list(values.shape)}")
    last = trace.network.window - 1
    if not ((values >= SILENT) & (values <= last) & (values == np.rint(values))).all():
        raise UsageError(f"spikes, {name}: wanted ticks from 0 to {last}, or {SILENT} for none, found others")
    picture = np.moveaxis(values.reshape(len(values), channels, height, width), 1, -1)
    return np.ascontiguousarray(picture).astype(np.int16)


def sequences(trace: SequenceTrace, spikes: Any) -> SequenceTrace:
    """A batch of spikes [sample, element, timestep, unit] of gates and hidden values, by `LAYER/GATE`.

    Raises UsageError for anything else.
    """
    found = {name: _gates(trace, name, each) for name, each in named(spikes, trace.spikes).items()}
    n = same_number({name: each.words for name, each in found.items()})
    chosen = np.arange(n) % len(trace.inputs.values)
    raw = SequenceInputs(*(getattr(trace.inputs, each)[chosen] for each in ("values", "labels", "sample_ids")))
    return replace(trace, spikes=found, inputs=raw, sha256="")


def _gates(trace: SequenceTrace, name: str, given: Any) -> SequenceSpikes:
    known = trace.spikes[name]
    if isinstance(given, SequenceSpikes):
        if given.words.shape[1:] != known.words.shape[1:]:
            raise UsageError(f"spikes, {name}: wanted words {known.words.shape[1:]}, found {given.words.shape[1:]}")
        return given
    values, (_, elements, timesteps, planes, _) = array_of(name, given), known.words.shape
    if values.ndim != 4 or values.shape[1:] != (elements, timesteps, known.n_units) or not len(values):
        wanted = f"[samples, {elements}, {timesteps}, {known.n_units}]"
        raise UsageError(f"spikes, {name}: wanted {wanted}, found {list(values.shape)}")
    good = (values == 0) | (values == 1) | ((values == -1) if planes == 2 else False)
    if not good.all():
        wanted = "-1, 0 or 1" if planes == 2 else "0 or 1"
        raise UsageError(f"spikes, {name}: wanted {wanted}, found {float(values[~good].flat[0]):g}")
    parts = [values != 0, values < 0][:planes]
    return SequenceSpikes(np.stack([pack_channels(part) for part in parts], axis=3), known.n_units)


def presentations(trace: PlasticTrace, samples: Any) -> PlasticTrace:
    """A batch of raw samples uint8 [sample, pixel] to learn from, in order, from what the trace has learned on.

    Raises UsageError for anything else.
    """
    if isinstance(samples, PlasticSamples):
        part = samples
    else:
        values = array_of("samples", samples)
        if values.ndim != 2 or values.shape[1] != trace.network.pixels or not len(values):
            raise UsageError(f"samples: wanted [samples, {trace.network.pixels}], found {list(values.shape)}")
        if not ((values >= 0) & (values <= 255) & (values == np.rint(values))).all():
            raise UsageError("samples: wanted integers from 0 to 255, found others")
        pixels, ids = values.astype(np.uint8), np.arange(len(values), dtype=np.int64)
        part = PlasticSamples(pixels, np.zeros_like(ids), ids, *encoder_digests(trace.network, TRAIN, ids, pixels))
    state = None if trace.state is None else replace(trace.state, samples=0)
    return replace(trace, parts={**trace.parts, TRAIN: part}, state=state, sha256="")


def silenced(trace: AnyTrace) -> Mapping[str, tuple[AnyTrace, NDArray[np.int64]]]:
    """By layer, or gate, the batch with that silent, and how many spikes of each sample it lacks: int64 [sample].

    Raises UsageError for a network that learns, whose spikes are its own.
    """
    match trace:
        case FirstSpikeTrace():
            return {
                name: (
                    replace(trace, times={**trace.times, name: np.full_like(times, SILENT)}),
                    (times != SILENT).reshape(len(times), -1).sum(axis=1),
                )
                for name, times in trace.times.items()
            }
        case SequenceTrace():
            return {
                name: (
                    replace(trace, spikes={**trace.spikes, name: replace(each, words=np.zeros_like(each.words))}),
                    each.counts().sum(axis=(1, 2)),
                )
                for name, each in trace.spikes.items()
            }
        case RateTrace():
            return {name: _without(trace, name) for name in trace.spikes}
    raise UsageError(f"slopes: what is of coding {trace.coding} has none, as its spikes are the machine's own")


def _without(trace: RateTrace, name: str) -> tuple[AnyTrace, NDArray[np.int64]]:
    packed = trace.spikes[name]
    silent = packed.each(np.zeros_like)
    counts = np.bitwise_count(packed.words).sum(axis=(1, 2, 3), dtype=np.int64)
    return replace(trace, spikes={**trace.spikes, name: silent}), counts
