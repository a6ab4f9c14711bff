"""Synthetic sequence traces: spiking LSTMs of stated sizes with spikes drawn at stated rates, which follow no dynamics.

Every word is a function of (seed, place, sample, element, timestep), so that fewer samples, elements or timesteps of
the same seed are a prefix of more, on every machine.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hwsim import arguments
from hwsim.errors import UsageError, guess
from hwsim.kernels.counter_rng import RATE_BITS, bernoulli_words, random_words, stream_key
from hwsim.memory import require
from hwsim.printable import shortened
from hwsim.traces.network.geometry import n_words
from hwsim.traces.provenance import Provenance, Recipe
from hwsim.traces.sequence.trace import (
    NEURONS,
    GateUnits,
    LstmLayer,
    Readout,
    SequenceInputs,
    SequenceNetwork,
    SequenceSpikes,
    SequenceTrace,
)
from hwsim.traces.trace import Logits

PREFIX = "lstm:"
_FORM = "lstm:ELEMENTSxFEATURES-HIDDEN[-HIDDEN...]-CLASSES, such as lstm:28x28-128-10"
_NUMBERS = re.compile(r"([0-9]{1,5})x([0-9]{1,5})((?:-[0-9]{1,5}){2,9})")
_LARGEST = {"timesteps": 4096, "samples": 2**19, "elements": 2**14, "features": 4096, "width": 4096}
_SAMPLE, _ELEMENT, _TIMESTEP = 40, 24, 12  # places in a counter; words count below them
_SIGNED = ("candidate", "cell")
_NEGATIVE = 1 << (RATE_BITS - 1)  # half of the signed spikes
_WEIGHT_BITS = 8

Words = NDArray[np.uint64]


def sequence_network(geometry: str, seed: int) -> SequenceNetwork:
    """The network that a geometry stands for, 8-bit weights drawn by `seed`.

    Raises UsageError for a geometry of another form or of sizes out of range.
    """
    match = _NUMBERS.fullmatch(geometry.removeprefix(PREFIX))
    if match is None:
        raise UsageError(f"geometry: wanted {_FORM}, found '{shortened(geometry)}'")
    elements, features, *widths = int(match[1]), int(match[2]), *map(int, match[3].split("-")[1:])
    for what, value in (("elements", elements), ("features", features), *(("width", width) for width in widths)):
        if not 1 <= value <= _LARGEST[what]:
            raise UsageError(f"geometry: wanted {what} from 1 to {_LARGEST[what]}, found {value} in '{geometry}'")
    *hidden, classes = widths
    n_weights = sum(4 * (before + own) * own for before, own in pairwise([features, *hidden])) + hidden[-1] * classes
    require(3 * n_weights, f"a network {shortened(geometry)}")  # and the random numbers that they are made of
    layers = tuple(
        _layer(f"lstm{i}", seed, before, own) for i, (before, own) in enumerate(pairwise([features, *hidden]), start=1)
    )
    weights = _weights(seed, "readout", (hidden[-1], classes))
    readout = Readout(weights, np.zeros(classes, np.int32), _WEIGHT_BITS, "last")
    return SequenceNetwork(elements, features, 8, layers, readout, membrane_carry=False, state_per_step=True)


def _layer(name: str, seed: int, width: int, hidden: int) -> LstmLayer:
    input_weights, hidden_weights = (
        _weights(seed, f"{name}/{kind}", (4, n, hidden)) for kind, n in (("input", width), ("hidden", hidden))
    )
    units = {
        own: GateUnits(
            activation="signed_spike" if own in _SIGNED else "spike",
            bias=np.zeros(hidden, np.int32),
            v_threshold=np.full(hidden, 1 << 10, np.int64),
            leak=15,
            leak_bits=4,
            reset="soft",
            membrane_bits=24,
            input_shift=0,
            hidden_shift=0,
            value_shift=0,
        )
        for own in NEURONS
    }
    return LstmLayer(name, input_weights, hidden_weights, _WEIGHT_BITS, units, fraction_bits=0, state_bits=16)


def _weights(seed: int, name: str, shape: tuple[int, ...]) -> NDArray[np.int8]:
    count = math.prod(shape)
    words = random_words(stream_key(seed, "weights", name), np.arange(-(-count // 8), dtype=np.uint64))
    return words.astype("<u8", copy=False).view(np.int8)[:count].reshape(shape).copy()


def synthesize_sequence(
    geometry: str, timesteps: int, samples: int, rate: float | Mapping[str, float], seed: int = 0
) -> SequenceTrace:
    """A trace of a spiking LSTM with independent Bernoulli spikes, half of the signed ones negative.

    `geometry` is like lstm:28x28-128-10: 28 elements of 28 features, 128 hidden units, 10 classes; more numbers are
    more layers.  `rate` is the probability of a spike per unit and step, the same for all, or one for each recorded
    set such as 'lstm1/hidden'.  Raises UsageError.
    """
    timesteps = arguments.within("timesteps", timesteps, 1, _LARGEST["timesteps"])
    samples = arguments.within("samples", samples, 1, _LARGEST["samples"])
    seed = arguments.whole("seed", seed)
    if not 0 <= seed < 2**64:
        raise UsageError(f"seed: wanted 0 to 2**64 - 1, found {seed}")
    names = recorded_names(geometry)
    rates = dict(rate) if isinstance(rate, Mapping) else dict.fromkeys(names, rate)
    for name, chance in rates.items():
        if name not in names:
            raise UsageError(f"rate: wanted one of {', '.join(names)}, found '{name}'{guess(name, names)}")
        if not 0 <= chance <= 1:
            raise UsageError(f"rate: wanted 0 to 1, found {chance} for '{name}'")
    if missing := [name for name in names if name not in rates]:
        raise UsageError(f"rate: wanted a rate for each of {', '.join(names)}, found none for '{missing[0]}'")
    kept = {name: round(rates[name] * 2**RATE_BITS) / 2**RATE_BITS for name in names}
    return draw_sequence(Recipe(geometry, timesteps, samples, kept, seed, steady=False))


def recorded_names(geometry: str) -> list[str]:
    """Names of what fires in a network of a geometry."""
    return [f"{layer.name}/{neurons}" for layer, neurons in sequence_network(geometry, 0).recorded()]


def draw_sequence(recipe: Recipe) -> SequenceTrace:
    """The trace that a recipe stands for, bit for bit the same every time; raises UsageError for another geometry."""
    network = sequence_network(recipe.geometry, recipe.seed)
    require(_drawn_bytes(recipe, network), f"a trace of {recipe.samples} samples, T = {recipe.timesteps},")
    spikes = {
        f"{layer.name}/{neurons}": _draw_spikes(recipe, network, layer, neurons)
        for layer, neurons in network.recorded()
    }
    ids = np.arange(recipe.samples, dtype=np.int64)
    labels = (_draw(recipe, "labels", 1, 1, 1)[:, 0, 0, 0] % np.uint64(network.n_classes)).astype(np.int64)
    features = network.n_features
    raw = _draw(recipe, "input", network.n_elements, 1, -(-features // 8)).astype("<u8", copy=False)
    values = raw.view(np.int8).reshape(recipe.samples, network.n_elements, -1)[:, :, :features]
    drawn = _draw(recipe, "logits", 1, recipe.timesteps, network.n_classes)[:, 0]
    logits = Logits((drawn >> np.uint64(57)).astype(np.int32), 1.0, labels, ids, "synthetic")
    inputs = SequenceInputs(np.ascontiguousarray(values), labels, ids)
    return SequenceTrace(network, recipe.timesteps, spikes, inputs, {"recorded": logits}, _provenance(recipe))


def _drawn_bytes(recipe: Recipe, network: SequenceNetwork) -> int:
    """Spikes, raw inputs and logits, and the random numbers that those are made of."""
    words = sum(layer.planes(neurons) * n_words(layer.n_hidden) for layer, neurons in network.recorded())
    step = 8 * words * network.n_elements + 20 * network.n_classes
    return recipe.samples * (step * recipe.timesteps + 3 * network.n_elements * network.n_features)


def _counters(recipe: Recipe, elements: int, timesteps: int, words: int) -> Words:
    """Counters [sample, element, timestep, word] that depend on nothing but their own place."""
    sample, element, timestep, word = (
        np.arange(size, dtype=np.uint64) << np.uint64(place)
        for size, place in ((recipe.samples, _SAMPLE), (elements, _ELEMENT), (timesteps, _TIMESTEP), (words, 0))
    )
    counters: Words = sample[:, None, None, None] + element[:, None, None] + timestep[:, None] + word
    return counters


def _draw(recipe: Recipe, name: str, elements: int, timesteps: int, words: int) -> Words:
    return random_words(stream_key(recipe.seed, "uniform", name), _counters(recipe, elements, timesteps, words))


def _draw_spikes(recipe: Recipe, network: SequenceNetwork, layer: LstmLayer, neurons: str) -> SequenceSpikes:
    name, units = f"{layer.name}/{neurons}", layer.n_hidden
    counters = _counters(recipe, network.n_elements, recipe.timesteps, n_words(units))
    fired = bernoulli_words(stream_key(recipe.seed, "spikes", name), counters, round(recipe.rates[name] * 2**RATE_BITS))
    if units % 64:
        fired[..., -1] &= np.uint64((1 << units % 64) - 1)
    planes = [fired]
    if layer.planes(neurons) == 2:
        planes.append(fired & bernoulli_words(stream_key(recipe.seed, "signs", name), counters, _NEGATIVE))
    return SequenceSpikes(np.stack(planes, axis=3), units)


def _provenance(recipe: Recipe) -> Provenance:
    uniform = len(set(recipe.rates.values())) == 1
    rates = [str(next(iter(recipe.rates.values())))] if uniform else [f"{n}={r}" for n, r in recipe.rates.items()]
    return Provenance(
        name=f"lstm-{recipe.geometry.removeprefix(PREFIX)}",
        dataset="none",
        split="synthetic",
        licence="CC0-1.0",
        framework="hwsim trace synth, generator 1",
        command=f"hwsim trace synth {recipe.geometry} OUT.npz --timesteps {recipe.timesteps} "
        f"--samples {recipe.samples} {' '.join(f'--rate {rate}' for rate in rates)} --seed {recipe.seed}",
        seed=recipe.seed,
        synthetic=True,
        accuracy=(),
        notes="independent Bernoulli spikes at the rates of the recipe; no unit produced them",
        recipe=recipe,
    )
