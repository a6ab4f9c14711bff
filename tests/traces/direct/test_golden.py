"""The golden kernel equals the rules of `traces.network.layers`, written here once more in plain Python integers."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from traces.direct.networks import Sketch, met, networks, neurons, raw_inputs, small_network

from hwsim.errors import TraceError
from hwsim.kernels.golden import step_neurons
from hwsim.traces import (
    Add,
    Concat,
    Conv2d,
    Flatten,
    Input,
    Linear,
    Network,
    Neuron,
    Pool,
    Readout,
    Upsample,
    neuron_of,
)
from hwsim.traces.direct.golden import execute, levels_of
from hwsim.traces.planes import unpack_channels


def leaked(of, channel, value):
    """What a leak leaves of a state."""
    half = 2 ** (of.leak_bits - 1) if of.leak_bits else 0
    leak = of.leak if isinstance(of.leak, int) else int(of.leak[channel])
    return (value * leak + half) // 2**of.leak_bits


def clamped(neuron, value):
    return max(-(2 ** (neuron.membrane_bits - 1)), min(2 ** (neuron.membrane_bits - 1) - 1, value))


def naive_neuron(neuron, channel, state, current, bias):
    """One neuron, one timestep, as docs/formats/trace.md says: ((membrane, synaptic current, spike before), spike)."""
    v, i, before = state
    drive = current * 2**neuron.fraction_bits + bias
    if neuron.feedback is not None and before:
        drive += before * int(neuron.feedback[channel])
    if neuron.synapse is not None:
        now = clamped(neuron, leaked(neuron.synapse, channel, i) + drive)
        drive, i = (i if neuron.synapse.delayed else now), now
    v, spike = naive_membrane(neuron, channel, v, drive)
    return (v, i, spike), spike


def naive_membrane(neuron, channel, v, drive):
    """The membrane of one neuron under what arrives at it: (membrane, spike)."""
    threshold = int(neuron.v_threshold[channel])

    def is_over(potential):
        return potential >= threshold if neuron.fires_at_threshold else potential > threshold

    def fires(potential):
        if is_over(potential):
            return 1
        return -1 if neuron.signed and is_over(-potential) else 0

    late = fires(v) if neuron.delayed_reset else 0
    if late and neuron.reset == "hard":
        v = neuron.v_reset
    v = leaked(neuron, channel, v) + drive
    if neuron.reset == "soft":
        v -= late * threshold
    if late and neuron.reset_after_sum:
        v = neuron.v_reset
    v = clamped(neuron, v)
    spike = fires(v)
    if spike == 0 or neuron.delayed_reset:
        return v, spike
    return {"soft": v - spike * threshold, "hard": neuron.v_reset, "none": v}[neuron.reset], spike


def naive_integers(layer, sources, gets):
    """The integer that position (y, x), channel c of a layer without its neuron and bias sums up to."""

    def conv(y, x, c):
        weights, total = layer.weights.values, 0
        n_in, n_out = weights.shape[2], layer.shape[2]
        first = c // (n_out // layer.groups) * n_in
        for ky, row in enumerate(met(layer, 0, y)):
            for kx, column in enumerate(met(layer, 1, x)):
                for i in range(n_in):
                    total += int(weights[ky, kx, i, c]) * gets(sources[0], (row, column, first + i))
        return total

    def linear(_y, _x, c):
        values = layer.weights.values
        return sum(int(values[0, 0, i, c]) * gets(sources[0], (0, 0, i)) for i in range(values.shape[2]))

    def pool(y, x, c):
        rows, columns = ([p for p in met(layer, i, at) if 0 <= p < sources[0].shape[i]] for i, at in ((0, y), (1, x)))
        window = [gets(sources[0], (row, column, c)) for row in rows for column in columns]
        return sum(window) if layer.kind == "avg" else max(window)

    def flatten(_y, _x, c):
        _, width, channels = sources[0].shape
        return gets(sources[0], (c // (width * channels), c // channels % width, c % channels))

    def add(y, x, c):
        return sum(g * gets(source, (y, x, c)) for g, source in zip(layer.gains, sources, strict=True))

    def concat(y, x, c):
        for source in sources:
            if c < source.shape[2]:
                return gets(source, (y, x, c))
            c -= source.shape[2]
        raise AssertionError("no such channel")

    def upsample(y, x, c):
        return gets(sources[0], (y // layer.factor[0], x // layer.factor[1], c))

    def votes(_y, _x, c):
        return sum(gets(sources[0], (0, 0, c * layer.votes + i)) for i in range(layer.votes))

    plain = {Flatten: flatten, Concat: concat, Upsample: upsample, Pool: pool}
    return {Conv2d: conv, Linear: linear, Add: add, Readout: votes, **plain}[type(layer)]


def naive_execute(network, sample, timesteps):
    """Spikes {layer: [timestep][place]} and logits [timestep][class] of one raw sample, all in Python integers."""
    values, states = {}, {}
    spikes = {layer.name: [] for layer in network.spiking()}
    logits = []

    def gets(source, place):
        inside = all(0 <= p < size for p, size in zip(place, source.shape, strict=True))
        return values[source.name][place] if inside else 0

    def got_late(source, place):
        return late.get(source.name, {}).get(place, 0)

    for t in range(timesteps):
        before, late = dict(states), dict(values)
        for layer in network:
            places = list(np.ndindex(layer.shape))
            if isinstance(layer, Input):
                now = sample[t] if layer.over_time else sample
                values[layer.name] = {place: int(now[place]) for place in places}
                continue
            if isinstance(layer, Readout) and layer.of != "spikes":
                keys = [(layer.inputs[0], place) for place in places]
                then = before if layer.of == "membrane" else {}
                values[layer.name] = {key[1]: states[key][0] - then.get(key, (0,))[0] for key in keys}
                continue
            how = got_late if getattr(layer, "delayed", False) else gets
            integer = naive_integers(layer, [network[name] for name in layer.inputs], how)
            bias = getattr(layer, "bias", None)
            neuron, given_out = neuron_of(layer), {}
            for place in places:
                b = 0 if bias is None else int(bias[place[2]])
                current = integer(*place)
                if neuron is None:
                    given_out[place] = current + b
                    continue
                state = states.get((layer.name, place), (0, 0, 0))
                states[layer.name, place], given_out[place] = naive_neuron(neuron, place[2], state, current, b)
            values[layer.name] = given_out
            if neuron is not None:
                spikes[layer.name].append(given_out)
        logits.append([values[network.output.name][0, 0, c] for c in range(network.n_classes)])
    return spikes, logits


def agrees(network, inputs, timesteps):
    run = execute(network, inputs, timesteps)
    for n, sample in enumerate(inputs):
        spikes, logits = naive_execute(network, sample, timesteps)
        assert run.logits[n].tolist() == logits
        for layer in network.spiking():
            packed = run.spikes[layer.name]
            found = unpack_channels(packed.words[n], layer.shape[2]).astype(int)
            if packed.negative is not None:
                found -= 2 * unpack_channels(packed.negative[n], layer.shape[2])
            found = found.reshape(timesteps, *layer.shape)
            for t in range(timesteps):
                assert {place: int(found[t][place]) for place in np.ndindex(layer.shape)} == spikes[layer.name][t]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(recurrent=True), st.integers(0, 2**32), st.integers(1, 4))
def test_any_network_runs_as_the_rules_say(network, seed, timesteps):
    inputs = raw_inputs(network, 2, timesteps, seed)
    agrees(network, inputs, timesteps)


@settings(max_examples=60, deadline=None)
@given(neurons(4, plain=True), st.integers(0, 2**32))
def test_neurons_under_changing_currents(neuron, seed):
    """Currents of both signs over many timesteps reach both bounds of the membrane."""
    rng = np.random.default_rng(seed)
    bias = rng.integers(-20, 20, 4, dtype=np.int32)
    spread = int(rng.choice([3, 40, 2**16, 2**31]))
    membrane, spikes = np.zeros((3, 4), dtype=np.int64), np.zeros((3, 4), dtype=np.int8)
    expected = [[0] * 4 for _ in range(3)]
    for _ in range(10):
        currents = rng.integers(-spread, spread, (3, 4)).astype(np.int32)
        leak = np.full(4, neuron.leak, np.int64)
        step_neurons(currents, bias, neuron.v_threshold, leak, levels_of(neuron), membrane, spikes)
        for row, channel in np.ndindex(3, 4):
            drive = int(currents[row, channel]) * 2**neuron.fraction_bits + int(bias[channel])
            v, spike = naive_membrane(neuron, channel, expected[row][channel], drive)
            expected[row][channel] = v
            assert (membrane[row, channel], spikes[row, channel]) == (v, spike)


def one_neuron(weight, **changes):
    """A 1-bit input, one weight, one neuron, one logit."""
    sketch = Sketch((1, 1, 1), bits=1)
    neuron = Neuron(1, 0, np.array([5], dtype=np.int64), "soft", 0, 8)
    sketch.linear(1, neuron=dataclasses.replace(neuron, **changes))
    sketch.linear(1, neuron=None)
    for index, value in ((1, weight), (2, 1)):
        sketch.layers[index].weights.values[:] = value
    return sketch.network()


@pytest.mark.parametrize(
    ("weight", "changes", "spikes"),
    [
        (5, {}, [0, 1, 1, 1]),  # 5 is not above 5; 10 > 5 leaves 5; then 10 again
        (6, {}, [1, 1, 1, 1]),
        (
            3,
            {"leak": 1, "leak_bits": 1},
            [0, 0, 1, 0],
        ),  # 3; (3+1)>>1 + 3 = 5; (5+1)>>1 + 3 = 6 leaves 1; (1+1)>>1 + 3 = 4
        (7, {"reset": "hard", "v_reset": -7}, [1, 0, 1, 0]),
    ],
)
def test_threshold_is_strict_leak_rounds_and_reset_follows(weight, changes, spikes):
    run = execute(one_neuron(weight, **changes), np.ones((1, 1, 1, 1), dtype=np.uint8), 4)
    assert run.logits[0, :, 0].tolist() == spikes


def test_a_membrane_saturates_once_after_the_sum():
    """4-bit membrane, current 7 against threshold 7: never above 7, so never a spike, however long."""
    network = one_neuron(7, v_threshold=np.array([7], dtype=np.int64), membrane_bits=4)
    assert execute(network, np.ones((1, 1, 1, 1), dtype=np.uint8), 5).logits.sum() == 0


def test_samples_do_not_depend_on_their_neighbours():
    network = small_network()
    inputs = np.random.default_rng(1).integers(0, 256, (130, *network.input.shape), dtype=np.uint8)
    together = execute(network, inputs, 2)
    alone = execute(network, inputs[100:101], 2)
    assert np.array_equal(together.logits[100:101], alone.logits)
    for name, packed in alone.spikes.items():
        assert np.array_equal(together.spikes[name].words[100:101], packed.words)


def test_inputs_of_another_shape_or_width_are_refused():
    network = small_network()
    with pytest.raises(TraceError, match=r"inputs: wanted uint8 \(samples, 6, 6, 1\), found uint8 \(1, 5, 6, 1\)"):
        execute(network, np.zeros((1, 5, 6, 1), dtype=np.uint8), 1)
    narrow = Network((Input("input", (), (6, 6, 1), 4), *network.layers[1:]))
    with pytest.raises(TraceError, match="wanted 4-bit integers, found 16"):
        execute(narrow, np.full((1, 6, 6, 1), 16, dtype=np.uint8), 1)


def test_a_network_that_could_overflow_is_refused():
    sketch = Sketch((1, 1, 255), bits=8)
    for _ in range(3):
        sketch.sum([sketch.last.name, sketch.last.name], [2**10, 2**10])
    sketch.linear(3)
    sketch.linear(2, neuron=None)
    with pytest.raises(TraceError, match="wanted sums within 32 bits"):
        execute(sketch.network(), np.zeros((1, 1, 1, 255), dtype=np.uint8), 1)
