"""The blocking of a layer that moves least to and from DRAM, and of those the one with fewest accesses of the buffer.

All blockings are weighed where they are few.  Else blocks are of the smallest size for each number of them, and:

- With the loop over input channels innermost the partial sums stay in the buffer, so that what moves does not depend on
  how many input channels a block has, unless it has all: the fewest, for which there is most room, and all are weighed
  with all other sizes.
- With that loop further out partial sums go to DRAM.  A few sizes of each axis are tried first, and from the best of
  those all sizes of two or three axes at a time until none is better.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import permutations, product
from math import prod
from typing import NamedTuple

import numpy as np

from hwsim.accelerators.digital.accesses import accesses
from hwsim.accelerators.digital.blocking import LOOPS, Blocking, Loop
from hwsim.accelerators.digital.footprint import Blocks, weigh
from hwsim.accelerators.digital.geometry import SMALL, Geometry
from hwsim.contract.arrays import IntArray
from hwsim.distinct import distinct

FEW = 1 << 16  # blockings of an order that are all weighed, our choice
THIN = 5  # sizes of an axis that are tried at first where there are more blockings, our choice
MET = 1 << 20  # places that tiles of blocks meet, looked at for one order, our choice
MOST_STEPS = 1 << 14  # blocks of a layer, our choice: bounds the jobs
MANY = 1 << 19  # the same where input channels are innermost, our choice
STARTS = 3  # blockings that are refined, of other orders or numbers of timesteps and images, our choice
VARIED = ((0, 1, 2), (0, 1, 3), (2, 3), (0, 4), (0, 5), (2, 4), (2, 5), (3, 4), (3, 5))  # axes tried together
INPUTS = Blocks._fields.index("inputs")
_NEVER = np.iinfo(np.int64).max


class Found(NamedTuple):
    """The least DRAM bits of some blockings of one order, and those that move no more."""

    dram: int
    order: tuple[Loop, ...]
    blocks: Blocks


@lru_cache(maxsize=4096)
def search(geometry: Geometry) -> Blocking | None:
    """The best blocking of a layer; None where no block fits the space."""
    axes = [geometry.sizes(axis, every=True) for axis in Blocks._fields]
    if prod(axis.size for axis in axes) > FEW or max(geometry.outputs) > SMALL:
        axes = [geometry.sizes(axis) for axis in Blocks._fields]
    if prod(axis.size for axis in axes) <= FEW:
        found = [_tried(geometry, order, axes) for order in orders(geometry)]
    else:
        inner = [order for order in orders(geometry) if order[-1] == "inputs"]
        ends = [_small_and_all(axis) if i == INPUTS else axis for i, axis in enumerate(axes)]
        if prod(axis.size for axis in ends) > MANY:
            ends = [_thinned(axis) if i < INPUTS else axis for i, axis in enumerate(ends)]
        found = [_tried(geometry, order, ends) for order in inner]
        starts = sorted(_thinned_out(geometry, axes), key=lambda start: start.dram)
        found += [_refined(geometry, axes, start) for start in starts[:STARTS]]
    if {each.dram for each in found} - {_NEVER} and prod(axis.size for axis in axes) > FEW:
        least = min(each.dram for each in found)
        found = [_with_all_inputs(geometry, axes[INPUTS], each) for each in found if each.dram == least]
    least = min((each.dram for each in found), default=_NEVER)
    return None if least == _NEVER else _of_tied(geometry, [each for each in found if each.dram == least])


def orders(geometry: Geometry) -> Iterator[tuple[Loop, ...]]:
    """Orders of the loops that can have trips; the others are outermost."""
    loops = geometry.loops
    idle = tuple(loop for loop in LOOPS if loop not in loops)
    return (idle + order for order in permutations(loops))


def _thinned_out(geometry: Geometry, axes: Sequence[IntArray]) -> Iterator[Found]:
    """The best of every order with input channels further out, and number of timesteps and images, of a few sizes."""
    few = [_thinned(axis) for axis in axes]
    for order in (order for order in orders(geometry) if order[-1] != "inputs"):
        for together in product(*few[-2:]):
            yield _tried(geometry, order, [*few[:-2], *(np.array([size]) for size in together)])


def _small_and_all(axis: IntArray) -> IntArray:
    """A few small sizes, as one of 1 may be of too many blocks, and the last."""
    return distinct(axis[[*np.searchsorted(axis, [1, 2, 4, 8]).clip(0, axis.size - 1), -1]])


def _thinned(axis: IntArray) -> IntArray:
    """A few sizes in about equal ratios, the first and the last among them."""
    if axis.size <= THIN:
        return axis
    wanted = np.geomspace(axis[0], axis[-1], THIN)
    return distinct(axis[np.searchsorted(axis, wanted - 0.5).clip(0, axis.size - 1)])


def _refined(geometry: Geometry, axes: Sequence[IntArray], start: Found) -> Found:
    """Try all sizes of some axes at a time around the first of the best until nothing is less."""
    best = start
    while best.dram < _NEVER:
        before = best.dram
        for some in VARIED:
            at = [sizes[:1] for sizes in best.blocks]
            other = _tried(geometry, start.order, [axis if i in some else at[i] for i, axis in enumerate(axes)])
            best = other if other.dram < best.dram else best
        if best.dram == before:
            break
    return best


def _with_all_inputs(geometry: Geometry, axis: IntArray, found: Found) -> Found:
    """The same with every number of input channels that moves no more."""
    columns = [sizes[:, None] + 0 * axis for sizes in found.blocks]
    columns[INPUTS] = np.broadcast_to(axis, columns[0].shape)
    blocks = Blocks(*(column.ravel() for column in columns))
    moved = weigh(geometry, found.order, blocks)
    as_good = (moved.dram_bits == found.dram) & (moved.space_bits <= geometry.space_bits) & (moved.steps <= MOST_STEPS)
    return found._replace(blocks=Blocks(*(sizes[as_good] for sizes in blocks)))


def _tried(geometry: Geometry, order: tuple[Loop, ...], axes: Sequence[IntArray]) -> Found:
    """Weigh all blockings with sizes of some axes."""
    open_grid = Blocks(*np.meshgrid(*axes, indexing="ij", sparse=True))
    moved = weigh(geometry, order, open_grid)
    fits = (moved.space_bits <= geometry.space_bits) & (moved.steps <= MOST_STEPS)
    dram = np.where(fits, moved.dram_bits, _NEVER)
    least = int(dram.min())
    places = np.nonzero(dram == least)
    return Found(least, order, Blocks(*(axis[place] for axis, place in zip(axes, places, strict=True))))


def _of_tied(geometry: Geometry, tied: Sequence[Found]) -> Blocking:
    """Of blockings that move as little, that with the fewest accesses of the buffer, then with the fewest blocks."""
    best: tuple[int, int, int] | None = None
    chosen: Blocking | None = None
    most = max(4, MET // (geometry.positions * geometry.window.taps))
    for number, (_, order, every) in enumerate(tied):
        blocks = _of_few_shapes(every, most)
        words, steps = accesses(geometry, order, blocks), weigh(geometry, order, blocks).steps
        place = int(np.lexsort((steps, words))[0])
        if best is None or (int(words[place]), int(steps[place]), number) < best:
            best = int(words[place]), int(steps[place]), number
            sizes = {axis: int(each[place]) for axis, each in blocks._asdict().items()}
            chosen = Blocking(**sizes, order=order)
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
