"""What a read weighs is shared out to the bits that drive it, beside plain loops over reads and single bits."""

from __future__ import annotations

import numpy as np
from accelerators.imc.counting_cases import packed, patches, random_bits, segments_by_row, square, windows
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.kernels.crossbar.read_marginals import read_marginals
from hwsim.kernels.crossbar.rows import count_rows


def naive_shares(bits, window, reads, digit_bits, weight):
    """Each read on its own: 1/n of what it weighs to its n set bits, all of it to each bit where none is set."""
    shares = np.zeros(bits.shape)
    maps = shares.reshape(*bits.shape[:3], window.height, window.width, -1)
    seen, read = patches(bits, window), reads @ [int(reads[..., 1].max()) + 1, 1]
    inside = patches(np.ones_like(bits), window) > 0
    n_planes, samples, times, out_height, out_width, *_ = seen.shape
    for s, t, oy, ox in np.ndindex(samples, times, out_height, out_width):
        for low in range(0, n_planes, digit_bits):
            digit = slice(low, low + digit_bits)
            for number in np.unique(read):
                there = (read == number) & inside[digit, s, t, oy, ox]
                set_bits = there & (seen[digit, s, t, oy, ox] > 0)
                chosen = set_bits if set_bits.any() else there
                for plane, ky, kx, channel in np.argwhere(chosen):
                    y = oy * window.stride[0] - window.padding[0] + ky * window.dilation[0]
                    x = ox * window.stride[1] - window.padding[1] + kx * window.dilation[1]
                    maps[low + plane, s, t, y, x, channel] += weight[s, t, oy] / max(1, set_bits.sum())
    return shares


@settings(max_examples=40, deadline=None)
@given(window=windows(), data=st.data())
def test_shares_of_any_placement(window, data):
    """Those of all set bits add up to the active reads, which another kernel counts."""
    channels, planes = data.draw(st.sampled_from([1, 3, 66]), "channels"), data.draw(st.integers(1, 3), "planes")
    bits = random_bits(data.draw, window, channels, planes)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32), "placement"))
    reads = rng.integers(0, data.draw(st.sampled_from([1, 3]), "most blocks"), (*window.kernel, channels, 2))
    digit_bits, segments = data.draw(st.integers(1, 2), "digit"), segments_by_row(reads)
    weights = np.zeros((3, *bits.shape[1:3], window.out_height))
    weights[0] = rng.random(weights.shape[1:])
    found = np.zeros((*bits.shape[:4], channels))
    read_marginals(packed(bits), window, segments, digit_bits, weights, found, shared=True)
    np.testing.assert_allclose(found, naive_shares(bits, window, reads, digit_bits, weights[0]), rtol=1e-9, atol=1e-12)

    active = count_rows(packed(bits), window, segments, digit_bits, 0).active
    total = (found * bits).sum(axis=(0, 3, 4))
    np.testing.assert_allclose(total, (active * weights[0]).sum(axis=2), rtol=1e-9, atol=1e-12)


def test_time_stays_that_of_single_bits():
    """What phases one after another and silent digits weigh is not shared, so that both credits have the same of it."""
    rng = np.random.default_rng(1)
    bits = (rng.random((1, 2, 2, 20, 5)) < 0.2).astype(np.int64)
    window = square(4, 5, 3, 1)
    segments = segments_by_row(rng.integers(0, 3, (3, 3, 5, 2)))
    weights = np.zeros((3, 2, 2, 4))
    weights[1:] = rng.random((2, 2, 2, 4))
    single, shared = (np.zeros(bits.shape) for _ in range(2))
    read_marginals(packed(bits), window, segments, 1, weights, single, shared=False)
    read_marginals(packed(bits), window, segments, 1, weights, shared, shared=True)
    assert single.any()
    np.testing.assert_array_equal(shared, single)
