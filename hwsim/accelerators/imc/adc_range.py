"""Which sums of a read the ADC can tell apart, and which are beyond its range."""

from __future__ import annotations

from hwsim.accelerators.imc.functional.conversion import largest_sum, signed
from hwsim.accelerators.imc.spec import ImcSpec


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
