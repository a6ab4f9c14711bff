"""Sums of driven rows and codes of currents against NumPy: every width, words from empty to full, rules of ADCs."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from hwsim.kernels.aligned import aligned
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.codes import convert
from hwsim.kernels.crossbar.subset_sums import (
    SUBSETS,
    TABLES,
    WORD_ROWS,
    add_driven,
    look_up,
    n_lanes,
    sum_subsets,
)
from hwsim.traces.planes import pack_channels

RATES = (0, 0.02, 0.3, 0.9, 1)


@kernel(allocates=False)
def tabled(cells, first, tables, to):
    sum_subsets(cells, first, tables, to)


@kernel(allocates=False)
def looked_up(words, first, n_words, tables, at, sums, to, shift):
    look_up(words, first, n_words, tables, at, sums, to, shift)


@kernel(allocates=False)
def driven(words, first, n_words, cells, at, tables, sums, to, shift):
    add_driven(words, first, n_words, cells, at, tables, sums, to, shift)


@kernel(allocates=False)
def converted(currents, n, bounds, bits, safe, factor, sums, to):
    return convert(currents, n, bounds, bits, safe, factor, sums, to)


@pytest.mark.parametrize(
    ("table", "total", "largest"), [("<i2", "<i2", 40), ("<i2", "<i4", 511), ("<i4", "<i4", 32767)]
)
def test_rows_are_added_with_tables_and_without(table, total, largest):
    rng = np.random.default_rng(largest)
    lanes, before, shift = n_lanes(np.dtype(table)), 3, 2
    cells = rng.integers(-largest - 1, largest + 1, (2 * WORD_ROWS, lanes)).astype(np.int16)
    own = cells[WORD_ROWS:]
    spikes = np.concatenate([rng.random((20, WORD_ROWS)) < rate for rate in RATES])
    words = pack_channels(spikes).reshape(-1)
    tables = aligned(2 * TABLES * SUBSETS * lanes, np.dtype(table))
    tabled(cells.reshape(-1), WORD_ROWS * lanes, tables, tables.size // 2)
    of_tables = tables[tables.size // 2 :].reshape(TABLES, SUBSETS, lanes)
    for t, subset in ((0, 0), (0, 5), (7, 8), (15, 15)):
        rows = [own[4 * t + bit] for bit in range(4) if subset >> bit & 1]
        assert (of_tables[t, subset] == np.sum(rows, axis=0, dtype=np.int64)).all()
    start = rng.integers(-9, 10, (words.size + before) * lanes).astype(total)
    expected = start.astype(np.int64)
    expected[before * lanes :] += (spikes.astype(np.int64) @ own << shift).reshape(-1)
    ways = (
        lambda sums: looked_up(words, 0, words.size, tables, tables.size // 2, sums, before * lanes, shift),
        lambda sums: driven(words, 0, words.size, cells.reshape(-1), own.size, tables, sums, before * lanes, shift),
    )
    for add in ways:
        sums = start.copy()
        add(sums)
        assert (sums == expected.astype(total)).all()


def code_of(current, shift, step_bits, lowest, highest):
    """Half a level goes up, half of a wider step to the even code; and whether it clips."""
    exact = Fraction(current, 1 << shift)
    code = floor(exact + Fraction(1, 2)) if step_bits == 0 else round(exact)
    return min(max(code, lowest), highest), not lowest <= code <= highest


@pytest.mark.parametrize("kind", [np.int16, np.int32])
@pytest.mark.parametrize(("fraction_bits", "step_bits"), [(0, 0), (0, 3), (4, 0), (4, 2)])
@pytest.mark.parametrize(("lowest", "highest"), [(0, 15), (-8, 7)])
def test_currents_become_levels(kind, fraction_bits, step_bits, lowest, highest):
    shift = fraction_bits + step_bits
    half, factor, before = (1 << shift) >> 1, -3, 5
    bottom, top = (lowest << shift) - half, ((highest + 1) << shift) - half - 1
    currents = np.arange(-2000, 2000)[: 4000 // 32 * 32].astype(kind)
    found = [code_of(int(current), shift, step_bits, lowest, highest) for current in currents]
    for safe in (False, True):
        kept = [not (safe and clips) for _, clips in found]
        own = np.where(kept, currents, kind(0))
        levels = [code << step_bits if here else 0 for (code, _), here in zip(found, kept, strict=True)]
        clips = 0 if safe else sum(clips for _, clips in found)
        sums = np.arange(before + own.size).astype(np.int32)
        expected = sums.astype(np.int64)
        expected[before:] += factor * np.array(levels)
        counted = converted(own, own.size, (bottom, top, lowest), (shift, step_bits), safe, factor, sums, before)
        assert counted == clips
        assert (sums == expected).all()


@pytest.mark.parametrize("n", [0, 1, 33, 4096])
def test_aligned_arrays_begin_at_a_line_of_the_cache_and_hold_zeros(n):
    for kind in (np.uint8, np.int16, np.int64):
        found = aligned(n, kind)
        assert found.ctypes.data % 64 == 0 or n == 0
        assert found.dtype == kind
        assert found.shape == (n,)
        assert not found.any()
