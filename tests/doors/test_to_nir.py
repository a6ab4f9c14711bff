"""The network of a trace as NIR: what NIR's own nodes compute, a round trip to the same spikes, refusals by name."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from contract.families import TRACES
from numba import config
from traces.direct.networks import trace_of

import hwsim
from hwsim import make
from hwsim.cli import main
from hwsim.doors.events.stored import EventInputs
from hwsim.errors import TraceError, UsageError
from hwsim.traces import (
    Add,
    Conv2d,
    Flatten,
    Input,
    Linear,
    Network,
    Neuron,
    Pool,
    Readout,
    StoredWeights,
    Window,
    read_trace,
    write_trace,
)
from hwsim.traces.direct.drawn_run import run_drawn
from hwsim.traces.network.layers import Synapse, neuron_of

nir = pytest.importorskip("nir")


def again(trace, folder, dt=1e-3, **options):
    """The trace of what `to_nir` wrote, on the same inputs, which `from_nir` takes over time."""
    hwsim.to_nir(trace, folder / "net.nir", dt=dt)
    values = trace.inputs.values
    if not trace.network.input.over_time:
        values = np.repeat(values[:, None], trace.timesteps, axis=1)
    EventInputs(values, trace.inputs.labels).save(folder / "inputs.npz")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of leaks that integers round, on the way there already
        return hwsim.from_nir(folder / "net.nir", folder / "inputs.npz", allow_drift=math.inf, **options)


def spikes_by_neurons(trace):
    """In the order of the network; layers have other names on the way back only where they are sums."""
    return [trace.spikes[layer.name].words for layer in trace.network.spiking()]


def assert_same(one, other):
    found = spikes_by_neurons(other)
    assert len(found) == len(one.spikes)
    for wanted, words in zip(spikes_by_neurons(one), found, strict=True):
        np.testing.assert_array_equal(words[: len(wanted)], wanted)
    largest = max(one.logits, key=lambda name: len(one.logits[name].labels))
    n = len(other.logits["test"].labels)
    if len(one.logits[largest].labels) == n:
        np.testing.assert_array_equal(other.logits["test"].values, one.logits[largest].values)


@pytest.mark.skipif(config.DISABLE_JIT, reason="minutes in interpreted kernels")
@pytest.mark.parametrize("name", ["mnist_dietsnn", "fashion_dietsnn_t5_threshold_leak"])
def test_a_shipped_network_comes_back_spike_by_spike(tmp_path, name):
    trace = read_trace(TRACES / f"{name}.npz").with_inputs(12)
    back = again(trace, tmp_path)
    assert_same(trace, back)
    for layer in trace.network:
        if isinstance(layer, Conv2d | Linear):
            np.testing.assert_array_equal(back.network[layer.name].weights.values, layer.weights.values)
            assert back.network[layer.name].weights.bits == layer.weights.bits


@pytest.mark.parametrize("dt", [1e-3, 1e-4, 0.3])
@pytest.mark.parametrize(
    "words",
    [
        "",
        "+reset=hard",
        "+reset=none",
        "+delayed-reset",
        "+at-threshold",
        "+leak=channel",
        "+leak=none",
        "+events+bias",
    ],
)
def test_neurons_of_every_kind_come_back(tmp_path, words, dt):
    trace = run_drawn(f"mlp:40-30-20-5{words}", 6, 4, seed=2, input_rate=0.4)
    assert_same(trace, again(trace, tmp_path, dt))


def test_drawn_networks_come_back_or_are_refused_by_a_layer(tmp_path):
    came_back = 0
    for seed in range(400):
        if came_back == 4:
            return
        trace = run_drawn("mixed", 4, 3, seed=seed, input_rate=0.3)
        if trace.network.input.signed:  # which no recording is
            continue
        if seed % 2:
            trace = trace_of(with_spikes_of_one_sign(trace.network), samples=3, timesteps=4)
        try:
            other = again(trace, tmp_path)
        except TraceError as error:
            name = str(error).split("'")[1]
            assert str(error).startswith("layer '") and name in [layer.name for layer in trace.network]
            continue
        assert_same(trace, other)
        came_back += 1
    raise AssertionError(f"of 400 networks {came_back} came back")


def with_spikes_of_one_sign(network):
    def changed(layer):
        return layer if neuron_of(layer) is None else replace(layer, neuron=replace(layer.neuron, signed=False))

    return Network(tuple(map(changed, network)))


def lif(n, **changes):
    fields = {"leak": 200, "leak_bits": 8, "v_threshold": np.arange(n) + 90, "reset": "soft", "fraction_bits": 3}
    return Neuron(**(fields | {"membrane_bits": 18} | changes))


def weights(rng, *shape, bits=4):
    top = 1 << (bits - 1)
    scale = rng.uniform(0.01, 0.2, shape[-1]).astype(np.float32)
    return StoredWeights(rng.integers(-top, top, shape, np.int8), bits, scale)


def recurrent(late="own", maps=False, feedback=None):
    """Two layers with a synaptic current; own spikes of the first come back, or those of the second, or late to it."""
    rng = np.random.default_rng(7)
    shape, channels = ((4, 4, 2), 3) if maps else ((1, 1, 6), 5)
    size = (*shape[:2], channels)
    synapse = Synapse(150, 8)

    def layer(name, source, n_in, neuron=None, delayed=False):
        if maps:
            w = weights(rng, 3, 3, n_in, channels)
            return Conv2d(name, (source,), size, Window.square(3, 1, 1), 1, w, None, neuron, delayed)
        return Linear(name, (source,), size, weights(rng, 1, 1, n_in, channels), None, neuron, delayed)

    first = lif(channels, synapse=synapse, feedback=feedback)
    source = {"own": "sum", "other": "second", "late": "sum"}[late]
    layers = [
        Input("input", (), shape, 2, True),
        layer("a", "input", shape[2]),
        layer("back", source, channels, None, True),
    ]
    if late == "late":  # two layers on, where it closes no loop
        layers[1:] = [replace(layers[1], name="sum", neuron=first), layer("second.now", "sum", channels), layers[2]]
        layers.append(Add("second", ("second.now", "back"), size, (1, 1), lif(channels)))
    else:
        layers.append(Add("sum", ("a", "back"), size, (1, 1), first))
        layers.append(
            layer("second", "sum", channels, lif(channels, reset="hard", v_threshold=np.arange(channels) + 9))
        )
    last = "second"
    if maps:
        layers.append(Flatten("flat", ("second",), (1, 1, 16 * channels)))
        last = "flat"
    layers.append(Linear("out", (last,), (1, 1, 3), weights(rng, 1, 1, layers[-1].shape[2], 3), None, None))
    return Network(tuple(layers))


def over_time(network, n=6, timesteps=5):
    rng = np.random.default_rng(8)
    values = rng.integers(0, 4, (n, timesteps, *network.input.shape), np.uint8)
    return make.events(network, values, rng.integers(0, 3, n))


@pytest.mark.parametrize("maps", [False, True])
@pytest.mark.parametrize("late", ["own", "other"])
def test_recurrence_comes_back(tmp_path, late, maps):
    trace = over_time(recurrent(late, maps))
    assert trace.spikes["sum"].words.any() and trace.spikes["second"].words.any()
    back = again(trace, tmp_path)
    assert_same(trace, back)
    assert [name for name, readers in back.network.read_late.items() if readers == ("back",)]


def test_feedback_of_one_comes_back_and_others_are_refused(tmp_path):
    """1 is 8 / step of the channel in units of 2^-3 steps; the step is one that has a whole number of these."""
    network = recurrent()
    layers = list(network.layers)
    for index in (1, 2):
        scale = np.full(5, 0.125, np.float32)
        layers[index] = replace(layers[index], weights=replace(layers[index].weights, scale=scale))
    for value in (64, 63):
        neuron = replace(layers[3].neuron, feedback=np.full(5, value))
        trace = over_time(Network((*layers[:3], replace(layers[3], neuron=neuron), *layers[4:])))
        if value == 64:
            back = again(trace, tmp_path)
            assert_same(trace, back)
            assert (neuron_of(back.network.spiking()[0]).feedback == 64).all()
            continue
        with pytest.raises(TraceError, match=r"^layer 'sum': has feedback other than 1"):
            hwsim.to_nir(trace, tmp_path / "net.nir")


def test_what_is_late_without_a_loop_is_refused(tmp_path):
    with pytest.raises(TraceError, match=r"^layer 'back': reads the timestep before and closes no loop"):
        hwsim.to_nir(over_time(recurrent("late")), tmp_path / "net.nir")


def residual(gains=(1, 1), last_gain=1, **changes):
    """Currents of two branches, a skip of spikes, sums without neurons, a pool, and logits that do not fire."""
    rng = np.random.default_rng(4)
    conv, bias = (Window.square(3, 1, 1), 1), rng.integers(-9, 9, 4, np.int32)
    layers = (
        Input("input", (), (6, 6, 2), 2, over_time=True),
        Conv2d("c0", ("input",), (6, 6, 4), *conv, weights(rng, 3, 3, 2, 4), rng.integers(-9, 9, 4, np.int32), lif(4)),
        Conv2d("c1", ("c0",), (6, 6, 4), *conv, weights(rng, 3, 3, 4, 4), None, None),
        Conv2d("c2", ("c0",), (6, 6, 4), Window(), 1, weights(rng, 1, 1, 4, 4), rng.integers(-2, 3, 4, np.int32), None),
        Add("a1", ("c1", "c2"), (6, 6, 4), gains, lif(4, **changes), bias),
        Add("a2", ("a1", "c0"), (6, 6, 4), (1, last_gain), None),
        Pool("p", ("a2",), (3, 3, 4), "avg", Window.square(2, 2)),
        Flatten("f", ("p",), (1, 1, 36)),
        Linear("l", ("f",), (1, 1, 5), weights(rng, 1, 1, 36, 5, bits=8), None, None),
    )
    return Network(layers)


def played(network, timesteps=5, samples=6):
    shape = (samples, timesteps, *network.input.shape)
    values = np.random.default_rng(5).integers(0, 1 << network.input.bits, shape, np.uint8)
    return make.events(network, values, np.arange(samples) % 5)


@pytest.mark.parametrize(
    ("gains", "changes"),
    [((1, 1), {}), ((2, 3), {}), ((1, 1), {"synapse": Synapse(3, 2)}), ((1, 1), {"synapse": Synapse(1, 0), "leak": 0})],
)
def test_a_skip_and_the_last_layer_are_kept(tmp_path, gains, changes):
    trace = played(residual(gains, **changes))
    assert trace.spike_rate("a1") > 0.02
    back = again(trace, tmp_path)
    assert_same(trace, back)
    graph = nir.read(tmp_path / "net.nir")
    assert {("c1", "a1.neurons"), ("c2", "a1.neurons"), ("a1.neurons", "p"), ("c0.neurons", "p")} <= set(graph.edges)
    assert ("l", "output") in graph.edges


def simulated(graph, inputs):
    """NIR's equations for IF, LIF and weights, in floats, node by node, with resets by subtraction; spikes by node."""
    order, spikes = [], {}
    while len(order) < len(graph.nodes):
        order += [n for n in graph.nodes if n not in order and all(a in order for a, b in graph.edges if b == n)]
    v = dict.fromkeys(graph.nodes, 0.0)
    for x in inputs:
        values = {}
        for name in order:
            node, kind = graph.nodes[name], type(graph.nodes[name]).__name__
            given = sum((values[a] for a, b in graph.edges if b == name), np.zeros(()))
            if kind == "Input":
                given = x
            elif kind in ("Affine", "Linear"):
                given = node.weight @ given + (node.bias if kind == "Affine" else 0)
            elif kind in ("IF", "LIF"):
                dv = node.r * given if kind == "IF" else 1e-3 / node.tau * (node.v_leak - v[name] + node.r * given)
                v[name] = v[name] + dv
                given = v[name] > node.v_threshold
                v[name] = v[name] - given * node.v_threshold
                spikes.setdefault(name, []).append(given)
            values[name] = given
    return {name: np.array(each) for name, each in spikes.items()}


def test_the_file_alone_is_the_network_in_real_numbers(tmp_path):
    """Weights, thresholds and time constants without metadata, by NIR's own equations, written here once more."""
    trace = run_drawn("mlp:30-24-4+events+leak=none", 5, 3, seed=3, input_rate=0.3)
    hwsim.to_nir(trace, tmp_path / "net.nir")
    graph = nir.read(tmp_path / "net.nir")
    (layer,) = trace.spikes
    for sample in range(3):
        found = simulated(graph, trace.inputs.values[sample, :, 0, 0].astype(float))[f"{layer}.neurons"]
        words = trace.spikes[layer].words[sample, :, 0, 0]
        wanted = [[bool(int(word) >> c & 1) for c in range(24)] for word in words]
        np.testing.assert_array_equal(found, wanted)


def test_a_leak_is_a_time_constant_and_weights_are_real(tmp_path):
    network = residual()
    hwsim.to_nir(played(network), tmp_path / "net.nir", dt=2e-3)
    graph = nir.read(tmp_path / "net.nir")
    conv, lif_node = graph.nodes["c0"], graph.nodes["c0.neurons"]
    scale = network["c0"].weights.scale.astype(float)
    for o in range(4):
        for i in range(2):
            np.testing.assert_allclose(conv.weight[o, i], network["c0"].weights.values[:, :, i, o] * scale[o])
    np.testing.assert_allclose(lif_node.tau, 2e-3 / (1 - 200 / 256))
    np.testing.assert_allclose(lif_node.v_threshold[:, 2, 3], (np.arange(4) + 90) / 8 * scale)
    np.testing.assert_allclose(conv.bias, network["c0"].bias / 8 * scale)


def test_what_the_file_says_can_be_overruled_and_changed_weights_are_rounded_anew(tmp_path):
    trace = run_drawn("mlp:30-24-4+events", 5, 3, seed=3, input_rate=0.3)
    back = again(trace, tmp_path, reset="hard", fires="at")
    assert neuron_of(back.network["fc1"]).reset == "hard" and neuron_of(back.network["fc1"]).fires_at_threshold
    graph = nir.read(tmp_path / "net.nir")
    graph.nodes["fc1"].weight = graph.nodes["fc1"].weight * 1.01
    nir.write(tmp_path / "net.nir", graph)
    changed = hwsim.from_nir(tmp_path / "net.nir", tmp_path / "inputs.npz", allow_drift=10.0)
    assert changed.network["fc1"].weights.bits == 8
    assert np.abs(changed.network["fc1"].weights.values).max() == 127


def test_the_command_tells_what_nir_does_not_say(tmp_path):
    trace = run_drawn("mlp:30-24-4+reset=hard+at-threshold", 3, 2)
    write_trace(tmp_path / "t.npz", trace)
    words = ["trace", "to-nir", str(tmp_path / "t.npz")]
    done = CliRunner().invoke(main, [*words, str(tmp_path / "n.nir"), "--dt", "0.01"])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.endswith(
        "n.nir: timestep 0.01 s; NIR does not say: inputs are integers from 0 to 255, the same at every timestep; "
        "hard reset, fires at its threshold\n"
    )
    same = CliRunner().invoke(main, [*words, str(tmp_path / "t.npz")])
    assert same.exit_code == 2 and "which would be overwritten" in same.stderr


@pytest.mark.parametrize(
    ("make_trace", "message"),
    [
        (lambda: played(residual(last_gain=2)), r"layer 'a2': adds activations times \(1, 2\)"),
        (lambda: played(residual(reset="hard", v_reset=3)), None),
        (lambda: read_trace(TRACES / "mnist_ttfs.npz"), r"trace: wanted a network of layers, found coding ttfs"),
        (lambda: read_trace(TRACES / "mnist_lstm.npz"), r"trace: wanted a network of layers, found coding sequence"),
    ],
)
def test_what_nir_cannot_say_is_refused(tmp_path, make_trace, message):
    trace = make_trace()
    if message is None:
        hwsim.to_nir(trace, tmp_path / "n.nir")
        return
    with pytest.raises(TraceError, match=f"^{message}"):
        hwsim.to_nir(trace, tmp_path / "n.nir")
    assert not (tmp_path / "n.nir").exists()


def test_maximum_pools_membranes_and_places_that_cannot_be_written_are_refused(tmp_path):
    trace = played(residual())
    pooled = replace(trace.network["p"], kind="max", inputs=("a1",))
    layers = tuple(pooled if layer.name == "p" else layer for layer in trace.network if layer.name != "a2")
    with pytest.raises(TraceError, match=r"^layer 'p': is a maximum pool, which NIR has not"):
        hwsim.to_nir(played(Network(layers)), tmp_path / "n.nir")
    read_out = run_drawn("mlp:20-9-8+events+readout=membrane", 3, 2)
    with pytest.raises(TraceError, match=r": decides by membranes"):
        hwsim.to_nir(read_out, tmp_path / "n.nir")
    with pytest.raises(UsageError, match=r"n\.nir: cannot be written"):
        hwsim.to_nir(trace, tmp_path / "nowhere" / "n.nir")
    with pytest.raises(UsageError, match=r"^dt: wanted seconds above 0"):
        hwsim.to_nir(trace, tmp_path / "n.nir", dt=0)
    assert isinstance(read_out.network.output, Readout)


def test_neurons_after_a_flatten_are_read_with_channels_first(tmp_path):
    """Flatten, neurons, Linear: weights of NIR count channels first, past the neurons, too."""
    rng = np.random.default_rng(0)
    nodes = {
        "input": nir.Input({"input": np.array([2, 3, 3])}),
        "flat": nir.Flatten({"input": np.array([2, 3, 3])}, 0, -1),
        "n1": nir.IF(np.ones(18), np.full(18, 0.5), np.zeros(18)),
        "dense": nir.Linear(rng.integers(-127, 128, (3, 18)) * 2.0**-7),
        "output": nir.Output({"output": np.array([3])}),
    }
    nodes["dense"].weight[:, 0] = 127 * 2.0**-7
    nir.write(tmp_path / "n.nir", nir.NIRGraph(nodes, [*zip(list(nodes), list(nodes)[1:], strict=False)]))
    values = rng.integers(0, 2, (4, 3, 3, 3, 2), np.uint8)
    EventInputs(values, np.arange(4) % 3).save(tmp_path / "i.npz")
    trace = hwsim.from_nir(tmp_path / "n.nir", tmp_path / "i.npz", allow_drift=0.0)
    fired = np.moveaxis(values, -1, 2).reshape(4, 3, 18)  # at 0.5 every spike fires at once, with a reset to 0
    np.testing.assert_allclose(
        trace.logits["test"].values * trace.logits["test"].scale, fired @ nodes["dense"].weight.T, atol=1e-6
    )


def windowed(**window):
    """One convolution of any window and one pool, whose neurons are the classes."""
    rng = np.random.default_rng(6)
    conv = Window(**window)
    shape = (*conv.out_size(7, 6), 4)
    pool = Window((3, 2), (2, 1), (1, 1, 0, 0))
    size = pool.out_size(*shape[:2])
    layers = (
        Input("input", (), (7, 6, 2), 2, over_time=True),
        Conv2d("conv", ("input",), shape, conv, 2, weights(rng, *conv.kernel, 1, 4), None, lif(4)),
        Pool("pool", ("conv",), (*size, 4), "avg", pool),
        Flatten("flat", ("pool",), (1, 1, math.prod(size) * 4)),
        Linear("l", ("flat",), (1, 1, 5), weights(rng, 1, 1, math.prod(size) * 4, 5, bits=8), None, None),
    )
    return Network(layers)


def test_windows_that_differ_by_axis_come_back(tmp_path):
    trace = played(windowed(kernel=(2, 3), stride=(1, 2), padding=(1, 1, 2, 2), dilation=(1, 2)))
    back = again(trace, tmp_path)
    assert_same(trace, back)
    assert [layer.window for layer in back.network.layers[1:3]] == [layer.window for layer in trace.network.layers[1:3]]


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ({"kernel": (2, 2), "spread": (2, 1)}, "is a transposed convolution, which NIR has not"),
        ({"kernel": (2, 2), "padding": (1, 0, 0, 0)}, r"is padded by \(1, 0, 0, 0\), and NIR pads as much after a map"),
    ],
)
def test_windows_that_nir_has_not_are_refused(tmp_path, window, message):
    with pytest.raises(TraceError, match=rf"^layer 'conv': {message}"):
        hwsim.to_nir(played(windowed(**window)), tmp_path / "net.nir")
