"""A float graph on the integer lattice is the same network: every spike and every decision, whatever its neurons do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.doors.drift import FAILS, check_drift
from hwsim.doors.entry import enter
from hwsim.doors.float_run import run_floats
from hwsim.doors.graph import Added, Flattened, Graph, Neurons, Pooled, Source, Synapse, Votes, Weighted
from hwsim.doors.lattice import to_integers
from hwsim.doors.precision import Precision
from hwsim.errors import TraceError
from hwsim.traces import Window

TIMESTEPS = 6


def lattice_weights(rng, shape, step=2.0**-7):
    """Multiples of a step of which every output channel has the largest, so that its own step is this one."""
    values = rng.integers(-20, 21, shape)
    values.reshape(-1, shape[-1])[0] = 127
    return values * step


def graph(rng, neurons, over_time=False, skip=False, votes=2, recurrent=False):
    """Convolution, sum pool, convolution (with a skip, and its own spikes), flattened, two layers of classes' votes."""
    source = Source("input", (), (6, 6, 2), 1.0, 2 if over_time else 3, over_time)
    nodes = [
        source,
        Weighted("c1", ("input",), (6, 6, 4), lattice_weights(rng, (3, 3, 2, 4)), None, Window.square(3, 1, 1)),
    ]
    nodes += [neurons("n1", "c1", (6, 6, 4)), Pooled("p", ("n1",), (3, 3, 4), "sum", Window.square(2, 2))]
    nodes += [Weighted("c2", ("p",), (3, 3, 4), lattice_weights(rng, (3, 3, 4, 4)), None, Window.square(3, 1, 1))]
    last = "c2"
    if skip:
        nodes += [Weighted("c3", ("p",), (3, 3, 4), lattice_weights(rng, (1, 1, 4, 4)), None)]
        nodes += [Added("sum", ("c2", "c3"), (3, 3, 4))]
        last = "sum"
    if recurrent:
        bias = rng.integers(-9, 10, 4) * 2.0**-9  # finer than a step
        nodes += [
            Weighted("back", ("n2",), (3, 3, 4), lattice_weights(rng, (3, 3, 4, 4)), bias, Window.square(3, 1, 1))
        ]
        nodes[-1] = replace(nodes[-1], delayed=True)
        nodes += [Added("all", (last, "back"), (3, 3, 4))]
        last = "all"
    nodes += [neurons("n2", last, (3, 3, 4)), Flattened("f", ("n2",), (1, 1, 36))]
    nodes += [Weighted("l", ("f",), (1, 1, 5 * votes), lattice_weights(rng, (1, 1, 36, 5 * votes)), None, linear=True)]
    nodes += [neurons("n3", "l", (1, 1, 5 * votes)), Votes("out", ("n3",), (1, 1, 5), votes, "spikes")]
    return Graph(tuple(nodes))


@st.composite
def kinds(draw):
    """Neurons whose leaks and thresholds are on the lattice, of every kind."""
    options = {
        "leak": np.full(1, draw(st.sampled_from([1.0, 0.5, 0.75]))),
        "threshold": np.full(1, draw(st.sampled_from([0.5, 1.0, 2.25]))),
        "reset": draw(st.sampled_from(["soft", "hard", "none"])),
        "fires_at_threshold": draw(st.booleans()),
        "delayed_reset": draw(st.booleans()),
        "signed": draw(st.booleans()),
        "gain": draw(st.sampled_from([1.0, 0.5])),
    }
    options["reset_after_sum"] = options["reset"] == "hard" and options["delayed_reset"] and draw(st.booleans())
    if draw(st.booleans()):
        options["synapse"] = Synapse(np.full(1, draw(st.sampled_from([1.0, 0.5]))), draw(st.booleans()))
    if draw(st.booleans()):
        options["feedback"] = np.full(1, draw(st.integers(-9, 9)) * 2.0**-8)
    return lambda name, source, shape: Neurons(name, (source,), shape, **options)


def inputs_of(source, rng, n=3):
    shape = (n, TIMESTEPS, *source.shape) if source.over_time else (n, *source.shape)
    return rng.integers(0, 1 << source.bits, shape, dtype=np.uint8)


@settings(max_examples=40, deadline=None)
@given(kinds(), st.integers(0, 999), st.booleans(), st.booleans(), st.booleans())
def test_on_the_lattice_nothing_drifts(neurons, seed, over_time, skip, recurrent):
    """Leaks are exact only while no bit is rounded off: neurons with a leak get few timesteps."""
    rng = np.random.default_rng(seed)
    made = graph(rng, neurons, over_time, skip, recurrent=recurrent)
    synapse = made["n1"].synapse
    leaks = made["n1"].leak[0] < 1 or (synapse and synapse.leak[0] < 1)
    steps = 3 if leaks else TIMESTEPS
    values = inputs_of(made.source, rng)[:, :steps] if over_time else inputs_of(made.source, rng)
    entered = enter(made, values, np.arange(3), steps, Precision(8, membrane_bits=32), allowed_drift=0.0)
    assert entered.drift.overall == 0
    assert set(entered.drift.differing.values()) == {0.0}
    assert entered.drift.accuracy == entered.drift.float_accuracy
    assert entered.warning == ""
    assert str(entered.drift).startswith("every spike is the float network's; right ")


def plain(name, source, shape, **options):
    return Neurons(name, (source,), shape, np.ones(1), np.ones(1), **options)


def test_a_mean_pool_is_a_sum_with_another_unit():
    rng = np.random.default_rng(0)
    made = graph(rng, plain)
    nodes = tuple(replace(node, divisor=4) if isinstance(node, Pooled) else node for node in made)
    mean = Graph(nodes)
    on = to_integers(mean, Precision(8))
    assert on.network["p"].kind == "avg"
    values = inputs_of(made.source, rng)
    assert enter(mean, values, np.arange(3), TIMESTEPS, Precision(8), allowed_drift=0.0).drift.overall == 0


def test_biases_and_what_membranes_leak_to_are_kept_as_finely_as_thresholds():
    rng = np.random.default_rng(1)
    made = graph(rng, lambda *where: plain(*where, drive=0.125))
    nodes = tuple(replace(n, bias=np.full(4, -0.25)) if n.name == "c1" else n for n in made)
    entered = enter(Graph(nodes), inputs_of(made.source, rng), np.arange(3), TIMESTEPS, Precision(8), allowed_drift=0.0)
    assert entered.drift.overall == 0
    assert entered.trace.network["c1"].bias is not None


def test_neurons_on_activations_get_a_weight_of_one():
    source = Source("input", (), (4, 4, 2), 0.25, 3, False)
    nodes = (source, plain("n", "input", (4, 4, 2)), Flattened("f", ("n",), (1, 1, 32)))
    rng = np.random.default_rng(2)
    last = Weighted("l", ("f",), (1, 1, 3), lattice_weights(rng, (1, 1, 32, 3)), None, linear=True)
    made = Graph((*nodes, last))
    entered = enter(made, inputs_of(source, rng), np.arange(3) % 3, TIMESTEPS, Precision(8), allowed_drift=0.0)
    assert entered.drift.overall == 0
    assert entered.trace.network["n.in"].groups == 2


@pytest.mark.parametrize("options", [{}, {"synapse": Synapse(np.full(1, 0.5))}, {"leak": np.full(1, 0.5), "gain": 0.5}])
def test_membranes_are_read_out_in_one_unit_for_all_classes(options):
    """Their changes are those of the floats to the last bit, though the largest weights of the classes differ."""
    rng = np.random.default_rng(6)
    source = Source("input", (), (1, 1, 12), 1.0, 2, False)
    weight = lattice_weights(rng, (1, 1, 12, 3))
    weight[..., 1] = rng.integers(-20, 21, 12) * 2.0**-7
    fields = {"leak": np.ones(1), "threshold": np.full(1, np.inf), "reset": "none", **options}
    nodes = [source, Weighted("l", ("input",), (1, 1, 3), weight, None, linear=True)]
    nodes += [Neurons("n", ("l",), (1, 1, 3), **fields), Votes("out", ("n",), (1, 1, 3), 1, "membrane")]
    values = rng.integers(0, 4, (5, 1, 1, 12), dtype=np.uint8)
    entered = enter(Graph(tuple(nodes)), values, np.zeros(5, int), 4, Precision(8), allowed_drift=0.0)
    logits = entered.trace.logits["test"]
    wanted = run_floats(Graph(tuple(nodes)), values, 4).logits
    weights = entered.trace.network["l"].weights
    np.testing.assert_array_equal(logits.values * np.float64(logits.scale), wanted)
    assert len(set(weights.scale.tolist())) == 1 and not entered.trace.spikes["l"].words.any()


def test_what_no_layer_can_say_is_refused_by_its_name():
    rng = np.random.default_rng(3)
    source = Source("input", (), (4, 4, 2), 1.0, 3, False)
    conv = Weighted("c", ("input",), (4, 4, 2), lattice_weights(rng, (1, 1, 2, 2)), None)
    pool = Pooled("p", ("c",), (2, 2, 2), "sum", Window.square(2, 2))
    flat = Graph((source, conv, pool, Flattened("f", ("p",), (1, 1, 8))))
    with pytest.raises(TraceError, match=r"^'p' \(pooled\): pools the currents of 'c' for others than neurons"):
        to_integers(flat, Precision(8))
    below = Graph((source, conv, Neurons("n", ("c",), (4, 4, 2), np.ones(1), -np.ones(1))))
    with pytest.raises(TraceError, match=r"^'n' \(neurons\): has a threshold below zero"):
        to_integers(below, Precision(8))


def test_two_bits_drift_and_that_is_told_or_refused():
    rng = np.random.default_rng(4)
    made = graph(rng, plain)
    values = inputs_of(made.source, rng, 8)
    with pytest.raises(TraceError, match=r"^drift: .* of the spikes differ from the float network's, most in "):
        enter(made, values, np.zeros(8, int), TIMESTEPS, Precision(2))
    entered = enter(made, values, np.zeros(8, int), TIMESTEPS, Precision(2), allowed_drift=10.0)
    assert entered.drift.overall > FAILS and entered.warning == str(entered.drift)
    assert check_drift(replace(entered.drift, overall=0.005), None) == ""


def test_drift_is_counted_spike_by_spike():
    """Against a comparison written once more: the float network's spikes and those of the trace, unpacked."""
    from hwsim.traces.planes import unpack_channels

    rng = np.random.default_rng(5)
    made = graph(rng, plain)
    values = inputs_of(made.source, rng, 4)
    entered = enter(made, values, np.zeros(4, int), TIMESTEPS, Precision(3), allowed_drift=10.0)
    floats = run_floats(made, values, TIMESTEPS)
    different = fired = 0
    for node, layer in (("n1", "c1"), ("n2", "c2"), ("n3", "l")):
        packed = entered.trace.spikes[layer]
        found = unpack_channels(packed.words, packed.shape[2]).reshape(floats.spikes[node].shape)
        different += sum(int(a) != int(b) for a, b in zip(found.ravel(), floats.spikes[node].ravel(), strict=True))
        fired += int(floats.spikes[node].sum())
    assert entered.drift.overall == pytest.approx(different / fired)


def test_pooled_currents_may_be_logits():
    """Neurons, weights, and the mean of their currents over the map: what the floats give, to the last bit."""
    rng = np.random.default_rng(9)
    source = Source("input", (), (4, 4, 2), 1.0, 2, False)
    nodes = (
        source,
        Weighted("a", ("input",), (4, 4, 3), lattice_weights(rng, (1, 1, 2, 3)), None),
        Neurons("n", ("a",), (4, 4, 3), np.ones(1), np.ones(1)),
        Weighted("b", ("n",), (4, 4, 5), lattice_weights(rng, (1, 1, 3, 5)), None),
        Pooled("mean", ("b",), (1, 1, 5), "sum", Window.square(4, 4), 16),
    )
    values = rng.integers(0, 4, (5, 4, 4, 2), dtype=np.uint8)
    entered = enter(Graph(nodes), values, np.zeros(5, int), 4, Precision(8), allowed_drift=0.0)
    logits = entered.trace.logits["test"]
    wanted = run_floats(Graph(nodes), values, 4).logits
    np.testing.assert_array_equal(logits.values * np.float64(logits.scale), wanted)
    assert np.abs(wanted).max() > 0
