"""What is not ideal about cells, wires and converters; only the functional mode computes with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hwsim.arch.schema import ComponentSpec

Fraction = Annotated[float, Field(ge=0, le=1)]
PerKelvin = Annotated[float, Field(ge=-0.1, le=0.1)]


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

    The rest is off unless it is stated (`docs/decisions/0019-device-errors.md` has the laws and their sources):
    - `row_wire_ohm`, `column_wire_ohm`: of the wire from a cell to the next, along a row and along a column.
    - `adc_offset_lsb`, `adc_gain_error`: sigma of each ADC's offset, in codes, and of its relative gain error.
    - `drift_nu`, `drift_nu_sigma`: mean and sigma over cells of nu in G(t) = G(t0) (t / t0)^-nu, not below zero, with t
      `drift_s` and t0 `drift_t0_s` after programming.  Phase change: 0.049 to 0.1 and 0.008 to 0.045 at 20 s
      (Nandakumar et al., ICECS 2019, as aihwkit has it).
    - `temperature_on_per_k`, `temperature_off_per_k`: relative change of a cell's conductance a kelvin, at the highest
      level and at level 0, linear in the level between; `temperature_sigma_per_k` its sigma over cells.  Cells were
      programmed at `programmed_k` and are read at `technology.temperature_k`.
    """

    conductance_variation: Fraction
    stuck_on: Fraction
    stuck_off: Fraction
    read_noise_levels: float = Field(ge=0, le=1000)
    off_current: Literal["before_adc", "after_adc"]
    full_scale: Annotated[int, Field(ge=1, le=8192)] | Literal["level", "rows"]
    seed: int = Field(ge=0)
    row_wire_ohm: float = Field(default=0.0, ge=0, le=1e4)
    column_wire_ohm: float = Field(default=0.0, ge=0, le=1e4)
    adc_offset_lsb: float = Field(default=0.0, ge=0, le=1000)
    adc_gain_error: Fraction = 0.0
    drift_nu: float = Field(default=0.0, ge=0, le=1)
    drift_nu_sigma: float = Field(default=0.0, ge=0, le=1)
    drift_s: float = Field(default=1.0, gt=0, le=1e12)
    drift_t0_s: float = Field(default=1.0, gt=0, le=1e12)
    temperature_on_per_k: PerKelvin = 0.0
    temperature_off_per_k: PerKelvin = 0.0
    temperature_sigma_per_k: float = Field(default=0.0, ge=0, le=0.1)
    programmed_k: float = Field(default=300.0, ge=200, le=500)

    @model_validator(mode="after")
    def _stuck_at_one_level(self) -> Devices:
        if self.stuck_on + self.stuck_off > 1:
            raise ValueError(f"stuck_on + stuck_off must be at most 1, got {self.stuck_on + self.stuck_off:g}")
        return self

    @model_validator(mode="after")
    def _time_goes_on(self) -> Devices:
        if self.drift_s < self.drift_t0_s:
            raise ValueError(
                f"drift_s must be at least drift_t0_s = {self.drift_t0_s:g}, from which on cells drift, "
                f"got {self.drift_s:g}"
            )
        return self

    @property
    def exact_levels(self) -> bool:
        """Whether every cell conducts a whole number of levels above G_off, and nothing is added or lost."""
        noisy = self.conductance_variation or self.read_noise_levels or self.converters_differ
        return not (noisy or self.has_wires or self.drifts or self.has_warmth)

    @property
    def has_wires(self) -> bool:
        """Whether wires have a resistance."""
        return bool(self.row_wire_ohm or self.column_wire_ohm)

    @property
    def converters_differ(self) -> bool:
        """Whether ADCs have errors of their own."""
        return bool(self.adc_offset_lsb or self.adc_gain_error)

    @property
    def drifts(self) -> bool:
        """Whether conductances change with time."""
        return bool(self.drift_nu or self.drift_nu_sigma)

    @property
    def has_warmth(self) -> bool:
        """Whether conductances change with temperature."""
        return bool(self.temperature_on_per_k or self.temperature_off_per_k or self.temperature_sigma_per_k)

    @property
    def stated(self) -> Mapping[str, Any]:
        """Values to report: those that a file must state, and the others where they are not the default."""
        fields = type(self).model_fields.items()
        return {
            key: getattr(self, key)
            for key, field in fields
            if key != "source" and (field.is_required() or getattr(self, key) != field.default)
        }


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


def refused_errors(devices: Devices, device: str, conversion: str, coding: str) -> str | None:
    """Why a crossbar of this device, so converted and driven, cannot have these errors; nothing if it can."""
    resistive = {
        "row_wire_ohm": devices.row_wire_ohm,
        "column_wire_ohm": devices.column_wire_ohm,
        "drift_nu": devices.drift_nu,
        "drift_nu_sigma": devices.drift_nu_sigma,
        "temperature_on_per_k": devices.temperature_on_per_k,
        "temperature_off_per_k": devices.temperature_off_per_k,
        "temperature_sigma_per_k": devices.temperature_sigma_per_k,
    }
    for key, value in resistive.items():
        if value and device != "rram":
            return f"devices.{key}: is of cells with a conductance, so crossbar.device: rram, got {device}"
    if devices.column_wire_ohm and conversion == "pe":
        return (
            "devices.column_wire_ohm: needs columns that are converted one by one, so assumptions.conversion: "
            f"crossbar, got {conversion}"
        )
    if devices.column_wire_ohm and coding == "amplitude":
        return (
            f"devices.column_wire_ohm: needs rows that are driven in pulses, so dac.coding: pulse_width, got {coding}"
        )
    return None
