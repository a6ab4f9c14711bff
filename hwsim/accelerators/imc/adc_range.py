"""Which sums of a read the ADC can tell apart, and which are beyond its range."""

from __future__ import annotations

from math import ceil

from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.errors import ArchitectureError

_MOST_OFF_LEVELS = 1 << 16


def signed(spec: ImcSpec) -> bool:
    """Whether an ADC converts the difference of two columns."""
    return spec.signs.encoding == "differential" and spec.signs.subtraction == "analog"


def largest_sum(spec: ImcSpec, rows: int, digit: int) -> int:
    """Levels that an ADC sees when so many rows at the highest level are driven with a digit, rounded up."""
    per_row = float(spec.crossbar.levels - 1)
    if spec.devices.off_current == "after_adc" and not signed(spec):
        per_row += off_levels(spec)
    return ceil(rows * digit * per_row)


def off_levels(spec: ImcSpec) -> float:
    """Conductance of a cell at level 0, in levels.

    Raises ArchitectureError where on and off are so near that a level cannot be told.
    """
    fraction = spec.crossbar.off_fraction
    levels = (spec.crossbar.levels - 1) * fraction / (1 - fraction)
    if levels > _MOST_OFF_LEVELS:
        raise ArchitectureError(
            f"crossbar.r_off_ohm: a cell that is off conducts {levels:.0f} levels, the functional mode takes up to "
            f"{_MOST_OFF_LEVELS}; on and off must differ more"
        )
    return levels


def lossless_adc_bits(spec: ImcSpec) -> int:
    """Bits that can tell all sums of a read apart: ceil(log2(rows (2**cell_bits - 1) (2**dac_bits - 1) + 1)).

    One more where differences are converted, and the current of cells that are off where the ADC sees it.
    """
    return largest_sum(spec, _rows_together(spec), (1 << spec.dac.bits) - 1).bit_length() + signed(spec)


def adc_range_rows(spec: ImcSpec) -> int:
    """Driven rows (unit pulses) whose largest sum is always within the range of the configured ADC."""
    rows, highest = spec.rows_at_once, (1 << (spec.adc.bits - signed(spec))) - 1
    in_range = highest * rows // largest_sum(spec, rows, 1)
    covered = spec.devices.full_scale
    if covered == "rows":
        covered = _rows_together(spec) * ((1 << spec.dac.bits) - 1)
    return in_range if covered == "level" else max(in_range, covered)


def _rows_together(spec: ImcSpec) -> int:
    """Rows that one conversion adds up at most."""
    return spec.rows_at_once * (spec.chip.crossbars_per_pe if spec.assumptions.conversion == "pe" else 1)
