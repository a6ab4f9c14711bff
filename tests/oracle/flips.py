"""Costs of single spikes by brute force: each is turned by itself, and the whole machine is asked again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwsim import api
from hwsim.oracle import Oracle
from hwsim.traces.planes import unpack_channels
from hwsim.traces.trace import Inputs


def oracle_of(spec, trace, objective, **more):
    """An oracle of a specification that no file has."""
    return Oracle(replace(api.load_architecture(spec.machine), spec=spec), trace, objective=objective, **more)


def repeated(trace, times):
    """A trace's first sample so many times."""
    spikes = {name: each.each(lambda words: np.repeat(words[:1], times, axis=0)) for name, each in trace.spikes.items()}
    inputs = trace.inputs
    if inputs is not None:
        inputs = Inputs(*(np.repeat(getattr(inputs, n)[:1], times, axis=0) for n in ("values", "labels", "sample_ids")))
    return replace(trace, spikes=spikes, inputs=inputs)


def turned(oracle, trace, layer, most, rng):
    """Differences of the objective, with a spike minus without, of up to `most` spikes of a layer of the first sample.

    Returns them [flip] with the places [flip, (timestep, place, channel)].
    """
    packed = trace.spikes[layer]
    bits = unpack_channels(packed.words[:1], packed.shape[2])[0]
    places = np.argwhere(np.ones_like(bits, dtype=bool))
    if len(places) > most:
        places = places[rng.permutation(len(places))[:most]]
    many = repeated(trace, len(places) + 1)
    words = many.spikes[layer].words
    for i, (t, place, channel) in enumerate(places, start=1):
        words[i, t, place, channel // 64] ^= np.uint64(1) << np.uint64(channel % 64)
    found = oracle(many.spikes, many.inputs).values
    signs = np.array([-1 if bits[tuple(place)] else 1 for place in places])
    return (found[1:] - found[0]) * signs, places


def compared(oracle, trace, most=400, seed=0):
    """Slopes and differences of all layers: {layer: (slopes [flip], differences [flip])}."""
    rng, one = np.random.default_rng(seed), repeated(trace, 1)
    _, slopes = oracle.slopes(one.spikes, one.inputs)
    found = {}
    for name, packed in one.spikes.items():
        differences, places = turned(oracle, one, name, most, rng)
        if name not in slopes:
            found[name] = np.zeros(len(places)), differences
            continue
        shape = (1, trace.timesteps, packed.shape[0] * packed.shape[1], packed.shape[2])
        whole = np.broadcast_to(slopes[name], shape)[0]
        found[name] = np.array([whole[tuple(place)] for place in places], np.float64), differences
    return found


def together(found):
    """Slopes and differences of all layers side by side."""
    return (np.concatenate([each[i] for each in found.values()]) for i in range(2))


def cosine(found):
    """Of slopes and differences of all layers, and the relative error."""
    slopes, differences = together(found)
    size = np.linalg.norm(differences)
    return float(slopes @ differences / (np.linalg.norm(slopes) * size)), float(
        np.linalg.norm(slopes - differences) / size
    )
