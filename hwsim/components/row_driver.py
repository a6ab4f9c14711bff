"""The driver of one crossbar row: what raises a word line from the logic's supply to its own."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology, area_factor
from hwsim.errors import ArchitectureError
from hwsim.units import PJ_PER_FJ

# A one-bit DAC of ISAAC, an inverter a row: 170 um2 for 8 x 128 of them at 32 nm (published component models).
_INVERTER_UM2, _INVERTER_NM = 170 / 1024, 32
# NeuRRAM (Wan et al., Nature 2022): drivers are 21 % of a core of 1.16 mm2 at 130 nm with 256 rows and 256 columns.
# That they are those of 768 lines, a word, a bit and a source line for each of 256, is our reading.
_NEURRAM_F2 = 0.21 * 1.16e6 / 768 / 0.13**2
_LINES_A_ROW = 3  # upper bound: a row pays for all three
_FAN_OUT = 4
# Gate and drain widths that one output of NeuroSim V1.3's level shifter switches, in F: 2 F x (15 n + 20 p) of the low
# inverter and 2 F x 32 n of both latch gates at vdd, 2 F x (64 n + 82 p) at the driver's supply; a p is as wide as 2 n.
_SHIFTER_LOW_F, _SHIFTER_HIGH_F = 2 * (15 + 2 * 20 + 2 * 32), 2 * (64 + 2 * 82)
_FF_PER_UM = 1.0  # of gate or drain width: our choice


class RowDriverGiven(Given):
    """Given prices of the driver of one row."""

    at: Reference
    drive_pj: Cost


class RowDriver(PricedSpec):
    """`drive`: one pulse on one row, without the charge of the word line itself, which is the crossbar's `drive_row`.

    - `inverters`: a chain with a fan-out of 4, whose stages together switch a third of the line's charge
      (1/4 + 1/16 + ...) at the line's supply. Area: ISAAC's, one a row, as logic.
    - `level_shifter`: for lines above the logic's supply, as RRAM has to be written: C vdd^2 of the input and C V^2 of
      the output transistors of NeuroSim V1.3's shifter at 1 fF/um, our choice. Area: that of one line of NeuRRAM in
      F^2, bounds ISAAC's inverter and all three lines of a row.
    `load_ff` and `driver_v` are the machine's crossbar's. The time of a pulse is within the crossbar's `read_ns`.
    """

    load_ff: float | None = Field(default=None, gt=0)
    driver_v: float | None = Field(default=None, gt=0, le=5)
    law: Literal["inverters", "level_shifter", "given"]
    given: RowDriverGiven | None = None

    def driving(self, load_ff: float, driver_v: float) -> RowDriver:
        """Size it for the machine's word lines, unless the file states them."""
        return self.completed(load_ff=load_ff, driver_v=driver_v)

    @property
    def register_bits(self) -> int:
        """None: the register before it is counted with the rows."""
        return 0

    def by_law(self, technology: Technology) -> Priced:
        """C V^2 of the driver's own transistors (see the class).

        Raises ArchitectureError when neither the file nor the machine says what a line is.
        """
        if self.load_ff is None or self.driver_v is None:
            missing = "load_ff" if self.load_ff is None else "driver_v"
            raise ArchitectureError(f"{missing} is missing, and this machine does not work it out itself")
        inverter_um2 = _INVERTER_UM2 * technology.area_factor / area_factor(_INVERTER_NM)
        if self.law == "inverters":
            pj = self.load_ff / (_FAN_OUT - 1) * self.driver_v**2 * PJ_PER_FJ
            energy = Price.exact(pj, f"C V^2 of inverters with a fan-out of 4 before {self.load_ff:.3g} fF")
            area = Price.exact(inverter_um2, "one-bit DAC, published component models of ISAAC (ISCA 2016)")
            return Priced({"drive": energy}, area, technology.logic_leakage_uw(area))
        per_f_ff = technology.node_nm / 1e3 * _FF_PER_UM
        pj = per_f_ff * PJ_PER_FJ * (_SHIFTER_LOW_F * technology.vdd_v**2 + _SHIFTER_HIGH_F * self.driver_v**2)
        shifter = f"C V^2 of a level shifter, widths of NeuroSim V1.3, {_FF_PER_UM:g} fF/um and bounds our choice"
        line_um2 = _NEURRAM_F2 * (technology.node_nm / 1e3) ** 2
        area = Price(
            line_um2,
            min(inverter_um2, line_um2),
            _LINES_A_ROW * line_um2,
            f"{_NEURRAM_F2:.0f} F^2, drivers of NeuRRAM (Nature 2022) a line",
        )
        return Priced({"drive": Price(pj, pj / 2, 2 * pj, shifter)}, area, technology.logic_leakage_uw(area))
