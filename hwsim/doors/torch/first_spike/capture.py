"""From a network of ReLU, or one of neurons that fire once, to a trace of spike times: integers, and floats beside."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hwsim import arguments, make
from hwsim.doors.asked import Asked
from hwsim.doors.drift import check_drift, drift_of_counts
from hwsim.doors.entry import SAMPLES_COMPARED
from hwsim.doors.graph import Shape, Source
from hwsim.doors.spool import Spool
from hwsim.doors.torch.batches import Samples, channels_last, collected
from hwsim.doors.torch.first_spike.chain import Link, chain_of, sums
from hwsim.doors.torch.first_spike.conversion import Windows, converted, highest_sums
from hwsim.doors.torch.first_spike.integers import network_of
from hwsim.doors.torch.first_spike.timed import TimedNetwork
from hwsim.errors import TraceError, UsageError
from hwsim.traces.ttfs.check import MOST_INPUT_BITS, MOST_WEIGHT_BITS
from hwsim.traces.ttfs.trace import MAX_WINDOW, SILENT, FirstSpikeTrace

PERCENTILE = 99.9
"""Of a layer's sums, from which up neurons fire at their first tick; that of tools/train_ttfs.py."""
_CALIBRATION, _AT_ONCE = 2000, 256


def captured_first_spikes(model: nn.Module, inputs: Any, asked: Asked) -> tuple[FirstSpikeTrace, str]:
    """The trace of neurons that fire once, and what is to be told of it; see `hwsim.doors.capture`."""
    input_bits = arguments.within("input_bits", asked.input_bits, 1, MOST_INPUT_BITS)
    weight_bits = arguments.within("weight_bits", asked.weight_bits, 2, MOST_WEIGHT_BITS)
    samples = collected(inputs, asked.labels, Spool(), input_bits)
    bits = samples.numbers.fewest if samples.numbers.per_one == 1 else samples.numbers.bits
    if samples.numbers.signed or bits > MOST_INPUT_BITS:
        raise TraceError("inputs: wanted none below 0 and at most 8 bits, as the larger an input the sooner it fires")
    network, links, image = _timed(model, samples, asked.timesteps, weight_bits, bits)
    bits = network.input_bits
    names = None if links is None else [link.name for link in links]
    known = {"name": type(model).__name__, "framework": f"torch {torch.__version__}"} | dict(asked.about)
    integers = network_of(network, image, bits, names)
    values = channels_last(samples.integers(0, len(samples.labels)), Source("input", (), image, 1.0, bits, False))
    trace = make.first_spike(integers, values, samples.labels, asked.recorded, **known)
    return trace, _compared(trace, network, model, samples, links is None, asked.allow_drift)


@torch.no_grad()
def _timed(
    model: nn.Module, samples: Samples, timesteps: int | None, weight_bits: int, bits: int
) -> tuple[TimedNetwork, list[Link] | None, Shape]:
    """The network that fires once, the layers that it was converted from if so, and the shape of its inputs."""
    sizes = samples.raw.shape[1:]
    if len(sizes) not in (1, 3):
        raise UsageError(f"inputs: wanted [sample, channel, y, x] or [sample, n], found {samples.raw.shape}")
    image = (1, 1, sizes[0]) if len(sizes) == 1 else (sizes[1], sizes[2], sizes[0])
    if isinstance(model, TimedNetwork):
        window = model.timed()[0].timing.window
        if timesteps not in (None, window):
            raise UsageError(f"timesteps: wanted {window}, the ticks of the network's windows, got {timesteps}")
        if weight_bits not in (MOST_WEIGHT_BITS, own := model.timed()[0].bits):
            raise UsageError(f"weight_bits: wanted {own}, those of the network, got {weight_bits}")
        if model.input_bits < bits:
            raise UsageError(f"inputs: wanted whole numbers of {model.input_bits} bits, the network's, found {bits}")
        return model, None, image
    if timesteps is None:
        raise UsageError("timesteps: wanted how many ticks a layer has to fire in; 8 to 32 are usual")
    window = arguments.within("timesteps", timesteps, 2, MAX_WINDOW)
    links = chain_of(model, real(samples, slice(1), model))
    few = real(samples, slice(_CALIBRATION), model)
    highest = highest_sums([each.flatten() for each in sums(links, few)], PERCENTILE)
    for link, top in zip(links, highest, strict=True):
        if top <= 0:
            raise TraceError(f"module '{link.name}' ({type(link.op).__name__}): gives nothing above 0 on these inputs")
    top = ((1 << bits) - 1) * samples.numbers.unit
    windows = Windows(window, window, weight_bits)
    return converted([link.op for link in links], windows, highest, bits, top), links, image


def real(samples: Samples, of: slice, model: nn.Module) -> torch.Tensor:
    """Inputs as a model takes them, of the whole numbers that they have become."""
    start, stop, _ = of.indices(len(samples.labels))
    like = next(model.parameters())
    return torch.from_numpy(samples.integers(start, stop).astype(np.float64) * samples.numbers.unit).to(like)


@torch.no_grad()
def _compared(
    trace: FirstSpikeTrace,
    network: TimedNetwork,
    model: nn.Module,
    samples: Samples,
    as_it_is: bool,
    allow_drift: float | None,
) -> str:
    """Spikes of the first samples beside those of unrounded weights, and what is right of all in both."""
    first, counts = min(SAMPLES_COMPARED, trace.n_samples), {}
    raw = torch.from_numpy(samples.integers(0, first).astype(np.int64))
    exact = copy.deepcopy(network).cpu().double()
    for (name, times), firing in zip(trace.times.items(), exact.firings(raw, rounded=as_it_is), strict=True):
        wanted = _times(firing.tick.numpy(), trace.network.window)
        found, moved = times[:first], wanted != times[:first]
        fired = int((wanted != SILENT).sum())
        counts[name] = int((moved & (wanted != SILENT)).sum() + (moved & (found != SILENT)).sum()), fired
    right = 0
    for start in range(0, len(samples.labels), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        if as_it_is:
            values = torch.from_numpy(samples.integers(*part.indices(len(samples.labels))[:2]).astype(np.int64))
            logits = network(values)[0]
        else:
            logits = model(real(samples, part, model))
        right += int((logits.argmax(1).cpu().numpy() == samples.labels[part]).sum())
    accuracy = trace.decisions["test"].accuracy
    return check_drift(drift_of_counts(counts, accuracy, right / len(samples.labels)), allow_drift)


def _times(ticks: NDArray[Any], window: int) -> NDArray[np.int16]:
    """Ticks [sample, channel(, y, x)] as times of a trace [sample, y, x, channel]."""
    times: NDArray[np.int16] = np.where(ticks < window, ticks, SILENT).astype(np.int16)
    return times.transpose(0, 2, 3, 1) if times.ndim == 4 else times[:, None, None]
