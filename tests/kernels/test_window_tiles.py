"""Counting under windows, tile by tile, against loops over single bits."""

from __future__ import annotations

import numpy as np
from accelerators.imc.counting_cases import windows
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.kernels.crossbar.window_tiles import channel_groups, count_tiles
from hwsim.traces.planes import pack_channels


def naive(bits, window, groups, tile):
    """bits [plane, sample, time, place, channel] -> (ones, most), each [sample, time, group, tile]."""
    planes, samples, steps, _, channels = bits.shape
    positions = window.out_height * window.out_width
    tiles = (positions + tile - 1) // tile
    ones = np.zeros((samples, steps, groups, tiles), np.int64)
    most = np.zeros_like(ones)
    size = channels // groups
    for s, t, g, position in np.ndindex(samples, steps, groups, positions):
        oy, ox = position // window.out_width, position % window.out_width
        here = 0
        for ky, kx in np.ndindex(window.kernel):
            y = oy * window.stride[0] - window.padding[0] + ky * window.dilation[0]
            x = ox * window.stride[1] - window.padding[1] + kx * window.dilation[1]
            if 0 <= y < window.height and 0 <= x < window.width:
                for p in range(planes):
                    here += int(bits[p, s, t, y * window.width + x, g * size : (g + 1) * size].sum())
        ones[s, t, g, position // tile] += here
        most[s, t, g, position // tile] = max(most[s, t, g, position // tile], here)
    return ones, most


@st.composite
def cases(draw):
    window = draw(windows())
    groups = draw(st.sampled_from([1, 2, 3]))
    channels = groups * draw(st.sampled_from([1, 5, 22, 64]))
    shape = (draw(st.integers(1, 2)), 1, 2, window.height * window.width, channels)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return rng.random(shape) < draw(st.sampled_from([0.0, 0.2, 1.0])), window, groups, draw(st.integers(1, 30))


@settings(deadline=None)
@given(cases())
def test_counts_of_every_tile(case):
    bits, window, groups, tile = case
    found = count_tiles(pack_channels(bits), window, channel_groups(bits.shape[-1], groups), tile)
    for counts, wanted in zip(found, naive(bits, window, groups, tile), strict=True):
        np.testing.assert_array_equal(counts, wanted)


def test_groups_share_words():
    groups = channel_groups(130, 2)
    assert groups.first.tolist() == [0, 1]
    assert groups.stop.tolist() == [2, 3]
    assert [[bin(int(mask)).count("1") for mask in row] for row in groups.mask] == [[64, 1, 0], [0, 63, 2]]
