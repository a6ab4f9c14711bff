"""The golden semantics of first spikes against a naive twin and against what they are to mean."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from traces.ttfs import cases

from hwsim.errors import TraceError
from hwsim.traces.network.layers import Add, Network, Pool
from hwsim.traces.network.window import Window
from hwsim.traces.ttfs.check import check_first_spike
from hwsim.traces.ttfs.golden import decide, execute_first_spike, layer_times
from hwsim.traces.ttfs.trace import input_times

NETWORKS = {
    "barrier": cases.perceptron,
    "overlap": lambda: cases.perceptron(start=3),
    "lasting": lambda: cases.perceptron(psp="lasting", start=5),
    "lasting without ramp": lambda: cases.perceptron(psp="lasting", ramp=0),
    "no ramp": lambda: cases.perceptron(ramp=0, start=2),
    "few bits": lambda: cases.perceptron(slope_bits=8, potential_bits=11, start=4),
    "4-bit weights": lambda: cases.perceptron(bits=4, ramp=5),
    "one hidden layer more": lambda: cases.perceptron((10, 8, 7, 3), window=5),
    "convolutions": cases.convolutions,
    "overlapping convolutions": lambda: cases.convolutions(start=2, psp="lasting"),
}


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("density", [0.2, 0.9])
def test_execution_equals_one_neuron_after_another(name, density):
    network = NETWORKS[name]()
    values = cases.pixels(network.network.input.shape, 4, density, seed=3)
    run = execute_first_spike(network, values)
    times, classes = cases.naive(network, values)
    for layer, expected in times.items():
        np.testing.assert_array_equal(run.times[layer], expected, err_msg=layer)
    np.testing.assert_array_equal(run.classes, classes)


def test_the_cases_fire_and_stay_silent_and_saturate():
    """Else the comparison above would compare nothing."""
    fired = np.concatenate(
        [(cases.recorded(make(), 6).times["fc1"] >= 0).ravel() for make in list(NETWORKS.values())[:6]]
    )
    assert 0.1 < fired.mean() < 0.9
    tight, wide = cases.recorded(NETWORKS["few bits"]()), cases.recorded(cases.perceptron(start=4))
    assert any((tight.times[name] != wide.times[name]).any() for name in tight.times)


@pytest.mark.parametrize(
    ("value", "time"), [(0, -1), (255, 0), (1, 7), (18, 7), (19, 6), (128, 3), (127, 4), (237, 0), (236, 1)]
)
def test_inputs_fire_the_earlier_the_larger(value, time):
    """T = 8: (1 - x / 255) * 7, rounded half up."""
    assert input_times(np.array([value], np.uint8), 8, 8)[0] == time
    if value:
        assert abs((1 - value / 255) * 7 - time) <= 0.5


@pytest.mark.parametrize("window", [2, 8, 32])
def test_a_barrier_is_a_rounded_relu(window):
    """T - t = z / ramp to the nearest integer, clipped to 0 (silent) and T."""
    network = cases.perceptron((20, 50, 3), window=window, seed=5)
    values = cases.pixels((1, 1, 20), 40, seed=2)
    first, weights = network.neurons["fc1"], network.network["fc1"].weights.values[0, 0].astype(int)
    times = input_times(values, 8, window).reshape(40, 20).astype(int)
    z = np.where(times >= 0, window - times, 0) @ weights + network.network["fc1"].bias
    expected = np.clip(np.floor(z / first.ramp + 0.5), 0, window)
    found = execute_first_spike(network, values).times["fc1"].reshape(40, 50)
    # An odd ramp has no half: the threshold is then half a step of the potential lower.
    on_the_edge = (2 * z) % (2 * first.ramp) == first.ramp - first.ramp % 2
    np.testing.assert_array_equal(np.where(found >= 0, window - found, 0)[~on_the_edge], expected[~on_the_edge])
    assert 0 < (found >= 0).mean() < 1


def test_a_barrier_decides_for_the_highest_weighted_sum():
    """The first output spike, with its ties, is that of the class with the largest z."""
    network = cases.perceptron((12, 9, 6), window=4, seed=8)
    trace = cases.recorded(network, 200, seed=4)
    hidden = trace.times["fc1"].reshape(200, 9).astype(int)
    z = np.where(hidden >= 0, 4 - hidden, 0) @ network.network["fc2"].weights.values[0, 0].astype(int)
    z += network.network["fc2"].bias
    np.testing.assert_array_equal(trace.decisions["recorded"].classes, z.argmax(axis=1))


@pytest.mark.parametrize(
    ("times", "potentials", "decision"),
    [
        ([3, 1, 2], [9, 1, 5], 1),  # the first
        ([2, 1, 1], [9, 5, 6], 2),  # of several the highest
        ([1, 1, 1], [5, 6, 6], 1),  # then the lowest index
        ([-1, -1, 5], [9, 9, 1], 2),  # who fires comes before who does not
        ([-1, -1, -1], [-4, -3, -3], 1),  # nobody: the highest
    ],
)
def test_decisions(times, potentials, decision):
    assert decide(np.array([times], np.int16), np.array([potentials], np.int32))[0] == decision


def test_the_order_of_neurons_of_a_layer_does_not_matter():
    network = cases.perceptron((12, 9, 4), seed=1)
    layer = network.network["fc1"]
    order = np.random.default_rng(0).permutation(9)
    shuffled = replace(
        layer,
        weights=replace(layer.weights, values=np.ascontiguousarray(layer.weights.values[..., order])),
        bias=layer.bias[order],
    )
    other = replace(network, network=Network((network.network.input, shuffled, network.network["fc2"])))
    source = input_times(cases.pixels((1, 1, 12), 5), 8, network.window)
    one, potentials = layer_times(network, layer, source)
    two, shuffled_potentials = layer_times(other, shuffled, source)
    np.testing.assert_array_equal(one[..., order], two)
    np.testing.assert_array_equal(potentials[..., order], shuffled_potentials)


def changed(key, value, layer="fc1"):
    network = cases.perceptron()
    return replace(network, neurons=dict(network.neurons) | {layer: replace(network.neurons[layer], **{key: value})})


def with_layers(*layers):
    network = cases.perceptron()
    return replace(network, network=Network((network.network.input, *layers)))


BASE = cases.perceptron().network


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (changed("v_threshold", 0), "layer 'fc1': wanted v_threshold from 1 to"),
        (changed("v_threshold", 1 << 25), "layer 'fc1': wanted v_threshold from 1 to 33554431, found 33554432"),
        (changed("ramp", -1), "layer 'fc1': wanted ramp from 0 to"),
        (changed("start", 0), "layer 'fc1': wanted start from 1 to 8, found 0"),
        (changed("start", 9), "layer 'fc1': wanted start from 1 to 8, found 9"),
        (changed("slope_bits", 32), "layer 'fc1': wanted slope_bits from 2 to 31, found 32"),
        (changed("potential_bits", 9), "layer 'fc1': wanted v_threshold from 1 to 255"),
        (replace(cases.perceptron(), window=1), "window: wanted 2 to 1024 ticks, found 1"),
        (replace(cases.perceptron(), psp="long"), "psp: wanted one of windowed, lasting, found 'long'"),
        (replace(cases.perceptron(), neurons={}), "neurons: wanted one entry for each of fc1, fc2, found "),
        (
            with_layers(Pool("pool", ("input",), (1, 1, 12), "avg", Window())),
            "layer 'pool': wanted a Conv2d, Linear or",
        ),
        (
            with_layers(BASE["fc1"], Add("add", ("fc1", "fc1"), (1, 1, 9), (1, 1), None), BASE["fc2"]),
            "layer 'add': wanted a Conv2d",
        ),
        (with_layers(BASE["fc1"], replace(BASE["fc2"], inputs=("input",))), "layer 'fc2': wanted the layer before it"),
        (with_layers(BASE["fc1"]), "neurons: wanted one entry for each of fc1, found fc1, fc2"),
    ],
)
def test_a_network_that_breaks_a_rule_is_refused(network, message):
    with pytest.raises(TraceError) as caught:
        check_first_spike(network)
    assert str(caught.value).startswith(message)
    assert str(caught.value).isprintable()


def test_inputs_of_another_shape_are_refused():
    with pytest.raises(TraceError, match="inputs: wanted uint8"):
        execute_first_spike(cases.perceptron(), np.zeros((2, 1, 1, 11), np.uint8))
