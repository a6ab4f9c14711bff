"""Spikes where only their numbers are known: drawn uniformly, each neuron of a layer as likely as any other."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.oracle.spikes import array_of, named, same_number
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.geometry import n_words
from hwsim.traces.planes import pack_channels
from hwsim.traces.trace import PackedSpikes


def drawn(trace: Any, counts: Any, draws: int, seed: int) -> dict[str, PackedSpikes]:
    """So many draws of spikes with such counts by layer, [timestep] or [sample, timestep]: samples one after another.

    A count that is no whole number is one of its two neighbours, so that it is the mean.  Raises UsageError
    for counts that a layer cannot have.
    """
    if not isinstance(trace, Trace | RateTrace):
        raise UsageError(f"counts: wanted a network of layers, and this one is of coding {trace.coding}")
    layers = {layer.name: layer for layer in trace.network.spiking()}
    wanted = {
        name: _counts(name, each, trace.timesteps, int(np.prod(layers[name].shape)))
        for name, each in named(counts, layers).items()
    }
    same_number(wanted)
    rng = np.random.default_rng(seed)
    return {name: _placed(rng, np.tile(each, (draws, 1)), layers[name].shape) for name, each in wanted.items()}


def _counts(name: str, given: Any, timesteps: int, neurons: int) -> NDArray[np.float64]:
    values = np.atleast_2d(array_of(name, np.asarray(given)).astype(np.float64))
    if values.ndim != 2 or values.shape[1] != timesteps or not len(values):
        raise UsageError(f"counts, {name}: wanted [{timesteps}] or [samples, {timesteps}], found {list(values.shape)}")
    if not ((values >= 0) & (values <= neurons)).all():
        raise UsageError(f"counts, {name}: wanted 0 to {neurons}, as many neurons as there are, found others")
    return values


def _placed(rng: np.random.Generator, counts: NDArray[np.float64], shape: tuple[int, int, int]) -> PackedSpikes:
    height, width, channels = shape
    words = np.zeros((*counts.shape, height * width, n_words(channels)), np.uint64)
    for at, count in np.ndenumerate(counts):
        whole = int(count) + (rng.random() < count % 1)
        bits = np.zeros(height * width * channels, np.bool_)
        bits[rng.permutation(bits.size)[:whole]] = True
        words[at] = pack_channels(bits.reshape(height * width, channels))
    return PackedSpikes(words, shape)
