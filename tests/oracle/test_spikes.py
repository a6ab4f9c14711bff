"""What is no batch of a network is refused in one line that says what would be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from accelerators.imc.cases import PLAIN

import hwsim
from hwsim.errors import HwsimError, UsageError
from hwsim.kernels.packing import pack_maps
from hwsim.oracle.objective import Objective
from hwsim.traces.planes import pack_channels
from hwsim.traces.slicing import first

TRACES = Path(__file__).resolve().parents[2] / "traces"
SHAPES = {"conv1": (16, 28, 28), "conv2": (32, 14, 14), "conv3": (64, 7, 7), "fc1": (256,)}


@pytest.fixture(scope="module")
def oracle():
    return hwsim.Oracle("digital", first(hwsim.load_trace(TRACES / "fashion_dietsnn.npz"), 1), objective="dynamic_pj")


def batch(samples=2, **changes):
    spikes = {name: np.zeros((4, samples, *shape), np.float32) for name, shape in SHAPES.items()}
    return {**spikes, **changes}


def without(name):
    return {key: each for key, each in batch().items() if key != name}


WRONG = {
    "no mapping": (np.zeros(3), "spikes: wanted arrays by layer, got array([0., 0., 0.])"),
    "another name": (
        batch(conv11=np.zeros(1)),
        "spikes: no layer with neurons is called 'conv11', those are conv1, conv2, conv3, fc1; did you mean 'conv1'?",
    ),
    "one is missing": (without("fc1"), "spikes: wanted those of conv1, conv2, conv3, fc1, found none of fc1"),
    "a text": (batch(fc1="zeros"), "spikes, fc1: wanted a tensor or an array, got 'zeros'"),
    "complex": (
        batch(fc1=np.zeros((4, 2, 256), complex)),
        "spikes, fc1: wanted numbers that are 0 or 1, found complex128",
    ),
    "channels last": (
        batch(conv1=np.zeros((4, 2, 28, 28, 16))),
        "spikes, conv1: wanted [4, samples, 16, 28, 28], found (4, 2, 28, 28, 16)",
    ),
    "another number of timesteps": (
        batch(fc1=np.zeros((5, 2, 256))),
        "spikes, fc1: wanted [4, samples, 256], found (5, 2, 256)",
    ),
    "no samples": (batch(0), "spikes, conv1: wanted one sample or more, found (4, 0, 16, 28, 28)"),
    "other samples": (
        batch(fc1=np.zeros((4, 3, 256))),
        "spikes: wanted as many samples of every layer, found 2 of conv1, 2 of conv2, 2 of conv3, 3 of fc1",
    ),
    "a half": (batch(fc1=np.full((4, 2, 256), 0.5)), "spikes, fc1: wanted 0 or 1, found 0.5 at timestep 0"),
    "minus one": (batch(conv2=-np.ones((4, 2, 32, 14, 14))), "spikes, conv2: wanted 0 or 1, found -1 at timestep 0"),
    "no number": (
        batch(conv2=np.full((4, 2, 32, 14, 14), np.nan)),
        "spikes, conv2: wanted 0 or 1, found nan at timestep 0",
    ),
}


@pytest.mark.parametrize(("spikes", "message"), WRONG.values(), ids=WRONG)
def test_spikes(oracle, spikes, message):
    with pytest.raises(UsageError) as error:
        oracle(spikes)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((3, 1, 28, 28)), "inputs: wanted [2 samples, 1, 28, 28], found [3, 1, 28, 28]"),
        (np.full((2, 1, 28, 28), 256), "inputs: wanted integers from 0 to 255, or fractions from 0 to 1, found 256"),
        (np.full((2, 1, 28, 28), 1.5), "inputs: wanted integers from 0 to 255, or fractions from 0 to 1, found 1.5"),
        (np.full((2, 1, 28, 28), np.nan), "inputs: wanted integers from 0 to 255, or fractions from 0 to 1, found nan"),
    ],
)
def test_inputs(oracle, inputs, message):
    with pytest.raises(UsageError) as error:
        oracle(batch(), inputs)
    assert str(error.value) == message


def test_fractions_are_shares_of_the_largest_integer():
    trace = first(hwsim.load_trace(TRACES / "fashion_dietsnn.npz"), 2)
    oracle, whole = hwsim.Oracle(PLAIN, trace), np.moveaxis(trace.inputs.values[:2], -1, 1)
    assert oracle(trace.spikes, whole / 255).value == oracle(trace.spikes, whole).value
    assert oracle(trace.spikes, whole // 2).value != oracle(trace.spikes, whole).value


@pytest.mark.parametrize(
    ("objective", "message"),
    [
        ("energy", "objective: unknown figure 'energy', known: energy_pj"),
        ({}, "objective: wanted one figure or more of energy_pj"),
        ({"energy_pj": "much"}, "objective, energy_pj: wanted a finite weight, got 'much'"),
        ({"energy_pj": float("nan")}, "objective, energy_pj: wanted a finite weight, got nan"),
        (3, "objective: wanted a figure's name or weights by name, got 3"),
    ],
)
def test_objectives(objective, message):
    with pytest.raises(UsageError) as error:
        Objective.of(objective)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_oracles_that_cannot_be():
    trace = first(hwsim.load_trace(TRACES / "fashion_dietsnn.npz"), 1)
    for wrong, said in (
        (lambda: hwsim.Oracle("digital", trace, run="early exit"), "run: wanted one of static, got 'early exit'"),
        (lambda: hwsim.Oracle("digital", trace, axes="sample"), "axes: wanted time, sample or sample, time"),
        (lambda: hwsim.Oracle("digital", trace, capture={}), "capture: says how a model is captured"),
        (lambda: hwsim.Oracle("digital", object()), "capture: wanted what hwsim.capture needs beside a model"),
        (lambda: hwsim.Oracle("ttfs", trace), "ttfs.yaml: plays traces of coding ttfs or rate"),
        (lambda: hwsim.Oracle("digital", trace, set={"array.row": 3}), "--set array.row=3"),
        (lambda: hwsim.Oracle("digital", trace).at_bits({"pool": 3}), "weight_bits: no layer with weights is called"),
        (lambda: hwsim.Oracle("digital", trace).at_bits({"fc1": 17}), "weight_bits, fc1: wanted 1 to 16, found 17"),
        (lambda: hwsim.Oracle("digital", trace).expected({"fc1": [1]}), "spikes: wanted those of"),
    ):
        with pytest.raises(HwsimError) as error:
            wrong()
        assert said in str(error.value)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "spikes", "message"),
    [
        ("mnist_ttfs", "window", "wanted ticks from 0 to"),
        ("har_lstm", "halves", "0 or 1, found 0.5"),
        ("mnist_stdp", "pixels", "samples: wanted [samples, 784], found [2, 3]"),
    ],
)
def test_batches_of_other_codings(name, spikes, message):
    trace = first(hwsim.load_trace(TRACES / f"{name}.npz"), 1)
    design, given = {
        "window": ("ttfs", lambda: {n: np.full_like(np.moveaxis(t, -1, 1), 2000) for n, t in trace.times.items()}),
        "halves": (
            "lstm",
            lambda: {n: np.full((1, *s.words.shape[1:3], s.n_units), 0.5) for n, s in trace.spikes.items()},
        ),
        "pixels": ("stdp", lambda: np.zeros((2, 3))),
    }[spikes]
    with pytest.raises(UsageError) as error:
        hwsim.Oracle(design, trace)(given())
    assert message in str(error.value)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.uint8, np.int64])
@pytest.mark.parametrize("channels", [1, 7, 8, 64, 70])
def test_maps_are_packed_as_traces_have_them(kind, channels):
    """Beside the packing that files use."""
    values = (np.random.default_rng(channels).random((3, channels, 11)) < 0.4).astype(kind)
    words = np.zeros((3, 11, -(-channels // 64)), np.uint64)
    assert pack_maps(values, words)
    assert (words == pack_channels(np.moveaxis(values, 1, -1) != 0)).all()
    values[1, channels // 2, 5] = 2
    assert not pack_maps(values, np.zeros_like(words))
