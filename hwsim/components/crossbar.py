"""A crossbar of resistive cells: heat, charge of the lines, area; it knows no converters and no weights."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hwsim.arch.schema import Cost
from hwsim.components.given import Given, PricedSpec, Reference
from hwsim.components.price import Price, Priced
from hwsim.components.technology import Technology
from hwsim.units import PJ_PER_FJ

WIRE_FF_PER_UM = 0.2  # NeuroSim family
_PJ_PER_W_NS = 1e3


class CrossbarReference(Reference):
    """Geometry of given prices."""

    rows: int
    columns: int
    cell_bits: int


class CrossbarGiven(Given):
    """Given prices of a crossbar."""

    at: CrossbarReference
    read_cell_pj: Cost
    read_level_pj: Cost
    read_mean_pj: Cost
    drive_row_pj: Cost
    precharge_column_pj: Cost
    read_ns: float = Field(gt=0)


class Crossbar(PricedSpec):
    """Prices of one read; a cell at level n (0 is off) costs `read_cell` + n * `read_level` when its row is driven.

    - `read_cell`: V_supply V_read G_off t, a driven cell at level 0.
    - `read_level`: V_supply V_read (G_on - G_off) / (2^cell_bits - 1) t; levels are equally spaced conductances.
    - `read_mean`: a driven cell at the mean of G_on and G_off, for machines that do not look at the weights.
    - `drive_row`: C V^2 of one word line at `driver_v` over all columns, wire and access transistors.
    - `precharge_column`: C V_supply V_read of one bit line over all rows, wire only.
    Heat is V^2 G t where the rail is the read voltage; a higher `read_supply_v` pays the difference in its regulator.
    Wire 0.2 fF/um (NeuroSim family). Cells are priced in units of F, the technology's node unless `feature_nm` is
    given. `access_gate_ff` defaults to what makes a row of 64 cells of 12 F at 32 nm and 1.1 V cost 20 fJ. The area is
    that of the cells alone.
    """

    rows: int = Field(ge=1, le=8192)
    columns: int = Field(ge=1, le=8192)
    cell_bits: int = Field(ge=1, le=8)
    device: Literal["rram"]
    r_on_ohm: float = Field(gt=0)
    r_off_ohm: float = Field(gt=0)
    read_v: float = Field(gt=0, le=5)
    read_supply_v: float = Field(gt=0, le=5)
    read_ns: float = Field(gt=0)
    driver_v: float = Field(gt=0, le=5)
    cell_width_f: float = Field(gt=0)
    cell_height_f: float = Field(gt=0)
    feature_nm: float | None = Field(default=None, gt=0)
    access_gate_ff: float = Field(default=0.18, ge=0)
    law: Literal["ohmic", "given"]
    given: CrossbarGiven | None = None

    @model_validator(mode="after")
    def _states_are_ordered(self) -> Crossbar:
        if self.r_off_ohm <= self.r_on_ohm:
            raise ValueError(f"r_off_ohm must be more than r_on_ohm = {self.r_on_ohm:g}, got {self.r_off_ohm:g}")
        if self.read_supply_v < self.read_v:
            raise ValueError(f"read_supply_v must be at least read_v = {self.read_v:g}, got {self.read_supply_v:g}")
        return self

    @property
    def levels(self) -> int:
        """Conductance levels of a cell."""
        return 1 << self.cell_bits

    def by_law(self, technology: Technology) -> Priced:
        """Ohm's law for the cells, C V^2 for the lines (see the class)."""
        volts2 = self.read_supply_v * self.read_v
        on, off = 1 / self.r_on_ohm, 1 / self.r_off_ohm
        cell = (
            f"{self.read_supply_v:g} V x {self.read_v:g} V x G x {self.read_ns:g} ns, "
            f"{self.r_on_ohm:g}/{self.r_off_ohm:g} ohm, {self.levels} levels"
        )

        def heat(siemens: float, what: str) -> Price:
            return Price.exact(volts2 * siemens * self.read_ns * _PJ_PER_W_NS, f"{what}: {cell}; {self.source}")

        feature_um = (self.feature_nm or technology.node_nm) / 1e3
        width_um, height_um = self.cell_width_f * feature_um, self.cell_height_f * feature_um
        row_ff = self.columns * (width_um * WIRE_FF_PER_UM + self.access_gate_ff)
        column_ff = self.rows * height_um * WIRE_FF_PER_UM
        wire = f"wire {WIRE_FF_PER_UM:g} fF/um (NeuroSim family)"
        row = f"C V^2 of {self.columns} cells at {self.driver_v:g} V: {wire}, access gate {self.access_gate_ff:g} fF"
        column = f"C V^2 of {self.rows} cells at {self.read_supply_v:g} V x {self.read_v:g} V: {wire}"
        actions = {
            "read_cell": heat(off, "cell at G_off"),
            "read_level": heat((on - off) / (self.levels - 1), "one level"),
            "read_mean": heat((on + off) / 2, "cell at the mean level"),
            "drive_row": Price.exact(row_ff * self.driver_v**2 * PJ_PER_FJ, row),
            "precharge_column": Price.exact(column_ff * volts2 * PJ_PER_FJ, column),
        }
        area_um2 = self.rows * self.columns * width_um * height_um
        size = f"{self.rows} x {self.columns} cells of {self.cell_width_f:g} F x {self.cell_height_f:g} F"
        nothing = Price.exact(0.0, "resistive cells do not leak when no row is driven")
        return Priced(actions, Price.exact(area_um2, size), nothing, {"read": self.read_ns})
