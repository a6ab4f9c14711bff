"""Conductance levels that spiking rows draw current through, from per-channel spike counts.

Places of an input row that the same kernel columns read form a class.  Spikes are counted per channel over a class, 64
channels at once, and the counts are multiplied with the levels of those columns once for each output row over them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.distinct import distinct
from hwsim.kept import kept_with
from hwsim.kernels.aligned import aligned
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.rows import Sliding, extent
from hwsim.kernels.crossbar.word_rows import outputs_over
from hwsim.kernels.crossbar.word_vectors import count_channels, multiply_counts

Words = NDArray[np.uint64]
IntArray = NDArray[np.int64]

_CHANNELS = 64  # of a word
_MOST = 255  # places that a byte-wide counter can count


class Classes(NamedTuple):
    """Places of a row that the same kernel columns read, at most 255 of them, a constant step apart."""

    first: IntArray  # [class] first place
    step: IntArray  # [class]
    size: IntArray  # [class]
    columns: IntArray  # [class, kernel column] 0 or 1: whether it reads them
    outputs: IntArray  # [row, 2] first and one past the last output row whose windows cover it


def sum_levels(planes: Words, window: Sliding, levels: IntArray, pulses: IntArray, sums: IntArray) -> None:
    """Add to `sums` int64 [sample, time, output row] the levels of all cells in the rows that are driven.

    `planes` is uint64 [plane, sample, time, position, word], contiguous; `levels` int64 [kernel row, kernel column,
    channel] the sum over its cells of each crossbar row, not negative; `pulses` int64 [plane] the unit pulses of a
    plane's bits.
    """
    classes, n_words = _classes(window), planes.shape[4]
    drawn = kept_with(levels).once(("drawn", window, n_words), lambda: _drawn(levels, window, n_words))
    counts = aligned(classes.size.size * n_words * _CHANNELS, np.uint8)
    n_maps, flat = sums.shape[0] * sums.shape[1], sums.reshape(-1)
    for low, weights in drawn:
        _add_levels(planes.reshape(-1), window, n_words, classes, weights, pulses << low, counts, n_maps, flat)


def _drawn(levels: IntArray, window: Sliding, n_words: int) -> list[tuple[int, NDArray[np.int16]]]:
    """What a spike in a place of each class draws in all kernel columns that read it, some of its bits at once.

    Lowest bit, and flattened [kernel row, class, channel] the value of the bits from there.
    """
    padded = np.zeros((*levels.shape[:2], n_words * _CHANNELS), np.int64)
    padded[:, :, : levels.shape[2]] = levels
    weights = np.einsum("kc,ycn->ykn", _classes(window).columns, padded).reshape(-1)
    bits = _weight_bits(window.width * n_words)
    lows = range(0, max(1, int(weights.max(initial=0)).bit_length()), bits)
    found = [(low, aligned(weights.size, np.int16)) for low in lows]
    for low, some in found:
        some[:] = weights >> low & (1 << bits) - 1
    return found


def _weight_bits(row_words: int) -> int:
    """How many bits of the levels `multiply_counts` can take at once: it adds up a row in lanes of 32 bits.

    A lane gets two channels of each word, each at most once for every place.
    """
    return min(15, 30 - row_words.bit_length())


@lru_cache(maxsize=256)
def _classes(window: Sliding) -> Classes:
    """The classes of a row's places that any window reads."""
    (_, columns_apart), right = window.dilation, window.stride[1]
    begin = np.arange(window.width)[:, None] + window.padding[1] - np.arange(window.kernel[1]) * columns_apart
    reads = (begin % right == 0) & (begin >= 0) & (begin // right < window.out_width)
    found, columns = [], []
    for pattern in distinct(reads, axis=0):
        places = np.flatnonzero((reads == pattern).all(axis=1))
        step = int(places[1] - places[0]) if places.size > 1 else 1
        if pattern.any():
            pieces = [places[low : low + _MOST] for low in range(0, places.size, _MOST)]
            found += [(piece[0], step, piece.size) for piece in pieces]
            columns += [pattern] * len(pieces)
    first, steps, size = np.array(found, np.int64).reshape(-1, 3).T.copy()
    outputs = outputs_over(window.height, extent(window)[0], window.stride[0], window.padding[0], window.out_height)
    return Classes(first, steps, size, np.array(columns, np.int64).reshape(-1, window.kernel[1]), outputs)


@kernel(allocates=False, level=3)
def _add_levels(
    words: Words,
    window: Sliding,
    n_words: int,
    classes: Classes,
    weights: NDArray[np.int16],
    pulses: IntArray,
    counts: NDArray[np.uint8],
    n_maps: int,
    sums: IntArray,
) -> None:
    """Add counts times `weights` [kernel row, class, channel] to `sums` [map, output row], both flattened."""
    for p in range(pulses.size):
        for m in range(n_maps):
            for y in range(window.height):
                row = ((p * n_maps + m) * window.height + y) * window.width * n_words
                for k in range(classes.size.size):
                    places = row + classes.first[k] * n_words, classes.step[k] * n_words, classes.size[k]
                    count_channels(words, places, n_words, counts, k * n_words * _CHANNELS)
                first, end = classes.outputs[y, 0], classes.outputs[y, 1]
                below = y + window.padding[0] - first * window.stride[0]
                if window.dilation[0] == 1:
                    rows = (below * counts.size, -window.stride[0] * counts.size, end - first)
                    multiply_counts(counts, weights, rows, pulses[p], sums, m * window.out_height + first)
                    continue
                for oy in range(first, end):
                    if below % window.dilation[0] == 0:
                        rows = (below // window.dilation[0] * counts.size, 0, 1)
                        multiply_counts(counts, weights, rows, pulses[p], sums, m * window.out_height + oy)
                    below -= window.stride[0]
