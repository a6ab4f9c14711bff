"""Networks that learn by their parameters: those of a shipped trace, drift of fixed point, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from contract.families import TRACES

import hwsim
from hwsim import make
from hwsim.errors import TraceError, UsageError
from hwsim.traces import read_trace
from hwsim.traces.codings import verify
from hwsim.traces.plastic.run import learn

RNG = np.random.default_rng(3)
LEARNER = {"neurons": 12, "present_ms": 60.0, "peak_hz": 900.0}


def samples(n):
    y = np.arange(n) % 3
    x = RNG.integers(0, 60, (n, 5, 5))
    x[np.arange(n), y] += 190
    return x.astype(np.uint8), y


TRAIN, TEST = samples(30), samples(15)


def captured(learner, **options):
    given = {"labels": TRAIN[1], "test": TEST, "allow_drift": 9.0, **options}
    return hwsim.capture(learner, TRAIN[0], **given)


def test_parameters_in_their_units_are_those_of_the_shipped_trace():
    assert hwsim.Learner().network(784) == hwsim.load_trace(TRACES / "mnist_stdp.npz").network


def test_time_constants_become_leaks_of_a_timestep():
    network = hwsim.Learner(dt_ms=0.5, tau_mem_ms=20.0, tau_trace_ms=10.0, refractory_ms=2.5).network(25)
    assert network.neurons.leak == round(np.exp(-0.5 / 20) * 2**16)
    assert network.stdp.pre_leak == network.stdp.post_leak == round(np.exp(-0.5 / 10) * 2**16)
    assert (network.neurons.refractory_steps, network.coding.present_steps, network.coding.dt_us) == (5, 700, 500)
    assert network.stdp.weight_sum == pytest.approx(2.5)


def test_floats_have_no_drift(recwarn):
    trace = captured(hwsim.Learner(**LEARNER), allow_drift=0.0)
    assert verify(trace).ok
    assert trace.coding == "plastic"
    assert trace.provenance.dataset == "not said"
    assert not recwarn.list


def test_drift_is_that_of_training_spikes_with_both_accuracies(tmp_path):
    learner = hwsim.Learner(**LEARNER, weights="Q1.4")
    with pytest.warns(UserWarning, match="of the spikes differ from the float network's") as told:
        trace = captured(learner, out=tmp_path / "t.npz", name="learns")
    message = str(told[0].message)
    floats = make.plastic(hwsim.Learner(**LEARNER).network(25), (TRAIN[0].reshape(30, -1), TRAIN[1]), _flat(TEST))
    changed = np.abs(trace.responses.astype(int) - floats.responses).sum()
    assert float(message.partition(" %")[0]) == pytest.approx(100 * changed / floats.responses.sum(), abs=0.006)
    exact = [learn(each.network, each).accuracy for each in (trace, floats)]
    assert f"right {100 * exact[0]:.2f} %, in floats {100 * exact[1]:.2f} %" in message
    assert read_trace(tmp_path / "t.npz").provenance.name == "learns"
    with pytest.raises(TraceError, match="drift: "):
        captured(learner, allow_drift=None)


def _flat(part):
    return part[0].reshape(len(part[0]), -1), part[1]


def test_fractions_are_pixels_of_255():
    whole = captured(hwsim.Learner(**LEARNER))
    fractions = hwsim.capture(hwsim.Learner(**LEARNER), TRAIN[0] / 255, labels=TRAIN[1], test=(TEST[0] / 255, TEST[1]))
    np.testing.assert_array_equal(whole.parts["train"].values, fractions.parts["train"].values)
    np.testing.assert_array_equal(whole.responses, fractions.responses)


@pytest.mark.parametrize(
    ("learner", "options", "kind", "wanted"),
    [
        ({}, {"test": None}, UsageError, "test: wanted samples and labels"),
        ({}, {"labels": None}, UsageError, "labels: wanted the right class"),
        ({}, {"timesteps": 4}, UsageError, "timesteps: has no meaning for a Learner"),
        ({}, {"coding": "ttfs"}, UsageError, "coding: has no meaning for a Learner"),
        ({"weights": "8bit"}, {}, UsageError, "weights: wanted fp32 or a format such as Q1.7, got 8bit"),
        ({"refractory_ms": 2.5}, {}, UsageError, "refractory_ms: wanted whole timesteps of 1 ms, got 2.5 ms"),
        ({"peak_hz": 1001}, {}, TraceError, "coding.peak_millihertz"),
        ({"tau_mem_ms": 0}, {}, UsageError, "tau_mem_ms: wanted a finite number above 0, got 0"),
        ({"theta_plus_mv": float("nan")}, {}, UsageError, "theta_plus_mv: wanted a finite number, got nan"),
        ({"one_winner": 1}, {}, UsageError, "one_winner: wanted True or False, got 1"),
        ({"neurons": "many"}, {}, UsageError, "neurons: wanted a number, got 'many'"),
        ({"rule": "other"}, {}, TraceError, "stdp.rule"),
        ({"weights": 8}, {}, UsageError, "weights: wanted a word, got 8"),
        ({}, {"weight_bits": 4}, UsageError, "weight_bits: has no meaning for a Learner, got 4"),
        ({}, {"over_time": True}, UsageError, "over_time: has no meaning for a Learner"),
        ({}, {"out": "/nowhere/t.npz"}, UsageError, "/nowhere/t.npz"),
    ],
)
def test_mistakes_are_one_line(learner, options, kind, wanted):
    with pytest.raises(kind, match=wanted) as error:
        captured(hwsim.Learner(**{**LEARNER, **learner}), **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("values", [TRAIN[0] * 1.5, TRAIN[0].astype(int) - 1, np.full((30, 25), np.nan), np.zeros(30)])
def test_samples_are_pixels(values):
    with pytest.raises(TraceError, match="inputs: wanted "):
        hwsim.capture(hwsim.Learner(**LEARNER), values, labels=TRAIN[1], test=TEST)


def test_test_samples_are_for_networks_that_learn():
    with pytest.raises(UsageError, match="test: has a meaning for networks that learn alone"):
        hwsim.capture(None, TRAIN[0], labels=TRAIN[1], test=TEST)
