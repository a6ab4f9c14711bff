"""Products by matrices of floats are those of integers, one by one, at any density and up to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.doors.products import DenseProducts
from hwsim.traces import Conv2d, Input, Linear, Network, StoredWeights
from hwsim.traces.direct.drawn_run import run_drawn
from hwsim.traces.direct.golden import execute
from hwsim.traces.network.window import Window


def currents(layer, weights, x):
    """Python's own integers, place by place."""
    window, groups = layer.window, layer.groups
    (kernel, _), (stride, _), (pad, *_) = window.kernel, window.stride, window.padding
    rows, across, n_out = layer.shape
    per_in, per_out = x.shape[2] // groups, n_out // groups
    wanted = np.zeros(layer.shape, np.int64)
    for oy in range(rows):
        for ox in range(across):
            for o in range(n_out):
                total = 0
                for ky in range(kernel):
                    for kx in range(kernel):
                        y, left = oy * stride - pad + ky, ox * stride - pad + kx
                        if 0 <= y < x.shape[0] and 0 <= left < x.shape[1]:
                            for i in range(per_in):
                                value = int(x[y, left, o // per_out * per_in + i])
                                total += int(weights[ky, kx, i, o]) * value
                wanted[oy, ox, o] = total
    return wanted


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 999),
    st.sampled_from([(1, 1, 0), (3, 1, 1), (3, 2, 1), (2, 2, 0), (5, 1, 2)]),
    st.sampled_from([1, 2, 4]),
    st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    st.sampled_from([1, 8]),
)
def test_convolutions(seed, window, groups, density, bits):
    rng = np.random.default_rng(seed)
    kernel, stride, pad = window
    size = (6 + 2 * pad - kernel) // stride + 1, (5 + 2 * pad - kernel) // stride + 1
    values = rng.integers(-128, 128, (kernel, kernel, 4 // groups, 8), np.int8)
    stored = StoredWeights(values, 8, np.ones(8, np.float32))
    layer = Conv2d("c", ("input",), (*size, 8), Window.square(*window), groups, stored, None, None)
    network = Network((Input("input", (), (6, 5, 4), bits), layer))
    x = rng.integers(0, 1 << bits, (3, 6, 5, 4)) * (rng.random((3, 6, 5, 4)) < density)
    found = DenseProducts(network)(layer, x.astype(np.int32), 0, 0)
    assert found.dtype == np.int32
    for place in range(3):
        np.testing.assert_array_equal(found[place], currents(layer, values, x[place]))


@pytest.mark.parametrize("n_in", [500, 1100])
def test_sums_on_both_sides_of_what_a_single_float_holds(n_in):
    """127 x 255 x 500 is below 2^24, x 1100 above: one is added in singles and one in doubles, to the last bit."""
    rng = np.random.default_rng(0)
    values = rng.integers(120, 128, (1, 1, n_in, 2), np.int8)
    stored = StoredWeights(values, 8, np.ones(2, np.float32))
    layer = Linear("l", ("input",), (1, 1, 2), stored, None, None)
    network = Network((Input("input", (), (1, 1, n_in), 8), layer))
    products = DenseProducts(network)
    kind = products._weights["l"].dtype
    assert kind == (np.float32 if 127 * 255 * n_in < 2**24 else np.float64)
    x = rng.integers(200, 256, (4, 1, 1, n_in)).astype(np.int32)
    wanted = x[:, 0, 0].astype(np.int64) @ values[0, 0].astype(np.int64)
    assert wanted.max() > 2**23
    np.testing.assert_array_equal(products(layer, x, 0, 0)[:, 0, 0], wanted)


@pytest.mark.parametrize("seed", range(8))
def test_whole_networks_do_the_same(seed):
    trace = run_drawn("mixed", 4, 3, seed=seed, input_rate=0.4)
    run = execute(trace.network, trace.inputs.values, 4, DenseProducts(trace.network))
    for name, packed in trace.spikes.items():
        np.testing.assert_array_equal(run.spikes[name].words, packed.words)
    np.testing.assert_array_equal(run.logits, trace.logits["recorded"].values)
