"""What both sides are given: traces that hwsim plays, and the same spikes, weights and layers as plain arrays.

A workload is a folder: `hwsim/BATCH/NNN.npz` are traces of BATCH samples, each of other spikes than any before; what a
peer reads lies beside them.  Trace 000 warms up and is not timed.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.direct.golden import Execution, execute
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.direct.trace import Trace
from hwsim.traces.io import write_trace
from hwsim.traces.network.layers import Conv2d, Flatten, Input, Linear, Network, StoredWeights
from hwsim.traces.network.weights import weights_of
from hwsim.traces.network.window import Window
from hwsim.traces.planes import pack_channels, unpack_channels
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs, Logits, PackedSpikes

BATCH = 16
TIMESTEPS = 100
SIZES = (784, 512, 512, 10)
INPUT_RATE = 0.1
HELD_OUT = 32
_THRESHOLDS = {"fc2": 180, "fc3": 60}


def write_spiking(folder: Path, calls: int) -> None:
    """784-512-512-10 over 100 timesteps, a tenth of the inputs spiking, neurons that integrate and reset to zero.

    hwsim knows no network whose raw input spikes at random, so the 784 inputs are the first spiking layer of a network
    of one raw pixel; their spikes are those of `hwsim trace synth`.  The other layers' are what the network gives.
    """
    drawn = synthesize(
        f"mlp:1-{'-'.join(map(str, SIZES))}",
        TIMESTEPS,
        HELD_OUT + (calls + 1) * (1 + BATCH),
        {"fc1": INPUT_RATE, "fc2": 0.0, "fc3": 0.0},
        seed=1,
    )
    trace = _executed(drawn)
    held_out, played = _part(trace, slice(0, HELD_OUT)).logits["recorded"], slice(HELD_OUT, None)
    trace = _part(trace, played)
    trace = replace(trace, logits=trace.logits | {"calibration": replace(held_out, split="held out")})
    singles = calls + 1
    for call in range(singles):
        _write(folder, 1, call, _part(trace, slice(call, call + 1)))
        start = singles + call * BATCH
        _write(folder, BATCH, call, _part(trace, slice(start, start + BATCH)))
    layers = trace.network.layers[2:]
    arrays = {f"weights{place}": weights_of(layer)[0, 0] for place, layer in enumerate(layers)}
    arrays |= {f"threshold{place}": np.int64(_THRESHOLDS[layer.name]) for place, layer in enumerate(layers[:-1])}
    spikes = unpack_channels(trace.spikes["fc1"].words[:singles, :, 0], SIZES[0])
    np.savez(folder / "spiking.npz", spikes=spikes, **arrays)


def execute_behind(network: Network, words: NDArray[np.uint64]) -> Execution:
    """What the layers behind fc1 give for its spikes in one sample, uint64 [timestep, position, word]."""
    fc1, *layers = network.layers[1:]
    behind = Network((Input("fc1", (), fc1.shape, 1), *layers))
    spikes = unpack_channels(words[:, 0], SIZES[0]).astype(np.int32).reshape(len(words), 1, *fc1.shape)
    return execute(behind, np.zeros((1, *fc1.shape), np.uint8), len(words), encode=lambda _, t: spikes[t])


def write_vgg9(folder: Path, calls: int) -> None:
    """The VGG-9 of SpikeSim's published estimate at T = 5, a tenth of the neurons spiking."""
    trace = synthesize("vgg9-spikesim", 5, (calls + 1) * (1 + BATCH), 0.1, seed=1)
    for call in range(calls + 1):
        _write(folder, 1, call, _part(trace, slice(call, call + 1)))
        start = calls + 1 + call * BATCH
        _write(folder, BATCH, call, _part(trace, slice(start, start + BATCH)))


def write_convolution(folder: Path, calls: int) -> None:
    """A convolution of 3 x 3 x 8 to 16 on 12 x 12 pixels, and a classifier all of whose inputs spike: dense work."""
    rng = np.random.default_rng(1)
    size, n_in, n_out, classes = 12, 8, 16, 10
    side = size - 2
    neuron = synthesize("mlp:1-1-1", 1, 1, 1.0).network["fc1"].neuron
    convolution = Conv2d(
        "conv",
        ("input",),
        (side, side, n_out),
        Window.square(3),
        1,
        _weights(rng, (3, 3, n_in, n_out)),
        None,
        replace(neuron, v_threshold=np.zeros(n_out, np.int64)),
    )
    flat = Flatten("flat", ("conv",), (1, 1, side * side * n_out))
    classifier = Linear(
        "fc", ("flat",), (1, 1, classes), _weights(rng, (1, 1, side * side * n_out, classes)), None, None
    )
    network = Network((Input("input", (), (size, size, n_in), 8), convolution, flat, classifier))
    for batch in (1, BATCH):
        for call in range(calls + 1):
            _write(folder, batch, call, _dense(network, batch, rng))
    layers = [
        {"name": "conv", "height": size, "width": size, "kernel": 3, "channels": n_in, "filters": n_out},
        {"name": "fc", "height": 1, "width": 1, "kernel": 1, "channels": side * side * n_out, "filters": classes},
    ]
    (folder / "layers.json").write_text(json.dumps(layers))


def _executed(drawn: Trace) -> Trace:
    """The same input spikes, other neurons, and what the network behind the inputs gives for them."""
    layers = list(drawn.network.layers)
    for place, layer in enumerate(layers):
        if layer.name in _THRESHOLDS:
            threshold = np.full(layer.shape[2], _THRESHOLDS[layer.name], np.int64)
            neuron = replace(layer.neuron, leak=1, leak_bits=0, fraction_bits=0, reset="hard", v_threshold=threshold)
            layers[place] = replace(layer, neuron=neuron)
    network = Network(tuple(layers))
    parts = [execute_behind(network, words) for words in drawn.spikes["fc1"].words]
    packed = {
        name: PackedSpikes(np.concatenate([part.spikes[name].words for part in parts]), network[name].shape)
        for name in _THRESHOLDS
    }
    logits = np.concatenate([part.logits for part in parts])
    labels = logits.sum(axis=1).argmax(axis=1)
    return replace(
        drawn,
        network=network,
        spikes={"fc1": drawn.spikes["fc1"], **packed},
        inputs=replace(drawn.inputs, labels=labels),
        logits={"recorded": replace(drawn.logits["recorded"], values=logits, labels=labels)},
        provenance=replace(
            drawn.provenance,
            recipe=None,
            command="",
            notes="spikes of fc1 drawn; the layers behind it executed with neurons that integrate and reset to zero",
        ),
    )


def _part(trace: Trace, which: slice) -> Trace:
    """Some of the samples; the recipe of a synthetic trace, which draws others, goes."""
    inputs = Inputs(trace.inputs.values[which], trace.inputs.labels[which], trace.inputs.sample_ids[which])
    logits = trace.logits["recorded"]
    recorded = replace(logits, values=logits.values[which], labels=logits.labels[which], sample_ids=inputs.sample_ids)
    return replace(
        trace,
        spikes={name: PackedSpikes(packed.words[which], packed.shape) for name, packed in trace.spikes.items()},
        inputs=inputs,
        logits=trace.logits | {"recorded": recorded},
        provenance=replace(trace.provenance, recipe=None),
    )


def _dense(network: Network, samples: int, rng: np.random.Generator) -> Trace:
    """One timestep of samples of drawn pixels in which every neuron fires."""
    convolution = network["conv"]
    values = rng.integers(1, 256, (samples, *network.input.shape), dtype=np.uint8)
    labels, ids = np.zeros(samples, np.int64), np.arange(samples)
    height, width, channels = convolution.shape
    spikes = pack_channels(np.ones((samples, 1, height * width, channels), np.uint8))
    logits = rng.integers(-64, 64, (samples, 1, 10), dtype=np.int32)
    return Trace(
        network,
        1,
        {"conv": PackedSpikes(spikes, convolution.shape)},
        Inputs(values, labels, ids),
        {"recorded": Logits(logits, 1.0, labels, ids, "synthetic")},
        Provenance("convolution", "none", "synthetic", "CC0-1.0", "", "", 1, True, (), notes="every neuron fires"),
    )


def _weights(rng: np.random.Generator, shape: tuple[int, ...]) -> StoredWeights:
    return StoredWeights(rng.integers(-7, 8, shape, dtype=np.int8), 4, np.ones(shape[-1], np.float32))


def _write(folder: Path, batch: int, call: int, trace: Trace) -> None:
    place = folder / "hwsim" / str(batch)
    place.mkdir(parents=True, exist_ok=True)
    write_trace(place / f"{call:03d}.npz", trace)
