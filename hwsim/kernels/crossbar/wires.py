"""Column currents behind wires that have resistance, to first order in it.

The segment of a column below row p carries S_p, what the driven rows up to p draw.  Its drop r S_p is missing at each
of these, so what a column loses is r times the sum of S_p^2 over its segments, to first order.  A current S less that
is taken as S^2 / (S + loss), which is the same to first order and cannot turn negative.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.bits import trailing_zeros
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.read_rows import Reads, place_of
from hwsim.kernels.crossbar.rows import IntArray, Sliding

Words = NDArray[np.uint64]
Floats = NDArray[np.float64]


class Wires(NamedTuple):
    """What wires do to the columns of one group's crossbars, and room for the currents in them."""

    cells: NDArray[np.int32]  # [cell row, column] conductances; empty where wires have no resistance
    row: IntArray  # [cell row] of its crossbar; the rows of a read ascend
    rows: int  # of a crossbar
    segment: float  # resistance of a wire from row to row, in units of 1 / conductance
    taken_off: int  # of each driven unit pulse, ahead of the ADC
    passing: Floats  # [column]
    lost: Floats  # [column]


@kernel(allocates=False, inlined=True)
def drive_wires(
    planes: Words,
    s: int,
    digit: int,
    oy: int,
    ox: int,
    read: int,
    window: Sliding,
    reads: Reads,
    wires: Wires,
    currents: NDArray[Any],
) -> int:
    """Set `currents` [column] to what columns carry when a digit drives the rows of a read; the number of unit pulses.

    The bits of a digit are pulses one after another, `planes` uint64 [plane, sample, position, word].  Where there are
    twice as many wires as `currents`, those of the second half are subtracted from the first.
    """
    currents[:] = 0
    pulses, low = 0, digit * reads.dac_bits
    for plane in range(low, min(low + reads.dac_bits, planes.shape[0])):
        driven = _pass(planes[plane, s], oy, ox, read, window, reads, wires)
        pulses += driven << (plane - low)
        for c in range(wires.passing.size):
            carried = wires.passing[c] + wires.segment * wires.lost[c]
            # Nothing is below zero, so the whole part is the floor, which LLVM would look for elsewhere.
            sensed = np.int64(wires.passing[c] * (wires.passing[c] / max(carried, 1.0)) + 0.5)
            if c < currents.size:
                currents[c] += (sensed - driven * wires.taken_off) << (plane - low)
            else:
                currents[c - currents.size] -= sensed << (plane - low)
    return pulses


@kernel(allocates=False, inlined=True)
def _pass(words: Words, oy: int, ox: int, read: int, window: Sliding, reads: Reads, wires: Wires) -> int:
    """Find what passes the end of each column, and what is lost on the way; the number of driven rows."""
    wires.passing[:] = 0.0
    wires.lost[:] = 0.0
    driven, at, segments = 0, 0, reads.segments
    for i in range(segments.start[read], segments.start[read + 1]):
        place = place_of(i, oy, ox, window, reads)
        if place < 0:
            continue
        word = words[place, segments.word[i]] & segments.mask[i]
        while word != np.uint64(0):
            cell = reads.first_row[i] + trailing_zeros(word)
            word &= word - np.uint64(1)
            if driven:
                _go_down(wires, float(wires.row[cell] - at))
            at = wires.row[cell]
            for c in range(wires.passing.size):
                wires.passing[c] += wires.cells[cell, c]
            driven += 1
    _go_down(wires, float(wires.rows - at))
    return driven


@kernel(allocates=False, inlined=True)
def _go_down(wires: Wires, segments: float) -> None:
    """Add what the currents so far lose over so many segments."""
    for c in range(wires.passing.size):
        wires.lost[c] += wires.passing[c] * wires.passing[c] * segments
