"""The term for JAX, beside the slopes of the oracle: as it is, compiled, and through a function of the spikes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import hwsim  # noqa: E402
from hwsim.errors import UsageError  # noqa: E402
from hwsim.oracle.jax import loss  # noqa: E402
from hwsim.traces.planes import unpack_channels  # noqa: E402
from hwsim.traces.slicing import first  # noqa: E402

TRACES = Path(__file__).resolve().parents[2] / "traces"


@pytest.mark.parametrize("design", ["imc", "digital"])
def test_values_and_gradients(design):
    trace = first(hwsim.load_trace(TRACES / "fashion_dietsnn.npz"), 2)
    oracle, inputs = hwsim.Oracle(design, trace), np.moveaxis(trace.inputs.values[:2], -1, 1)
    spikes = {}
    for name, packed in trace.spikes.items():
        bits = unpack_channels(packed.words, packed.shape[2])
        maps = bits.reshape(*bits.shape[:2], *packed.shape).transpose(1, 0, 4, 2, 3).astype(np.float32)
        spikes[name] = maps if packed.shape[0] > 1 else maps[..., 0, 0]

    def term(given):
        return loss(oracle, given, inputs)

    _, slopes = oracle.slopes(trace.spikes, inputs)
    for function in (term, jax.jit(term)):
        value, gradients = jax.value_and_grad(function)(spikes)
        assert float(value) == np.float32(oracle.reference.value)
        for name, packed in trace.spikes.items():
            height, width, channels = packed.shape
            whole = np.broadcast_to(slopes[name], (2, 4, height * width, channels)) / 2
            wanted = whole.reshape(2, 4, height, width, channels).transpose(1, 0, 4, 2, 3)
            np.testing.assert_allclose(gradients[name], wanted.reshape(spikes[name].shape), rtol=1e-5)
    assert float(jax.jit(term)(spikes)) == np.float32(oracle.reference.value)


def test_networks_without_timesteps_have_none():
    oracle = hwsim.Oracle("ttfs", first(hwsim.load_trace(TRACES / "mnist_ttfs.npz"), 1))
    with pytest.raises(UsageError, match="networks of timesteps alone"):
        loss(oracle, {})
