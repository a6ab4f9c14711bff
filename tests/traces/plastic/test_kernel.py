"""Learning in fixed point against unbounded integers, and in FP32 against 64-bit floats, spike for spike."""

import dataclasses

import numpy as np
import pytest
from traces.plastic.cases import formats, inhibition, network, neurons, samples, stdp
from traces.plastic.reference import Integers, Numbers, Reference, spikes_of

from hwsim.kernels.poisson import draw_spikes
from hwsim.kernels.stdp.fixed import rounded
from hwsim.kernels.stdp.neurons import inhibit
from hwsim.kernels.stdp.rules import MEMBRANES_LOW, N_COUNTED, Membranes
from hwsim.kernels.stdp.sums import add_rows
from hwsim.traces.plastic.encode import InputSpikes, input_spikes
from hwsim.traces.plastic.golden import LearningCore
from hwsim.traces.plastic.trace import InhibitoryNeurons, Presentation

ROUNDINGS = ("truncate", "nearest", "stochastic")
HELD = ("w_high", "w_low", "v_high", "v_low", "theta_high", "down")


def play(net, n, numbers, learn=lambda k: True):
    """A core and its reference after n samples, with the spikes of both."""
    core, twin, rasters = LearningCore(net), Reference(net, numbers), ([], [])
    for k, values in enumerate(samples(n, net.pixels)):
        shown = Presentation("train", k, passed=k % 2, repeat=k // 2 % 2)
        found = core.present(input_spikes(net, shown, values), shown, learn(k))
        rasters[0].append([list(np.nonzero(step)[0]) for step in found.fired])
        steps = spikes_of(net, "train", k, values, shown.passed, shown.repeat)
        rasters[1].append(twin.present(steps, "train", k, learn(k), shown.passed, shown.repeat))
        assert found.activity.tolist() == twin.activity
    return core, twin, rasters


def assert_equal_integers(net, n, learn=lambda k: True):
    core, twin, (found, wanted) = play(net, n, Integers, learn)
    assert found == wanted
    assert core.weights.tolist() == twin.w
    assert core.theta.tolist() == twin.theta
    assert core.strength == twin.strength
    held = [twin.held[name] for name in ("w_high", "w_low", "v_high", "v_low", "theta_high", "up", "down")]
    assert core.counted.tolist() == held
    return twin


@pytest.mark.parametrize(
    "down",
    [
        inhibition("direct"),
        inhibition("direct", delay_steps=1),
        inhibition("direct", most_responding=3, strength_step_mv=0.75, strength_lowest_mv=3.5, strength_highest_mv=5.5),
        inhibition("layer"),
        inhibition("layer", delay_steps=0, most_responding=7, strength_step_mv=0.5, strength_highest_mv=9.0),
    ],
    ids=["direct", "direct one step later", "direct adaptive", "layer two steps later", "layer adaptive"],
)
@pytest.mark.parametrize("rule", ["pairwise", "windowed"])
@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_fixed_point_equals_integers(rule, rounding, down):
    twin = assert_equal_integers(network(formats(rounding), learning=stdp(rule), inhibiting=down), 4)
    assert twin.held["up"] > 100
    assert twin.held["down"] > 10


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_every_limit_is_reached_and_counted(rounding):
    """Narrow formats, steep rates: weights, membranes and thresholds are all held at their limits."""
    narrow = formats(rounding, weights=(0, 4), membranes=(3, 3), traces=(0, 5))
    narrow["thresholds"] = dataclasses.replace(narrow["thresholds"], integer_bits=1)
    cells = neurons(v_lowest_mv=-2.0, theta_plus_mv=0.75, theta_leak=65536, v_threshold_mv=5.5)
    layer = InhibitoryNeurons(drive_mv=7.0, leak=60_000, v_threshold_mv=7.5, v_reset_mv=0.0, refractory_steps=0)
    down = inhibition("layer", strength_mv=3.0, delay_steps=0, neurons=layer)
    learning = stdp(potentiation=700_000, depression=500_000, w_highest=0.9375, weight_sum=14.0)
    twin = assert_equal_integers(network(narrow, neuron=cells, learning=learning, inhibiting=down), 4)
    assert all(twin.held[name] for name in HELD), twin.held


@pytest.mark.parametrize("forms", [None, formats("stochastic")])
def test_presentation_without_learning_changes_nothing(forms):
    net = network(forms)
    core, before = LearningCore(net), LearningCore(net)
    shown = Presentation("test", 4)
    assert core.present(input_spikes(net, shown, samples(1)[0]), shown, learn=False).fired.any()
    assert np.array_equal(core.weights, before.weights)
    assert not core.theta.any()


@pytest.mark.parametrize("rounding", ROUNDINGS)
def test_traces_that_have_gone_come_back(rounding):
    """They halve at every step, so none outlives the steps between two spikes of its neuron."""
    fast = stdp(pre_leak=30_000, post_leak=20_000, depression=400_000)
    twin = assert_equal_integers(network(formats(rounding, traces=(0, 4)), neuron=neurons(count=40), learning=fast), 3)
    assert twin.held["down"] > 10


def test_learning_may_pause():
    assert_equal_integers(network(formats("stochastic")), 4, learn=lambda k: k % 2 == 0)


def test_one_winner_a_step():
    net = network(
        formats(), neuron=neurons(one_winner=True, refractory_steps=0), inhibiting=inhibition(strength_mv=0.0)
    )
    _, _, (found, wanted) = play(net, 3, Integers)
    assert found == wanted
    assert max(len(step) for raster in found for step in raster) == 1
    _, _, (several, _) = play(network(formats(), inhibiting=inhibition(strength_mv=0.0)), 3, Integers)
    assert max(len(step) for raster in several for step in raster) > 1


@pytest.mark.parametrize("kind", ["direct", "layer"])
@pytest.mark.parametrize("rule", ["pairwise", "windowed"])
def test_fp32_equals_64_bit_floats_spike_for_spike(rule, kind):
    """Over 50 samples; weights agree to what 32-bit floats resolve after thousands of updates."""
    lively = neurons(theta_plus_mv=0.25, theta_leak=50_000)
    down = inhibition(kind, strength_mv=1.5, strength_step_mv=0.1, strength_highest_mv=4.0, most_responding=6)
    learning = stdp(rule, potentiation=20_000, depression=8_000, weight_sum=12.0)
    net = network(None, neuron=lively, learning=learning, inhibiting=down)
    core, twin, (found, wanted) = play(net, 50, Numbers)
    assert found == wanted
    assert sum(len(step) for raster in found for step in raster) > 250
    assert np.allclose(core.weights, twin.w, rtol=0, atol=1e-4)
    assert np.allclose(core.theta, twin.theta, rtol=1e-4)
    assert core.strength == pytest.approx(twin.strength, rel=1e-5)


def test_inhibition_of_floats_is_one_of_32_bits():
    """Compiled and interpreted alike: a strength times how many others, rounded once, then taken off."""
    random = np.random.default_rng(3)
    for others in (1, 3, 7):
        v, strength = random.normal(0, 40, 500).astype(np.float32), np.float32(17.3)
        sources = np.zeros(500, np.uint8)
        sources[: others + 1] = 1
        wanted = np.maximum(v - strength * np.float32(others), np.float32(-35))
        wanted[others + 1 :] = np.maximum(v[others + 1 :] - strength * np.float32(others + 1), np.float32(-35))
        assert wanted.dtype == np.float32
        steps, counted = np.zeros(500, np.int32), np.zeros(N_COUNTED, np.int64)
        inhibit(Membranes(v, v, steps, steps, v, steps), strength, np.float32(-35), sources, others + 1, counted)
        np.testing.assert_array_equal(v, wanted)
        assert counted[MEMBRANES_LOW] == (wanted == -35).sum()


@pytest.mark.parametrize(("kind", "total"), [(np.uint16, np.int32), (np.float32, np.float32)])
def test_rows_of_weights_are_added_in_their_order(kind, total):
    random = np.random.default_rng(4)
    weights = (random.random((12, 37)) * 60_000).astype(kind)
    for count in range(10):
        pixels = random.permutation(12)[:count].astype(np.int32)
        wanted, found = np.zeros(37, total), np.full(37, 99, total)
        for i in pixels:
            wanted += weights[i]
        add_rows(weights, pixels, found)
        np.testing.assert_array_equal(found, wanted)


def test_weights_are_normalised_before_learning():
    """A presentation of nothing leaves each neuron's weights at the sum asked for, to the rounding of each weight."""
    for forms, tolerance in ((None, 1e-4), (formats(weights=(1, 12)), 30 * 2**-13 + 30 * 2**-16)):
        net = network(forms)
        core = LearningCore(net)
        shown = Presentation("train", 0)
        core.present(input_spikes(net, shown, np.zeros(net.pixels, np.uint8)), shown, learn=True)
        sums = core.weights.sum(axis=0, dtype=np.float64) / (1 if forms is None else 2**12)
        assert np.allclose(sums, net.stdp.weight_sum, rtol=0, atol=tolerance)


def test_rounding_by_its_definition():
    """Halves go up, truncation goes down; stochastic rounding is unbiased, and exact values stay."""
    key = np.uint64(99)
    values = range(-40, 41)
    assert [rounded(v, 3, 0, key, 0) for v in values] == [v // 8 for v in values]
    assert [rounded(v, 3, 1, key, 0) for v in values] == [(v + 4) // 8 for v in values]
    assert [rounded(v, 0, 2, key, 0) for v in values] == list(values)
    for value in (-13, 5, 8, 23):
        drawn = [rounded(value, 3, 2, key, counter) for counter in range(2000)]
        assert set(drawn) <= {value // 8, -(-value // 8)}
        assert abs(np.mean(drawn) - value / 8) < 4 * 0.5 / 2000**0.5


def test_input_spikes_are_drawn_by_counter():
    net = network(None)
    values = samples(1)[0]
    spikes = input_spikes(net, Presentation("train", 7), values)
    steps = [list(spikes.pixels[a:b]) for a, b in zip(spikes.starts, spikes.starts[1:], strict=False)]
    assert steps == spikes_of(net, "train", 7, values)
    for other in (("test", 7, 0, 0), ("train", 8, 0, 0), ("train", 7, 1, 0), ("train", 7, 0, 1)):
        part, sample_id, passed, repeat = other
        again = input_spikes(net, Presentation(*other), values)
        assert again.digest != spikes.digest
        steps = [list(again.pixels[a:b]) for a, b in zip(again.starts, again.starts[1:], strict=False)]
        assert steps == spikes_of(net, part, sample_id, values, passed, repeat)
    assert isinstance(spikes, InputSpikes)


def test_input_rates_are_those_stated():
    """Certain spikes and none are exact; 4096 steps of p = 1/4 are within five standard deviations."""
    steps = 4096
    starts, spikes = np.empty(steps + 1, np.int64), np.empty(3 * steps, np.int32)
    count = draw_spikes(np.uint64(5), np.array([0, 1 << 30, 1 << 32]), steps, starts, spikes)
    times = np.bincount(spikes[:count], minlength=3)
    assert times[0] == 0
    assert times[2] == steps
    assert abs(times[1] - steps / 4) < 5 * (steps * 3 / 16) ** 0.5
