"""A network that cannot be executed exactly is refused, with the layer and the rule."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from traces.direct.networks import Sketch, networks, small_network

from hwsim.errors import TraceError
from hwsim.traces import Flatten, Linear, Network, Pool, SeededWeights, Window, check_network


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks())
def test_valid_networks_pass(network):
    check_network(network)


def with_layer(network, index, **changes):
    layers = list(network.layers)
    layers[index] = dataclasses.replace(layers[index], **changes)
    return Network(tuple(layers))


def refused(network):
    with pytest.raises(TraceError) as caught:
        check_network(network)
    return str(caught.value)


SMALL = small_network()


@pytest.mark.parametrize(
    ("index", "changes", "message"),
    [
        (3, {"name": "conv1"}, "layer 'conv1': wanted a name used once, found it twice"),
        (3, {"name": "a b"}, "name 'a b': wanted 1 to 64 letters"),
        (0, {"bits": 17}, "layer 'input': wanted 1 to 16 input bits, found 17"),
        (1, {"inputs": ("conv1",)}, "layer 'conv1': wanted inputs among the earlier layers, found 'conv1'"),
        (2, {"window": Window.square(2, 0)}, "layer 'pool2': wanted stride from 1 to 1048576, found (0, 0)"),
        (
            2,
            {"window": Window.square(7, 2)},
            "layer 'pool2': wanted shape (0, 0, 20) from inputs (6, 6, 20), found (3, 3, 20)",
        ),
        (1, {"shape": (6, 6, 21)}, "layer 'conv1': wanted weights of shape (3, 3, 1, 21), found (3, 3, 1, 20)"),
        (1, {"bias": np.zeros(20)}, "layer 'conv1': wanted bias int32 (20,), found float64 (20,)"),
        (
            1,
            {"weights": SeededWeights((3, 3, 1, 20), 17, 0)},
            "layer 'conv1': wanted weights of 1 to 16 bits, found 17",
        ),
        (5, {"gains": (1, 1 << 21)}, "layer 'add5': wanted gains from -1048576 to 1048576"),
        (7, {"inputs": ("pool2",)}, "layer 'flatten6': wanted a layer that reads it, found none"),
        (8, {"inputs": ("add5",)}, "layer 'fc7': wanted a layer that reads it, found none"),
        (8, {"neuron": SMALL["conv1"].neuron}, "layer 'fc8': wanted integer logits from the last layer"),
    ],
)
def test_what_the_message_says(index, changes, message):
    assert refused(with_layer(SMALL, index, **changes)).startswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"leak": -1}, "wanted 0 <= leak <= 2**leak_bits"),
        ({"leak_bits": 17}, "wanted 0 <= leak <= 2**leak_bits, leak_bits <= 16"),
        ({"membrane_bits": 33}, "wanted fraction_bits from 0 to 24 and membrane_bits from 2 to 32"),
        ({"fraction_bits": 25}, "wanted fraction_bits from 0 to 24"),
        ({"reset": "late"}, "wanted reset 'soft', 'hard' or 'none', found 'late'"),
        ({"reset": "hard", "v_reset": 1 << 15}, "wanted v_reset 0, or with a hard reset -32768 to 32767, found 32768"),
        ({"v_threshold": np.zeros(3, dtype=np.int64)}, "wanted v_threshold int64 (20,), found int64 (3,)"),
        ({"v_threshold": np.full(20, 1 << 15)}, "wanted v_threshold from 0 to 32767"),
    ],
)
def test_what_the_message_says_of_neurons(changes, message):
    neuron = dataclasses.replace(SMALL["conv1"].neuron, **changes)
    assert refused(with_layer(SMALL, 1, neuron=neuron)).startswith(f"layer 'conv1': {message}")


def test_what_reads_what():
    sketch = Sketch((4, 4, 2))
    sketch.conv(2, neuron=None)
    sketch.pool()
    sketch.flatten()
    sketch.linear(2)
    sketch.linear(2, neuron=None)
    assert refused(sketch.network()) == "layer 'flatten3': wanted activations, found the currents of 'pool2'"
    sketch = Sketch((4, 4, 2))
    sketch.conv(2)
    sketch.sum(["conv1"], [1], neuron=True)
    sketch.flatten()
    sketch.linear(2, neuron=None)
    assert refused(sketch.network()) == "layer 'add2': wanted 2 or more inputs, or one of currents to neurons, found 1"
    sketch = Sketch((4, 4, 2))
    sketch.conv(2)
    sketch.linear(2, neuron=None)
    assert "wanted an input of shape (1, 1, n), found (4, 4, 2); put a Flatten before it" in refused(sketch.network())


def test_activations_are_summed_with_positive_gains_only():
    sketch = Sketch((1, 1, 2))
    sketch.linear(2)
    sketch.sum(["fc1", "input"], [1, -1])
    sketch.linear(2, neuron=None)
    assert refused(sketch.network()).startswith("layer 'add2': wanted gains from 1 to 1048576, not 0, found (1, -1)")


def test_huge_geometry_is_refused_without_being_allocated():
    shape = (1 << 20, 1 << 20, 1)
    pool = Pool("pool", ("input",), (1, 1, 1), "avg", Window.square(1 << 20, 1 << 20))
    fc = Linear("fc", ("pool",), (1, 1, 1 << 20), SeededWeights((1, 1, 1, 1 << 20), 4, 0), None, None)
    network = Network((dataclasses.replace(SMALL.layers[0], shape=shape), pool, fc))
    with pytest.raises(TraceError):
        check_network(network)
    sketch = Sketch((1, 1, 1 << 20))
    weights = SeededWeights((1, 1, 1 << 20, 1 << 20), 4, 0)
    neuron = dataclasses.replace(SMALL["conv1"].neuron, v_threshold=np.zeros(1 << 20, dtype=np.int64))
    sketch.add(Linear("fc1", ("input",), (1, 1, 1 << 20), weights, None, neuron))
    sketch.add(Linear("fc2", ("fc1",), (1, 1, 2), SeededWeights((1, 1, 1 << 20, 2), 4, 0), None, None))
    assert refused(sketch.network()).startswith("layer 'fc1': wanted at most 268435456 weights")


def test_largest_activations_are_known():
    assert [SMALL.max_value(name) for name in ("input", "conv1", "pool2", "add5", "flatten6", "fc7")] == [
        255,
        1,
        4,
        1,
        1,
        1,
    ]
    assert SMALL.gives_currents("conv4")
    assert SMALL.gives_currents("fc8")
    with pytest.raises(ValueError, match="conv4 gives currents"):
        SMALL.max_value("conv4")


def test_a_long_chain_of_residual_sums_takes_linear_time():
    """Each layer reads the one before twice: a recursion over the inputs would take 2**1500 steps."""
    sketch = Sketch((1, 1, 1), bits=1)
    for _ in range(20):
        sketch.sum([sketch.last.name] * 2, [1, 1])
    for _ in range(1500):
        sketch.add(Flatten(sketch.name("same"), (sketch.last.name,), (1, 1, 1)))
    sketch.linear(2)
    sketch.linear(2, neuron=None)
    check_network(sketch.network())
    assert sketch.network().max_value(sketch.layers[-3].name) == 1 << 20
