"""Synthetic traces: a known geometry with spikes drawn at stated rates; the spikes follow no neuron's dynamics.

Every word is a function of (seed, layer, sample, timestep, place), so that fewer samples or timesteps of the same
recipe are a prefix of more, on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from hwsim import arguments
from hwsim.errors import TraceError, UsageError, guess
from hwsim.kernels.counter_rng import RATE_BITS, bernoulli_words, random_words, stream_key
from hwsim.memory import require
from hwsim.traces.direct.trace import EventTrace, Trace
from hwsim.traces.network.check import check_network
from hwsim.traces.network.drawn import drawn_network
from hwsim.traces.network.footprint import spike_bits
from hwsim.traces.network.geometry import n_words
from hwsim.traces.network.layers import Layer, Network, neuron_of
from hwsim.traces.provenance import Provenance, Recipe
from hwsim.traces.trace import MAX_TIMESTEPS, Inputs, Logits, PackedSpikes, RawValues

MAX_SAMPLES = 2**19
_SAMPLE_SHIFT, _TIMESTEP_SHIFT = 40, 28  # places of sample and timestep in a counter; words count below them
INPUT_RATE = 0.5
_EVIDENCE = 24
LOGIT_SCALE = 1 / 32


def synthesize(
    geometry: str,
    timesteps: int,
    samples: int,
    rate: float | Mapping[str, float],
    seed: int = 0,
    steady: bool = False,
) -> Trace:
    """A trace of a drawn network (see `hwsim.traces.network.drawn`) with independent Bernoulli spikes.

    `rate` is the probability of a spike per neuron and timestep, the same for all layers, or one per spiking layer;
    a mapping may also name the input layer, whose rate is the probability of a set bit (0.5, uniform bytes, if not
    given).  Rates are kept to 2**-16.  A rate of 0 for all layers silences the input too.  `steady` repeats the first
    timestep.  Logits are uniform noise plus evidence for the label at every timestep.  Raises UsageError.
    """
    network = checked_network(geometry, timesteps, samples, seed)
    rates = drawn_rates(network, rate)
    return draw(Recipe(geometry, int(timesteps), int(samples), rates, int(seed), steady))


def checked_network(geometry: str, timesteps: int, samples: int, seed: int) -> Network:
    """The network of a name and a seed; raises UsageError for arguments that are out of range."""
    arguments.within("timesteps", timesteps, 1, MAX_TIMESTEPS)
    arguments.within("samples", samples, 1, MAX_SAMPLES)
    if not 0 <= arguments.whole("seed", seed) < 2**64:
        raise UsageError(f"seed: wanted 0 to 2**64 - 1, found {seed}")
    network = drawn_network(geometry, int(seed))
    try:
        check_network(network)
    except TraceError as error:
        raise UsageError(f"geometry: {error}") from None
    return network


def draw(recipe: Recipe) -> Trace:
    """The trace that a recipe stands for, bit for bit the same every time.

    Raises UsageError for unknown geometries, and for a trace that takes more memory than may be used.
    """
    network = drawn_network(recipe.geometry, recipe.seed)
    require(_drawn_bytes(recipe, network), f"a trace of {recipe.samples} samples, T = {recipe.timesteps},")
    spikes = {layer.name: _draw_packed(recipe, layer) for layer in network.spiking()}
    inputs = draw_inputs(recipe, network)
    labels, ids = inputs.labels, inputs.sample_ids
    recorded = Logits(_draw_logits(recipe, network, labels), LOGIT_SCALE, labels, ids, "synthetic")
    kind = EventTrace if network.input.over_time else Trace
    return kind(network, recipe.timesteps, spikes, inputs, {"recorded": recorded}, _provenance(recipe))


def draw_inputs(recipe: Recipe, network: Network) -> Inputs:
    """Raw samples, each bit of a value set at the input's rate, and labels."""
    shape, bits = network.input.shape, network.input.bits
    steps = (recipe.timesteps,) if network.input.over_time else ()
    n, distinct = math.prod(shape), recipe.timesteps if steps and not recipe.steady else 1
    stored = network.input.dtype
    words = _bernoulli(recipe, network.input.name, -(-n * stored.itemsize // 8), distinct).astype("<u8", copy=False)
    unsigned = np.dtype(f"<u{stored.itemsize}").type
    values: RawValues = words.view(unsigned)[..., :n] & unsigned((1 << bits) - 1)
    if network.input.signed:
        unused = stored.type(8 * stored.itemsize - bits)
        values = values.view(stored) << unused >> unused
    if steps and recipe.steady:
        values = np.repeat(values, recipe.timesteps, axis=1)
    labels = (_uniform(recipe, "labels", 1)[:, 0, 0] % np.uint64(network.n_classes)).astype(np.int64)
    ids = np.arange(recipe.samples, dtype=np.int64)
    return Inputs(np.ascontiguousarray(values).reshape(recipe.samples, *steps, *shape), labels, ids)


def _drawn_bytes(recipe: Recipe, network: Network) -> int:
    """Spikes, raw inputs and logits, and the random numbers that logits are made of."""
    distinct = 1 if recipe.steady else recipe.timesteps
    slots = sum(
        layer.shape[0] * layer.shape[1] * n_words(layer.shape[2]) * spike_bits(layer) for layer in network.spiking()
    )
    logits = (4 * recipe.timesteps + 16 * distinct) * network.n_classes
    inputs = 2 * network.input.dtype.itemsize * math.prod(network.input.shape)
    inputs *= recipe.timesteps if network.input.over_time else 1
    return recipe.samples * (8 * slots * recipe.timesteps + inputs + logits)


def drawn_rates(network: Network, rate: float | Mapping[str, float]) -> dict[str, float]:
    """A rate for the input and every spiking layer, as multiples of 2**-16; raises UsageError for what is no rate."""
    names = [layer.name for layer in network.spiking()]
    if not isinstance(rate, Mapping):
        rate = dict.fromkeys(names, rate) | {network.input.name: INPUT_RATE if rate else 0.0}
    known = [network.input.name, *names]
    for name in rate:
        if name not in known:
            raise UsageError(f"rate: wanted a spiking layer or the input, found '{name}'{guess(name, known)}")
    if missing := [name for name in names if name not in rate]:
        raise UsageError(f"rate: wanted a rate for every spiking layer, found none for '{missing[0]}'")
    rates = {name: rate.get(name, INPUT_RATE) for name in known}
    for name, value in rates.items():
        if not 0 <= value <= 1:
            raise UsageError(f"rate: wanted 0 to 1, found {value} for '{name}'")
    return {name: round(value * 2**RATE_BITS) / 2**RATE_BITS for name, value in rates.items()}


def _counters(recipe: Recipe, words: int, timesteps: int) -> NDArray[np.uint64]:
    """Counters [sample, timestep, word] that depend on nothing but their own place."""
    sample = np.arange(recipe.samples, dtype=np.uint64)[:, None, None] << np.uint64(_SAMPLE_SHIFT)
    timestep = np.arange(timesteps, dtype=np.uint64)[:, None] << np.uint64(_TIMESTEP_SHIFT)
    return sample + timestep + np.arange(words, dtype=np.uint64)


def _bernoulli(recipe: Recipe, name: str, words: int, timesteps: int) -> NDArray[np.uint64]:
    """Bernoulli words [sample, timestep, word] of a layer, a sample at a time to bound the memory for counters."""
    key = stream_key(recipe.seed, "spikes", name)
    rate_units = round(recipe.rates[name] * 2**RATE_BITS)
    drawn = np.empty((recipe.samples, timesteps, words), dtype=np.uint64)
    one = Recipe(recipe.geometry, timesteps, 1, recipe.rates, recipe.seed, recipe.steady)
    counters = _counters(one, words, timesteps)[0]
    for sample in range(recipe.samples):
        drawn[sample] = bernoulli_words(key, counters + np.uint64(sample << _SAMPLE_SHIFT), rate_units)
    return drawn


def _draw_packed(recipe: Recipe, layer: Layer) -> PackedSpikes:
    """Spikes of a layer; half of signed ones are negative."""
    fired, neuron = _draw_spikes(recipe, layer.name, layer.shape), neuron_of(layer)
    if neuron is None or not neuron.signed:
        return PackedSpikes(fired, layer.shape)
    distinct = 1 if recipe.steady else recipe.timesteps
    key = stream_key(recipe.seed, "negative", layer.name)
    signs = random_words(key, _counters(recipe, fired.shape[2] * fired.shape[3], distinct))
    return PackedSpikes(fired, layer.shape, fired & signs.reshape(len(fired), distinct, *fired.shape[2:]))


def _draw_spikes(recipe: Recipe, name: str, shape: tuple[int, int, int]) -> NDArray[np.uint64]:
    height, width, channels = shape
    words = n_words(channels)
    distinct = 1 if recipe.steady else recipe.timesteps
    drawn = _bernoulli(recipe, name, height * width * words, distinct)
    packed = drawn.reshape(recipe.samples, distinct, height * width, words)
    if channels % 64:
        packed[..., -1] &= np.uint64((1 << channels % 64) - 1)
    return np.repeat(packed, recipe.timesteps, axis=1) if recipe.steady else packed


def _uniform(recipe: Recipe, name: str, words: int) -> NDArray[np.uint64]:
    timesteps = 1 if recipe.steady else recipe.timesteps
    return random_words(stream_key(recipe.seed, "uniform", name), _counters(recipe, words, timesteps))


def _draw_logits(recipe: Recipe, network: Network, labels: NDArray[np.int64]) -> NDArray[np.int32]:
    """Integers of -64 .. 63, and 24 more for the label."""
    drawn = _uniform(recipe, "logits", network.n_classes)
    logits = (drawn >> np.uint64(57)).astype(np.int32) - np.int32(64)
    logits[np.arange(recipe.samples), :, labels] += _EVIDENCE
    return np.repeat(logits, recipe.timesteps, axis=1) if recipe.steady else logits


def _provenance(recipe: Recipe) -> Provenance:
    spiking = {name: rate for name, rate in recipe.rates.items() if name != "input"}
    uniform = len(set(spiking.values())) == 1
    rate = f"{next(iter(spiking.values()))}" if uniform else ",".join(f"{name}={r}" for name, r in spiking.items())
    command = (
        f"hwsim trace synth {recipe.geometry} OUT.npz --timesteps {recipe.timesteps} --samples {recipe.samples}"
        f" --rate {rate} --seed {recipe.seed}{' --steady' if recipe.steady else ''}"
    )
    return Provenance(
        name=recipe.geometry,
        dataset="none",
        split="synthetic",
        licence="CC0-1.0",
        framework="hwsim trace synth, generator 1",
        command=command,
        seed=recipe.seed,
        synthetic=True,
        accuracy=(),
        notes="independent Bernoulli spikes at the rates of the recipe; no neuron produced them",
        recipe=recipe,
    )
