"""The range and step of the ADCs of a layer, from the architecture and the largest sum.

An ADC of b bits has the codes 0 to 2**b - 1; one that converts a difference, -2**(b-1) to 2**(b-1) - 1.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from hwsim.accelerators.imc.adc_range import largest_sum, signed
from hwsim.accelerators.imc.functional.cells import Cells
from hwsim.accelerators.imc.functional.normal import UNIT_BITS, normals
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.kernels.counter_rng import stream_key
from hwsim.kernels.crossbar.converters import GAIN_BITS, Converters
from hwsim.kernels.crossbar.reads import NOISE_BITS, Conversion

_NOISE_ROOT = 3**0.5  # the kernel's noise has a sigma of 2**16 / sqrt(3)
_NOISE_UNIT_BITS = 16


def step_bits(spec: ImcSpec, rows: int, digit: int) -> int:
    """Codes are 2**step_bits levels apart, in a layer whose reads drive at most `rows` rows with digits to `digit`."""
    rule = spec.devices.full_scale
    if rule == "level":
        return 0
    covered = rows if rule == "rows" else rule
    return max(0, largest_sum(spec, covered, digit).bit_length() - (spec.adc.bits - signed(spec)))


def _extremes(cells: Cells) -> tuple[int, int]:
    """What a driven row can add to a column at most, and at least."""
    if not cells.conductances.size:
        return int(cells.currents.max()), int(cells.currents.min())
    # Wires take some of it, in the worst case all, but not of what is taken off or subtracted.
    paired = cells.conductances.shape[2] != cells.currents.shape[2]
    largest = int(cells.conductances.max())
    return largest - cells.taken_off, -largest if paired else -cells.taken_off


def conversion_of(spec: ImcSpec, cells: Cells, rows: int, digit: int) -> Conversion:
    """The rule by which a layer's columns are converted, as the kernel takes it."""
    bits = spec.adc.bits
    sigma = spec.devices.read_noise_levels * _NOISE_ROOT * (1 << cells.fraction_bits)
    largest, smallest = _extremes(cells)
    return Conversion(
        fraction_bits=cells.fraction_bits,
        step_bits=step_bits(spec, rows, digit),
        lowest=-(1 << (bits - 1)) if signed(spec) else 0,
        highest=(1 << (bits - signed(spec))) - 1,
        off_current=cells.off_current,
        noise_scale=round(sigma * (1 << (NOISE_BITS - _NOISE_UNIT_BITS))),
        noise_key=np.uint64(0),  # each timestep has its own
        reads_silence=bool(spec.devices.read_noise_levels or spec.devices.adc_offset_lsb) and spec.skip == "none",
        largest=largest,
        smallest=smallest,
        spread=spec.devices.converters_differ,
    )


def converters_of(spec: ImcSpec, name: str, cells: Cells, blocks: int, shift: int) -> Converters:
    """Errors of the ADCs of a layer's columns in so many row blocks; a code is 2**shift of a current.

    ADC i, in the order [row block, column block, ADC of the crossbar], has its offset from number 2 i of the stream
    'seed/adc/layer' and its gain from number 2 i + 1 (`normal`).  A column has that which its place falls to; a pair
    that of its first.
    """
    if not spec.devices.converters_differ:
        nothing = np.empty((0, 0), np.int64)
        return Converters(nothing, nothing)
    n = cells.currents.shape[2]
    per_crossbar = ceil(spec.crossbar.columns / spec.adc.columns_per_adc)
    crossbar, place = cells.sites.crossbar[:n], cells.sites.place[:n]
    crossbars = int(cells.sites.crossbar.max()) + 1
    drawn = normals(stream_key(spec.devices.seed, "adc", name), 0, 2 * blocks * crossbars * per_crossbar)
    drawn = drawn.reshape(blocks, crossbars, per_crossbar, 2)[:, crossbar, place // spec.adc.columns_per_adc]
    scale = np.array([spec.devices.adc_offset_lsb * (1 << shift), spec.devices.adc_gain_error * (1 << GAIN_BITS)])
    found = np.rint(drawn * (scale / (1 << UNIT_BITS))).astype(np.int64)
    return Converters(np.ascontiguousarray(found[..., 0]), np.ascontiguousarray(found[..., 1]))
