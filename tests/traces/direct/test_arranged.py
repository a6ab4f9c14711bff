"""Layers side by side and upsampled maps: what they give, what is refused, and that files keep them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from traces.direct.networks import Sketch, trace_of
from traces.direct.test_check import refused

from hwsim import make, simulate
from hwsim.contract.maps import pieces
from hwsim.errors import UsageError
from hwsim.traces import Concat, Linear, Network, Upsample, read_trace, verify, write_trace
from hwsim.traces.direct.golden import execute
from hwsim.traces.manifest import version_of


def looked_through(arrange):
    """A network that fires where its input, arranged by `arrange(sketch)`, is one: its spikes are what is arranged."""
    sketch = Sketch((2, 2, 3), bits=1)
    arrange(sketch)
    height, width, channels = sketch.last.shape
    sketch.conv(channels, kernel=1, padding=0, groups=channels, bits=2, neuron=None)
    neuron = dataclasses.replace(sketch.neuron(channels), leak=0, v_threshold=np.zeros(channels, np.int64))
    sketch.layers[-1] = dataclasses.replace(sketch.last, neuron=neuron)
    sketch.last.weights.values[:] = 1
    sketch.flatten()
    sketch.linear(2, neuron=None)
    return sketch.network(), (height, width, channels)


def spikes_of(network, shape, inputs):
    words = execute(network, inputs, 1).spikes[network.spiking()[0].name].words[:, 0]
    bits = [(words[..., c // 64] >> np.uint64(c % 64)) & np.uint64(1) for c in range(shape[2])]
    return np.stack(bits, axis=-1).reshape(len(inputs), *shape)


INPUTS = np.random.default_rng(3).integers(0, 2, (4, 2, 2, 3), dtype=np.uint8)


def test_layers_side_by_side_are_those_of_numpy():
    network, shape = looked_through(lambda sketch: sketch.concat("input", sketch.pool("max", 1, 1), "input"))
    assert np.array_equal(spikes_of(network, shape, INPUTS), np.concatenate([INPUTS] * 3, axis=3))


def test_nearest_neighbours_are_those_of_numpy():
    network, shape = looked_through(lambda sketch: sketch.upsample(3, 2))
    assert np.array_equal(spikes_of(network, shape, INPUTS), INPUTS.repeat(3, axis=1).repeat(2, axis=2))


def both():
    sketch = Sketch((2, 3, 1), bits=2)
    first = sketch.conv(2)
    sketch.concat(first, sketch.conv(70, source=first), first)
    sketch.upsample(2, 1)
    sketch.conv(3, bits=3)
    sketch.flatten()
    sketch.linear(2, neuron=None)
    return sketch.network()


def test_a_file_keeps_them_in_version_3(tmp_path):
    trace = trace_of(both())
    assert version_of(trace) == 3
    write_trace(tmp_path / "t.npz", trace)
    found = read_trace(tmp_path / "t.npz")
    kept = [layer for layer in found.network if isinstance(layer, Concat | Upsample)]
    assert kept == [layer for layer in trace.network if isinstance(layer, Concat | Upsample)]
    assert verify(found).ok


def test_a_chain_of_many_is_looked_through_in_one_pass():
    sketch = Sketch((1, 1, 1), bits=1)
    for _ in range(3000):
        sketch.upsample(1, 1)
    sketch.linear(2)
    sketch.linear(2, neuron=None)
    network = sketch.network()
    assert [piece.map for piece in pieces(network, sketch.layers[3000].name)] == ["input"]
    simulate("digital", make.direct(network, np.ones((1, 1, 1, 1), np.uint8), [0], 1))


def changed(name, **changes):
    layers = (dataclasses.replace(each, **changes) if each.name == name else each for each in both())
    return refused(Network(tuple(layers)))


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("concat3", {"inputs": ("conv1",)}, "layer 'concat3': wanted 2 or more inputs, found 1"),
        ("concat3", {"shape": (2, 3, 72)}, "layer 'concat3': wanted shape (2, 3, 74) from inputs"),
        ("upsample4", {"factor": (0, 1)}, "layer 'upsample4': wanted a factor of rows and one of columns, each from 1"),
        ("upsample4", {"factor": (2, 2)}, "layer 'upsample4': wanted shape (4, 6, 74) from inputs (2, 3, 74), found"),
    ],
)
def test_what_the_message_says(name, changes, message):
    assert changed(name, **changes).startswith(message)


def test_maps_of_other_sizes_and_currents_do_not_lie_side_by_side():
    sketch = Sketch((4, 4, 1))
    first = sketch.conv(2)
    pooled = sketch.pool()
    sketch.add(Concat("both", (first, pooled), (4, 4, 4)))
    sketch.flatten()
    sketch.linear(2, neuron=None)
    assert refused(sketch.network()).endswith("wanted inputs of one height and width, found (4, 4, 2), (2, 2, 2)")
    sketch = Sketch((4, 4, 1))
    currents = sketch.conv(2, neuron=None)
    sketch.concat("input", currents)
    sketch.flatten()
    sketch.linear(2)
    sketch.linear(2, neuron=None)
    assert refused(sketch.network()) == "layer 'concat2': wanted activations, found the currents of 'conv1'"


def test_a_spike_under_an_upsampled_map_meets_every_window_over_its_places():
    """2 x 3 places of 4 x 6 under 3 x 3 windows: rows meet 2 and 3 of them, columns 2, 3 and 3, each 5 sums."""
    sketch = Sketch((2, 2, 1), bits=1, over_time=True)
    sketch.upsample(2, 3)
    sketch.conv(5)
    sketch.flatten()
    sketch.linear(2, neuron=None)
    trace = make.events(sketch.network(), np.array([[[[[1], [0]], [[0], [0]]]]], np.uint8), [0])
    after = int(np.bitwise_count(trace.spikes["conv2"].words).sum())
    for machine in ("imc", "digital"):
        assert simulate(machine, trace).runs[0].operations["AC"] == (2 + 3) * (2 + 3 + 3) * 5 + after * 2


def test_a_machine_of_first_spikes_names_the_layer():
    sketch = Sketch((1, 1, 2), bits=1)
    sketch.concat("input", "input")
    sketch.linear(2, neuron=None)
    layer = sketch.layers[-1]
    assert isinstance(layer, Linear)
    plain = dataclasses.replace(sketch.neuron(2), leak=1, leak_bits=0)
    sketch.layers[-1] = dataclasses.replace(layer, neuron=plain)
    sketch.linear(2, neuron=None)
    trace = make.rate(sketch.network(), np.ones((1, 1, 1, 2), np.uint8), [0], 2)
    with pytest.raises(UsageError, match="layer 'concat1': the machine has convolutions of one group and linear"):
        simulate("ttfs", trace, set={"coding": "rate"})
