"""Random maps under sliding windows, and what a crossbar read sees of them, in plain loops over single spikes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from traces.direct.networks import windows_of

from hwsim.kernels.crossbar.rows import RowCounts, Segments, Sliding

RATES = [0.0, 0.02, 0.3, 1.0]


@st.composite
def windows(draw):
    """Any window that fits on the padded map, with fewer outputs than fit now and then."""
    by_axis = []
    for size in (draw(st.integers(1, 9)), draw(st.integers(1, 9))):
        before, after, stride = draw(st.integers(0, 3)), draw(st.integers(0, 3)), draw(st.integers(1, 3))
        kernel = draw(st.integers(1, min(4, size + before + after)))
        dilation = draw(st.sampled_from([1, 1, 1, 2, 3]))
        if dilation * (kernel - 1) >= size + before + after:
            dilation = 1
        fit = windows_of(size, kernel, stride, (before, after), dilation)
        by_axis.append((size, kernel, stride, before, dilation, draw(st.integers(max(1, fit - 1), fit))))
    sizes, kernel, stride, before, dilation, out = zip(*by_axis, strict=True)
    return Sliding(*sizes, kernel, stride, before, dilation, *out)


def square(height, width, kernel=1, padding=0, out=None):
    """A square window that moves by 1, with as many outputs as places unless given."""
    return Sliding(height, width, (kernel,) * 2, (1, 1), (padding,) * 2, (1, 1), *(out or (height, width)))


def random_bits(draw, window, channels, planes=1):
    """0/1 [plane, sample, time, position, channel], at rates where rows are silent, full, and in between."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = (planes, draw(st.integers(1, 2)), draw(st.integers(1, 2)), window.height * window.width, channels)
    bits = rng.random(shape) < draw(st.sampled_from(RATES))
    if draw(st.booleans()):
        bits |= rng.random((*shape[:3], window.height * window.width, 1)) < 0.5  # places in which everything spikes
    return bits.astype(np.int64)


def packed(bits):
    """Channel c as bit c % 64 of word c // 64, the last word filled with zeros."""
    filled = np.zeros((*bits.shape[:-1], -(-bits.shape[-1] // 64) * 64), np.uint8)
    filled[..., : bits.shape[-1]] = bits
    return np.packbits(filled, axis=-1, bitorder="little").view(np.uint64)


def patches(bits, window):
    """What each window sees: [plane, sample, time, output row, output column, kernel row, kernel column, channel]."""
    maps = bits.reshape(*bits.shape[:3], window.height, window.width, -1)
    out = window.out_height, window.out_width
    seen = np.zeros((*bits.shape[:3], *out, *window.kernel, bits.shape[-1]), np.int64)
    for oy, ox, ky, kx in np.ndindex(*out, *window.kernel):
        y = oy * window.stride[0] - window.padding[0] + ky * window.dilation[0]
        x = ox * window.stride[1] - window.padding[1] + kx * window.dilation[1]
        if 0 <= y < window.height and 0 <= x < window.width:
            seen[..., oy, ox, ky, kx, :] = maps[:, :, :, y, x]
    return seen


def segments_by_row(reads):
    """Every weight row as a segment of its own, sorted by read: the plainest form of what `count_rows` takes."""
    row, column, channel = np.indices(reads.shape[:3]).reshape(3, -1)
    phases = int(reads[..., 1].max()) + 1
    read = (reads @ [phases, 1]).ravel()
    order = np.argsort(read, kind="stable")
    start = np.searchsorted(read[order], np.arange((int(reads[..., 0].max()) + 1) * phases + 1))
    mask = np.uint64(1) << (channel[order] % 64).astype(np.uint64)
    return Segments(row[order], column[order], channel[order] // 64, mask, start.astype(np.int64), phases)


@st.composite
def shares(draw, window):
    """Ends of shares of the windows of a row, none of them empty."""
    inner = draw(st.sets(st.integers(1, window.out_width - 1))) if window.out_width > 1 else set()
    return np.array([0, *sorted(inner), window.out_width])


def naive_counts(seen, reads, dac_bits, range_rows, ends=None):
    """The counts of `RowCounts`, from patches and the read [row block, phase] of each weight row.

    `reads` int64 [kernel row, kernel column, channel, 2].
    """
    n_planes, *shape, out_width = seen.shape[:5]
    ends = [0, out_width] if ends is None else ends
    driven_rows, ones, active, over_range = np.zeros((4, *shape), np.int64)
    serial, silent = np.zeros((2, len(ends) - 1, *shape), np.int64)
    blocks = reads[..., 0].max() + 1
    phases = reads[..., 1].max() + 1
    one_hot = np.zeros((*reads.shape[:3], blocks, phases), np.int64)
    np.put_along_axis(one_hot.reshape(-1, blocks * phases), (reads @ [phases, 1]).reshape(-1, 1), 1, axis=1)
    for low in range(0, n_planes, dac_bits):
        planes = seen[low : low + dac_bits]
        digit = sum(plane << p for p, plane in enumerate(planes))
        driven = np.einsum("styxijc,ijcbp->styxbp", digit, one_hot)
        driven_rows += driven.sum(axis=(3, 4, 5))
        ones += planes.sum(axis=(0, 4, 5, 6, 7))
        active += (driven > 0).sum(axis=(3, 4, 5))
        over_range += (driven > range_rows).sum(axis=(3, 4, 5))
        for n, (first, end) in enumerate(pairwise(ends)):
            own = driven[:, :, :, first:end]
            serial[n] += (own > 0).sum(axis=5).max(axis=4).sum(axis=3)
            silent[n] += (own == 0).all(axis=(4, 5)).sum(axis=3)
    return RowCounts(driven_rows, ones, active, over_range, serial, silent)


def assert_counts(found, wanted):
    """Every count is the same."""
    for name, each in wanted._asdict().items():
        np.testing.assert_array_equal(getattr(found, name), each, name)
