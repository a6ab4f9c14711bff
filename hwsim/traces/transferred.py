"""What crosses the edge of a chip for one inference: its input as it is coded, and the class that it decides on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transferred:
    """Bits to the chip, as a mean over the recorded samples with its standard error, and bits from it."""

    input_bits: float
    output_bits: int
    input_error: float | None = 0.0  # None of one sample that others may differ from

    @classmethod
    def of(cls, input_bits: float, classes: int, input_error: float | None = 0.0) -> Transferred:
        """Some input, and the index of one of so many classes."""
        return cls(float(input_bits), (classes - 1).bit_length(), input_error)
