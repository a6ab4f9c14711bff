"""The range and step of the ADCs of a layer, from the architecture and the largest sum.

An ADC of b bits has the codes 0 to 2**b - 1; one that converts a difference, -2**(b-1) to 2**(b-1) - 1.
"""

from __future__ import annotations

from math import ceil

import numpy as np

from hwsim.accelerators.imc.functional.cells import Cells, off_levels
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.kernels.crossbar.reads import NOISE_BITS, Conversion

_NOISE_ROOT = 3**0.5  # the kernel's noise has a sigma of 2**16 / sqrt(3)
_NOISE_UNIT_BITS = 16


def signed(spec: ImcSpec) -> bool:
    """Whether an ADC converts the difference of two columns."""
    return spec.signs.encoding == "differential" and spec.signs.subtraction == "analog"


def largest_sum(spec: ImcSpec, rows: int, digit: int) -> int:
    """Levels that an ADC sees when so many rows at the highest level are driven with a digit, rounded up."""
    per_row = float(spec.crossbar.levels - 1)
    if spec.devices.off_current == "after_adc" and not signed(spec):
        per_row += off_levels(spec)
    return ceil(rows * digit * per_row)


def step_bits(spec: ImcSpec, rows: int, digit: int) -> int:
    """Codes are 2**step_bits levels apart, in a layer whose reads drive at most `rows` rows with digits to `digit`."""
    rule = spec.devices.full_scale
    if rule == "level":
        return 0
    covered = rows if rule == "rows" else rule
    return max(0, largest_sum(spec, covered, digit).bit_length() - (spec.adc.bits - signed(spec)))


def conversion_of(spec: ImcSpec, cells: Cells, rows: int, digit: int) -> Conversion:
    """The rule by which a layer's columns are converted, as the kernel takes it."""
    bits = spec.adc.bits
    sigma = spec.devices.read_noise_levels * _NOISE_ROOT * (1 << cells.fraction_bits)
    return Conversion(
        fraction_bits=cells.fraction_bits,
        step_bits=step_bits(spec, rows, digit),
        lowest=-(1 << (bits - 1)) if signed(spec) else 0,
        highest=(1 << (bits - signed(spec))) - 1,
        off_current=cells.off_current,
        noise_scale=round(sigma * (1 << (NOISE_BITS - _NOISE_UNIT_BITS))),
        noise_key=np.uint64(0),  # each timestep has its own
        reads_silence=bool(spec.devices.read_noise_levels) and spec.skip == "none",
        largest=int(cells.currents.max()),
        smallest=int(cells.currents.min()),
    )
