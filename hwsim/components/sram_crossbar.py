"""A crossbar of SRAM bit cells with analog bit lines: charge and leakage."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from hwsim.components.cell_array import WIRE_SOURCE, CellArray
from hwsim.components.cell_write import LineWrite, Writes
from hwsim.components.pricing.cacti import capacities, port_widths, rows_of
from hwsim.components.pricing.devices import Corner
from hwsim.components.pricing.memory_scaling import memory_scaling
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology, refuse_gone
from hwsim.errors import ArchitectureError
from hwsim.units import PJ_PER_FJ, uw_from_mw

_BITS_PER_BYTE = 8


class SramCrossbar(CellArray):
    """Cells of one bit with a read port of their own; a driven cell that holds a 1 draws charge from its bit line.

    A bit line is precharged to `precharge_v` (the supply unless it is stated); each driven 1 takes an equal share of
    `swing_v` (half of that), so that all rows together take the whole swing and the sum is the line's voltage. Then,
    with C the bit line's wire and a `junction_ff` a cell:
    - `read_level`: C V_precharge V_swing / rows, what recharging costs for each driven 1.
    - `read_cell`: nothing, a 0 leaves the line as it is.  `read_mean`: half of `read_level`.
    - `precharge_column`: nothing more, the charge is billed where it is taken.
    A cell leaks what a bit of the largest CACTI memory leaks, its periphery included, brought to the technology as
    memories are (see `memory_scaling`); cells may have a `corner` of their own.

    Writing a cell swings one of its two bit lines over the whole supply, C V^2; a row takes C V^2 of its word line.
    The lines of the write port are as long as those that are read.
    """

    device: Literal["sram"]
    cell_bits: int = Field(ge=1, le=1)
    precharge_v: float | None = Field(default=None, gt=0, le=5)
    swing_v: float | None = Field(default=None, gt=0, le=5)
    junction_ff: float = Field(default=0.18, ge=0)
    corner: Corner | None = None
    write: LineWrite | None = None
    law: Literal["bit_line", "given"]

    @model_validator(mode="before")
    @classmethod
    def _of_today(cls, written: Any) -> Any:
        return refuse_gone(written, "temperature_k")

    @property
    def off_fraction(self) -> float:
        """A driven 0 draws nothing."""
        return 0.0

    def by_law(self, technology: Technology) -> Priced:
        """C V V for the lines and the CACTI table for the leakage (see the class).

        Raises:
            ArchitectureError: a line swings further than it is charged.

        """
        precharge_v = self.precharge_v or technology.vdd_v
        swing_v = self.swing_v or precharge_v / 2
        if swing_v > precharge_v:
            raise ArchitectureError(f"swing_v must be at most precharge_v = {precharge_v:g}, got {swing_v:g}")
        line_ff = self.bit_line_ff(technology, self.junction_ff)
        one_pj = line_ff * precharge_v * swing_v / self.rows * PJ_PER_FJ
        line = (
            f"1/{self.rows} of {swing_v:g} V on {line_ff:.3g} fF from {precharge_v:g} V: {WIRE_SOURCE}, "
            f"junction {self.junction_ff:g} fF; {self.source}"
        )
        actions = {
            "read_cell": Price.exact(0.0, "a cell that holds a 0 leaves its bit line charged"),
            "read_level": Price.exact(one_pj, f"cell that holds a 1: {line}"),
            "read_mean": Price.exact(one_pj / 2, f"cell that holds a 1 half of the time: {line}"),
            "drive_row": self.drive_row(technology),
            "precharge_column": Price.exact(0.0, "billed to the cells that take the charge"),
        }
        area, leakage = self.area_um2(technology), self._leakage_uw(technology)
        return Priced(self.with_whole_array(actions), area, leakage, {"read": self.read_ns})

    def writes(self, technology: Technology) -> Writes:
        """C V^2 of a bit line a cell, and of a word line a row (see the class)."""
        if self.write is None:
            return {}
        volts2 = technology.vdd_v**2 * PJ_PER_FJ
        line_ff, word_ff = self.bit_line_ff(technology, self.junction_ff), self.word_line_ff(technology)
        cell = f"C V^2 of {line_ff:.3g} fF at {technology.vdd_v:g} V: {WIRE_SOURCE}, junction {self.junction_ff:g} fF"
        row = f"C V^2 of {self.columns} cells at {technology.vdd_v:g} V: {WIRE_SOURCE}"
        return {"cell": Price.exact(line_ff * volts2, cell), "row": Price.exact(word_ff * volts2, row)}

    def _leakage_uw(self, technology: Technology) -> Price:
        scaling = memory_scaling(technology, self.corner, "1rw")
        kind, factor = scaling.kind, scaling.leakage
        size = capacities(kind)[-1], port_widths(kind)[0]
        bit_uw = uw_from_mw(rows_of(kind)[size].leakage_mw) / (size[0] * _BITS_PER_BYTE)
        bit = f"CACTI 7 (own runs), a bit of {size[0] // 1024} KiB, {kind}"
        source = f"{bit}, {scaling.how}" if scaling.how else bit
        low, value, high = (bit_uw * each * self.rows * self.columns for each in factor)
        return Price(value, low, high, source)
