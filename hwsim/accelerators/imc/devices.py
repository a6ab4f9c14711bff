"""What is not ideal about cells and converters; only the functional mode computes with it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hwsim.arch.schema import ComponentSpec

Fraction = Annotated[float, Field(ge=0, le=1)]


class Devices(ComponentSpec):
    """Cells with errors, and the range of the converters that read them.

    Currents count in levels: level n of a cell conducts G_off + n (G_on - G_off) / (2^cell_bits - 1), one level is
    (G_on - G_off) / (2^cell_bits - 1) for one unit pulse.

    - `conductance_variation`: sigma / mu of every cell's conductance, drawn once, normal and not below zero.
    - `stuck_on`, `stuck_off`: fractions of cells that hold the highest level, or level 0, whatever was written.
    - `read_noise_levels`: sigma, in levels, of what is added to a column's current anew at every conversion.
    - `off_current: before_adc`: G_off times the driven pulses is taken off a column's current before the ADC;
      `after_adc`: the ADC converts it too and as many levels, rounded, are subtracted from the code.  Pairs that are
      subtracted before the ADC cancel it either way.
    - `full_scale: level`: one code a level, and what is above the highest code is clipped; a number of rows, or `rows`,
      all rows that a read of the layer can drive: codes are the smallest power of two of levels apart with which the
      sum of so many rows at the highest level and digit is not more than a step above the highest code.
    """

    conductance_variation: Fraction
    stuck_on: Fraction
    stuck_off: Fraction
    read_noise_levels: float = Field(ge=0, le=1000)
    off_current: Literal["before_adc", "after_adc"]
    full_scale: Annotated[int, Field(ge=1, le=8192)] | Literal["level", "rows"]
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def _stuck_at_one_level(self) -> Devices:
        if self.stuck_on + self.stuck_off > 1:
            raise ValueError(f"stuck_on + stuck_off must be at most 1, got {self.stuck_on + self.stuck_off:g}")
        return self

    @property
    def exact_levels(self) -> bool:
        """Whether every cell conducts a whole number of levels above G_off, and nothing is added."""
        return not (self.conductance_variation or self.read_noise_levels)


IDEAL = Devices(
    conductance_variation=0.0,
    stuck_on=0.0,
    stuck_off=0.0,
    read_noise_levels=0.0,
    off_current="before_adc",
    full_scale="level",
    seed=0,
    source="ideal, where an architecture says nothing",
)
