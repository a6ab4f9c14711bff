"""What Python shows of traces and of what is made of them is a line, not their arrays."""

from __future__ import annotations

import numpy as np
import pytest
from contract.families import TRACES

import hwsim
from hwsim import EventInputs


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mnist_dietsnn", "<Trace MNIST DIET-SNN 16-32-64-256-10: 64 samples, T = 4, direct coding>"),
        ("events_digits", "<EventTrace MNIST, moving before a simulated event"),
        ("mnist_rate", "<RateTrace MNIST rate-coded 800-10: 64 samples, T = 32, rate coding>"),
        ("mnist_ttfs", "<FirstSpikeTrace MNIST TTFS 800-10: 256 samples, T = 1, ttfs coding>"),
        ("har_lstm", "<SequenceTrace Smartphone activity"),
        ("mnist_stdp", "<PlasticTrace mnist_stdp: 3,000 samples, T = 350, plastic coding>"),
    ],
)
def test_a_trace_is_shown_in_a_line(name, said):
    shown = repr(hwsim.load_trace(TRACES / f"{name}.npz"))
    assert shown.startswith(said)
    assert len(shown) < 200


def test_what_is_made_of_a_trace_is_shown_in_a_line():
    assert repr(hwsim.load_architecture("imc", ["adc.bits=7"])) == "<Architecture imc.yaml, machine imc, adc.bits=7>"
    assert repr(EventInputs(np.zeros((2, 5, 3, 4, 1), np.uint8), np.zeros(2, np.int64))) == (
        "<EventInputs: 2 recordings, T = 5, 3 x 4, 1 channel>"
    )
    oracle = hwsim.Oracle("digital", "example", objective={"energy_pj": 1.0, "latency_ns": 2.0})
    assert repr(oracle) == "<Oracle digital.yaml on MNIST DIET-SNN 16-32-64-256-10: energy_pj, latency_ns>"
    compared = hwsim.compare("imc", "digital", trace="example", samples=1)
    ratio = compared.versus[0].energy.value
    assert repr(compared) == f"<Comparison: digital takes {ratio:.4g} x the energy of imc>"
    assert repr(hwsim.explain("imc", "example", samples=1)).startswith("<Explanation of <Report imc.yaml on MNIST")
