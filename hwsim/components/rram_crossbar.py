"""A crossbar of resistive cells: heat and charge of the lines."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hwsim.components.cell_array import WIRE_SOURCE, CellArray
from hwsim.components.cell_write import PulseWrite, Writes
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology
from hwsim.errors import ArchitectureError
from hwsim.units import PJ_PER_FJ

_PJ_PER_W_NS = 1e3


class RramCrossbar(CellArray):
    """Levels are equally spaced conductances from 1 / `r_off_ohm` to 1 / `r_on_ohm`.

    - `read_cell`: V_supply V_read G_off t, a driven cell at level 0.
    - `read_level`: V_supply V_read (G_on - G_off) / (2^cell_bits - 1) t.
    - `read_mean`: a driven cell at the mean of G_on and G_off.
    - `precharge_column`: C V_supply V_read of one bit line, wire only.
    Heat is V^2 G t where the rail is the read voltage; a higher `read_supply_v` (the supply unless it is stated)
    pays the difference in its regulator.

    Writing a cell takes `write.pulses` times V_pulse^2 G t_pulse and a read that verifies it, both at the mean of G_on
    and G_off; the bounds are all at G_off and all at G_on (NeuroSim's V^2 G t).  A row takes `write.row_pulses` times
    C V_pulse^2 of its word line.
    """

    device: Literal["rram"]
    r_on_ohm: float = Field(gt=0)
    r_off_ohm: float = Field(gt=0)
    read_v: float = Field(gt=0, le=5)
    read_supply_v: float | None = Field(default=None, gt=0, le=5)
    write: PulseWrite | None = None
    law: Literal["ohmic", "given"]

    @model_validator(mode="after")
    def _states_are_ordered(self) -> RramCrossbar:
        if self.r_off_ohm <= self.r_on_ohm:
            raise ValueError(f"r_off_ohm must be more than r_on_ohm = {self.r_on_ohm:g}, got {self.r_off_ohm:g}")
        if self.read_supply_v is not None and self.read_supply_v < self.read_v:
            raise ValueError(f"read_supply_v must be at least read_v = {self.read_v:g}, got {self.read_supply_v:g}")
        return self

    @property
    def off_fraction(self) -> float:
        """G_off over G_on."""
        return self.r_on_ohm / self.r_off_ohm

    def by_law(self, technology: Technology) -> Priced:
        """Ohm's law for the cells, C V^2 for the lines (see the class).

        Raises:
            ArchitectureError: the supply is below the read voltage.

        """
        supply_v = self.read_supply_v or technology.vdd_v
        if supply_v < self.read_v:
            raise ArchitectureError(f"read_v must be at most the supply of {supply_v:g} V, got {self.read_v:g}")
        volts2 = supply_v * self.read_v
        on, off = 1 / self.r_on_ohm, 1 / self.r_off_ohm
        cell = (
            f"{supply_v:g} V x {self.read_v:g} V x G x {self.read_ns:g} ns, "
            f"{self.r_on_ohm:g}/{self.r_off_ohm:g} ohm, {self.levels} levels"
        )

        def heat(siemens: float, what: str) -> Price:
            return Price.exact(volts2 * siemens * self.read_ns * _PJ_PER_W_NS, f"{what}: {cell}; {self.source}")

        column_pj = self.bit_line_ff(technology) * volts2 * PJ_PER_FJ
        column = f"C V^2 of {self.rows} cells at {supply_v:g} V x {self.read_v:g} V: {WIRE_SOURCE}"
        actions = {
            "read_cell": heat(off, "cell at G_off"),
            "read_level": heat((on - off) / (self.levels - 1), "one level"),
            "read_mean": heat((on + off) / 2, "cell at the mean level"),
            "drive_row": self.drive_row(technology),
            "precharge_column": Price.exact(column_pj, column),
        }
        nothing = Price.exact(0.0, "resistive cells do not leak when no row is driven")
        return Priced(self.with_whole_array(actions), self.area_um2(technology), nothing, {"read": self.read_ns})

    def writes(self, technology: Technology) -> Writes:
        """Pulses through cells and on word lines (see the class); what converts the verifying reads is not in it."""
        if self.write is None:
            return {}
        pulse, read_v2 = self.write, (self.read_supply_v or technology.vdd_v) * self.read_v
        per_siemens = (pulse.pulse_v**2 * pulse.pulse_ns + read_v2 * self.read_ns) * _PJ_PER_W_NS
        on, off = 1 / self.r_on_ohm, 1 / self.r_off_ohm
        low, value, high = (
            times * per_siemens * siemens
            for times, siemens in (
                (pulse.pulses.low, off),
                (pulse.pulses.value, (on + off) / 2),
                (pulse.pulses.high, on),
            )
        )
        cell = (
            f"{pulse.pulses.value:g} pulses of ({pulse.pulse_v:g} V)^2 x G x {pulse.pulse_ns:g} ns (NeuroSim's law), "
            f"each with a read, at the mean of {self.r_on_ohm:g}/{self.r_off_ohm:g} ohm; {pulse.source}"
        )
        line_pj = pulse.row_pulses * self.word_line_ff(technology) * pulse.pulse_v**2 * PJ_PER_FJ
        row = f"{pulse.row_pulses} x C V^2 of {self.columns} cells at {pulse.pulse_v:g} V: {WIRE_SOURCE}"
        return {"cell": Price(value, low, high, cell), "row": Price.exact(line_pj, row)}
