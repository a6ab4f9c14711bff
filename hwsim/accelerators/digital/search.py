"""The blocking of a layer that moves least to and from DRAM, and of those the one with fewest accesses of the buffer.

All blockings are weighed where they are few.  Else blocks are of the smallest size for each number of them; where even
these are many, a few of each axis are tried first, and from the best of every order all sizes of two axes at a time
until none is better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import combinations, permutations
from math import prod

import numpy as np

from hwsim.accelerators.digital.accesses import accesses
from hwsim.accelerators.digital.blocking import LOOPS, Blocking, Loop
from hwsim.accelerators.digital.footprint import SMALL, Blocks, Geometry, weigh
from hwsim.contract.arrays import IntArray

FEW = 1 << 16  # blockings of an order that are all weighed, our choice
THIN = 6  # sizes of an axis that are tried at first where there are more blockings, our choice
MET = 1 << 20  # places that tiles of blocks meet, looked at for one order, our choice
MOST_STEPS = 1 << 13  # blocks of a layer, our choice: bounds the jobs
_NEVER = np.iinfo(np.int64).max


@lru_cache(maxsize=4096)
def search(geometry: Geometry) -> Blocking | None:
    """The best blocking of a layer; None where no block fits the space."""
    axes = [geometry.sizes(axis, every=True) for axis in Blocks._fields]
    if prod(axis.size for axis in axes) > FEW or max(geometry.outputs) > SMALL:
        axes = [geometry.sizes(axis) for axis in Blocks._fields]
    found = [each for order in orders(geometry) if (each := _best(geometry, order, axes)) is not None]
    if not found:
        return None
    least = min(dram for dram, _, _ in found)
    tied = [(order, blocks) for dram, order, blocks in found if dram == least]
    return _of_tied(geometry, tied)


def orders(geometry: Geometry) -> Iterator[tuple[Loop, ...]]:
    """Orders of the loops that can have trips; the others are outermost."""
    loops = geometry.loops
    idle = tuple(loop for loop in LOOPS if loop not in loops)
    return (idle + order for order in permutations(loops))


def _best(
    geometry: Geometry, order: tuple[Loop, ...], axes: Sequence[IntArray]
) -> tuple[int, tuple[Loop, ...], Blocks] | None:
    """The least DRAM bits of an order, and all blockings found that move no more."""
    if prod(axis.size for axis in axes) <= FEW:
        dram, blocks = _tried(geometry, order, axes)
    else:
        dram, blocks = _tried(geometry, order, [_thinned(axis) for axis in axes])
        if dram == _NEVER:  # blocks of one each are always among them
            return None
        dram, blocks = _refined(geometry, order, axes, dram, blocks)
    return None if dram == _NEVER else (dram, order, blocks)


def _thinned(axis: IntArray) -> IntArray:
    """A few sizes in about equal ratios, the first and the last among them."""
    if axis.size <= THIN:
        return axis
    wanted = np.geomspace(axis[0], axis[-1], THIN)
    return np.unique(axis[np.searchsorted(axis, wanted - 0.5).clip(0, axis.size - 1)])


def _refined(
    geometry: Geometry, order: tuple[Loop, ...], axes: Sequence[IntArray], dram: int, blocks: Blocks
) -> tuple[int, Blocks]:
    """Try all sizes of two axes at a time around the first of the best until nothing is less."""
    while True:
        at = [sizes[:1] for sizes in blocks]
        before = dram
        for pair in combinations(range(len(axes)), 2):
            varied = [axis if i in pair else at[i] for i, axis in enumerate(axes)]
            other, found = _tried(geometry, order, varied)
            if other < dram:
                dram, blocks = other, found
                at = [sizes[:1] for sizes in blocks]
        if dram == before:
            return dram, blocks


def _tried(geometry: Geometry, order: tuple[Loop, ...], axes: Sequence[IntArray]) -> tuple[int, Blocks]:
    """Weigh all blockings with sizes of some axes: the least DRAM bits of those that fit, and all that move as many."""
    open_grid = Blocks(*np.meshgrid(*axes, indexing="ij", sparse=True))
    moved = weigh(geometry, order, open_grid)
    fits = (moved.space_bits <= geometry.space_bits) & (moved.steps <= MOST_STEPS)
    dram = np.where(fits, moved.dram_bits, _NEVER)
    least = int(dram.min())
    places = np.nonzero(dram == least)
    return least, Blocks(*(axis[place] for axis, place in zip(axes, places, strict=True)))


def _of_tied(geometry: Geometry, tied: Sequence[tuple[tuple[Loop, ...], Blocks]]) -> Blocking:
    """Of blockings that move as little, that with the fewest accesses of the buffer, then with the fewest blocks."""
    best: tuple[int, int, int] | None = None
    chosen: Blocking | None = None
    most = max(4, MET // (geometry.positions * geometry.window.taps))
    for number, (order, every) in enumerate(tied):
        blocks = _of_few_shapes(every, most)
        words, steps = accesses(geometry, order, blocks), weigh(geometry, order, blocks).steps
        place = int(np.lexsort((steps, words))[0])
        if best is None or (int(words[place]), int(steps[place]), number) < best:
            best = int(words[place]), int(steps[place]), number
            chosen = Blocking(*(int(sizes[place]) for sizes in blocks), order)
    assert chosen is not None
    return chosen


def _of_few_shapes(blocks: Blocks, most: int) -> Blocks:
    """Blockings of some sizes of rows and columns, of the largest where there are more."""
    shapes, which = np.unique(np.stack([blocks.rows, blocks.columns]), axis=1, return_inverse=True)
    if shapes.shape[1] <= most:
        return blocks
    largest = np.argsort(-shapes.prod(axis=0), kind="stable")[:most]
    chosen = np.isin(which.ravel(), largest)
    return Blocks(*(sizes[chosen] for sizes in blocks))
