"""Which bits keep reads of row blocks, and windows, from being silent, and what that weighs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.bits import popcount, trailing_zeros
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.rows import Segments, Sliding

IntArray = NDArray[np.int64]
Words = NDArray[np.uint64]
Reals = NDArray[np.float32]


def read_marginals(
    planes: Words, window: Sliding, segments: Segments, digit_bits: int, weights: Reals, found: Reals, *, shared: bool
) -> None:
    """Add to `found` [plane, sample, time, place, channel] what each bit changes if it alone is turned.

    With `shared` the set bits of a phase have equal shares of what it weighs that a row is driven there.

    `planes` is uint64 [plane, sample, time, place, word]; `weights` [3, sample, time, output row] what one weighs of
    the phases with a driven row, of the phases one after another, and of the silent digits.
    """
    phases = segments.start.size - 1
    room = np.zeros((2, phases), np.int64)
    _marginals(np.ascontiguousarray(planes), window, segments, digit_bits, weights, shared, room, found)


@kernel(allocates=False)
def _marginals(
    planes: Words,
    window: Sliding,
    segments: Segments,
    digit_bits: int,
    weights: Reals,
    shared: bool,
    room: IntArray,
    found: Reals,
) -> None:
    ones, active = room[0], room[1]
    blocks = ones.size // segments.phases
    for s in range(planes.shape[1]):
        for t in range(planes.shape[2]):
            for low in range(0, planes.shape[0], digit_bits):
                high = min(low + digit_bits, planes.shape[0])
                for oy in range(window.out_height):
                    each = weights[0, s, t, oy]
                    serial, silent = weights[1, s, t, oy], weights[2, s, t, oy]
                    if each == 0 and serial == 0 and silent == 0:
                        continue
                    for ox in range(window.out_width):
                        few = _count(planes, s, t, low, high, oy, ox, window, segments, ones)
                        if not (few or shared):
                            continue
                        most, ties = 0, 0
                        for b in range(blocks):
                            active[b] = 0
                            for p in range(b * segments.phases, (b + 1) * segments.phases):
                                active[b] += ones[p] > 0
                            if active[b] > most:
                                most, ties = active[b], 0
                            ties += active[b] == most
                        for p in range(ones.size):
                            if ones[p] > 1:
                                if shared:
                                    share = each / ones[p]
                                    _spread(planes, s, t, low, high, oy, ox, window, segments, p, ones[p], share, found)
                                continue
                            of_block = active[p // segments.phases]
                            if ones[p] == 0:
                                change = each + (serial if of_block == most else 0) - (silent if most == 0 else 0)
                            else:
                                alone = of_block == most and ties == 1
                                change = each + (serial if alone else 0) - (silent if alone and most == 1 else 0)
                            _spread(planes, s, t, low, high, oy, ox, window, segments, p, ones[p], change, found)


@kernel(allocates=False, inlined=True)
def _count(
    planes: Words,
    s: int,
    t: int,
    low: int,
    high: int,
    oy: int,
    ox: int,
    window: Sliding,
    segments: Segments,
    ones: IntArray,
) -> bool:
    """Fill `ones` [phase] with the set bits that a window drives; returns whether any phase has at most one."""
    few = False
    for phase in range(ones.size):
        ones[phase] = 0
        for i in range(segments.start[phase], segments.start[phase + 1]):
            y = oy * window.stride[0] - window.padding[0] + segments.row[i] * window.dilation[0]
            x = ox * window.stride[1] - window.padding[1] + segments.column[i] * window.dilation[1]
            if y >= 0 and y < window.height and x >= 0 and x < window.width:
                for p in range(low, high):
                    ones[phase] += popcount(planes[p, s, t, y * window.width + x, segments.word[i]] & segments.mask[i])
        few |= ones[phase] <= 1
    return few


@kernel(allocates=False, inlined=True)
def _spread(
    planes: Words,
    s: int,
    t: int,
    low: int,
    high: int,
    oy: int,
    ox: int,
    window: Sliding,
    segments: Segments,
    phase: int,
    ones: int,
    change: float,
    found: Reals,
) -> None:
    """Add a change to every bit of a phase where none is set, else to those that are."""
    for i in range(segments.start[phase], segments.start[phase + 1]):
        y = oy * window.stride[0] - window.padding[0] + segments.row[i] * window.dilation[0]
        x = ox * window.stride[1] - window.padding[1] + segments.column[i] * window.dilation[1]
        if y < 0 or y >= window.height or x < 0 or x >= window.width:
            continue
        place = y * window.width + x
        for p in range(low, high):
            bits = segments.mask[i]
            if ones > 0:
                bits = bits & planes[p, s, t, place, segments.word[i]]
            while bits != 0:
                bit = trailing_zeros(bits)
                found[p, s, t, place, 64 * segments.word[i] + bit] += change
                bits = bits & (bits - np.uint64(1))
