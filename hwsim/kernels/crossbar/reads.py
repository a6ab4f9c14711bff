"""What crossbars give for the rows that spikes drive: column currents, conversions, shifts and sums.

Of each read (row block, phase) and input digit the cells of the driven rows are added, column by column, in integers;
every column sum is converted on its own; codes are shifted by the weight of slice and digit and added.  Integer sums
have no order, so the result depends on nothing but the arguments.

This is any crossbar, one position after another; most layers can go the way of `looked_up`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.bits import popcount, trailing_zeros
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.converters import Converters, differ
from hwsim.kernels.crossbar.read_noise import noise
from hwsim.kernels.crossbar.read_rows import Reads, place_of
from hwsim.kernels.crossbar.rows import IntArray, Sliding
from hwsim.kernels.crossbar.wires import Wires, drive_wires
from hwsim.kernels.crossbar.word_vectors import add_rows

Words = NDArray[np.uint64]
NOISE_BITS = 24
"""A noise term is `noise() * Conversion.noise_scale >> NOISE_BITS`."""


class Columns(NamedTuple):
    """What each column of one group's crossbars holds, and what its code is worth."""

    cells: NDArray[np.int32]  # [cell row, column]: part by part over the outputs, then reference columns
    factors: IntArray  # [part] what a level of that part (slice, sign) is worth
    references: IntArray  # [output] its reference column; empty where there is none
    reference_factor: int  # what a level of a reference column is worth, subtracted
    offset: int  # subtracted for every driven unit pulse


class Conversion(NamedTuple):
    """The rule of an ADC: code = round(current / step) within lowest and highest.

    Half a step goes to the even code, so that whole levels are not converted to more than they are on average.
    """

    fraction_bits: int  # currents count in 2**-fraction_bits levels
    step_bits: int  # codes are 2**step_bits levels apart
    lowest: int
    highest: int
    off_current: int  # of each driven unit pulse, in currents: reaches the ADC and is subtracted after it
    noise_scale: int
    noise_key: np.uint64  # of this layer and timestep
    reads_silence: bool  # whether columns are converted when no row is driven
    largest: int  # of all cells, to know which reads cannot clip
    smallest: int
    spread: bool  # whether converters have errors of their own


class Scratch(NamedTuple):
    """Room for one group of one position, and the counts."""

    currents: IntArray  # [column]
    sums: IntArray  # [output]
    listed: IntArray  # [64] rows
    counts: IntArray  # [2] conversions, conversions that clipped; added to


@kernel(allocates=False)
def read_layer(
    planes: Words,
    window: Sliding,
    reads: Reads,
    columns: Columns,
    conversion: Conversion,
    wires: Wires | None,
    converters: Converters,
    first_sample: int,
    scratch: Scratch,
    passed: NDArray[np.int32],
) -> None:
    """Fill `passed` int32 [sample, y, x, output] from `planes` uint64 [plane, sample, position, word].

    Sums beyond 32 bits saturate.  `first_sample` is the number of the first, on which noise depends.  Without wires
    none of what they need is compiled.
    """
    n_reads = reads.segments.start.size - 1
    n_digits = -(-planes.shape[0] // reads.dac_bits)
    n_outputs = scratch.sums.size
    currents = scratch.currents
    for s in range(planes.shape[1]):
        for oy in range(window.out_height):
            for ox in range(window.out_width):
                place = ((first_sample + s) * window.out_height + oy) * window.out_width + ox
                for first in range(0, n_reads, reads.per_group):
                    scratch.sums[:] = 0
                    excess = 0
                    for read in range(first, first + reads.per_group):
                        for digit in range(n_digits):
                            if wires is not None:
                                driven = drive_wires(planes, s, digit, oy, ox, read, window, reads, wires, currents)
                            else:
                                driven = _drive(planes, s, digit, oy, ox, read, window, reads, columns, scratch)
                            if driven or conversion.reads_silence:
                                if conversion.spread:
                                    differ(read // reads.segments.phases, converters, currents)
                                number = (place * n_reads + read) * n_digits + digit
                                excess += _convert(driven, digit * reads.dac_bits, number, columns, conversion, scratch)
                    start = first // reads.per_group * n_outputs
                    for o in range(n_outputs):
                        passed[s, oy, ox, start + o] = min(max(scratch.sums[o] - excess, -2147483647), 2147483647)


@kernel(allocates=False, inlined=True)
def _drive(
    planes: Words,
    s: int,
    digit: int,
    oy: int,
    ox: int,
    read: int,
    window: Sliding,
    reads: Reads,
    columns: Columns,
    scratch: Scratch,
) -> int:
    """Add the cells of all rows that a digit drives to `scratch.currents`; the number of unit pulses."""
    currents, segments = scratch.currents, reads.segments
    currents[:] = 0
    driven = 0
    low = digit * reads.dac_bits
    for i in range(segments.start[read], segments.start[read + 1]):
        place = place_of(i, oy, ox, window, reads)
        if place < 0:
            continue
        for plane in range(low, min(low + reads.dac_bits, planes.shape[0])):
            word = planes[plane, s, place, segments.word[i]] & segments.mask[i]
            driven += popcount(word) << (plane - low)
            n = 0
            while word != np.uint64(0):
                scratch.listed[n] = reads.first_row[i] + trailing_zeros(word)
                word &= word - np.uint64(1)
                n += 1
            add_rows(columns.cells, scratch.listed, n, plane - low, currents, currents.size)
    return driven


@kernel(allocates=False, inlined=True)
def _convert(
    driven: int, digit_shift: int, number: int, columns: Columns, conversion: Conversion, scratch: Scratch
) -> int:
    """Convert the columns of one read and add them up; returns what makes all sums too large.

    That is what was added to weights and by cells that are off.
    """
    currents, sums = scratch.currents, scratch.sums
    if conversion.noise_scale:
        for c in range(currents.size):
            term = noise(conversion.noise_key, number * currents.size + c) * conversion.noise_scale
            currents[c] += term >> NOISE_BITS
    shift, bottom, top = code_range(conversion)
    safe = driven * conversion.largest <= top and driven * conversion.smallest >= bottom
    subtracted = (driven * conversion.off_current + ((1 << conversion.fraction_bits) >> 1)) >> conversion.fraction_bits
    scratch.counts[0] += currents.size
    if not safe or conversion.noise_scale or conversion.spread:
        clipped = 0
        for c in range(currents.size):
            clipped += (currents[c] > top) | (currents[c] < bottom)
            currents[c] = min(max(currents[c], bottom), top)
        scratch.counts[1] += clipped
    excess = columns.offset * driven
    for part in range(columns.factors.size):
        factor = columns.factors[part]
        excess += subtracted * factor
        for o in range(sums.size):
            sums[o] += _level(currents[part * sums.size + o], shift, conversion) * factor << digit_shift
    if columns.references.size:
        excess -= subtracted * columns.reference_factor
        for o in range(sums.size):
            level = _level(currents[columns.references[o]], shift, conversion)
            sums[o] -= level * columns.reference_factor << digit_shift
    return excess << digit_shift


@kernel(allocates=False, inlined=True)
def code_range(conversion: Conversion) -> tuple[int, int, int]:
    """By how many bits a code is above a current, and the lowest and highest currents that have codes in range."""
    shift = conversion.fraction_bits + conversion.step_bits
    half = (1 << shift) >> 1
    return shift, (conversion.lowest << shift) - half, ((conversion.highest + 1) << shift) - half - 1


@kernel(allocates=False, inlined=True)
def _level(current: np.integer[Any], shift: int, conversion: Conversion) -> np.int64:
    """The level that a code stands for, of a current that has one: `shift` is that of a step.

    Half a level goes up, here and in what is subtracted, so that a fraction of all driven rows leaves no trace.
    """
    raised = np.int64(current) + ((1 << shift) >> 1)
    code = raised >> shift
    if conversion.step_bits == 0:
        return code
    code -= (raised & ((1 << shift) - 1) == 0) & code & 1
    return np.int64(max(code, conversion.lowest)) << conversion.step_bits
