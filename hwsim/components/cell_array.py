"""What crossbars of any device share: cells on lines, their capacitance and area.

Wire is 0.2 fF/um (NeuroSim family). Cells are sized in units of F, the technology's node unless `feature_nm` is given.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping

from pydantic import Field, model_validator

from hwsim.arch.schema import Bounded, Cost
from hwsim.components.cell_write import CellWrite, Writes
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price
from hwsim.components.pricing.technology import Technology
from hwsim.units import PJ_PER_FJ

WIRE_FF_PER_UM = 0.2  # NeuroSim family
WIRE_SOURCE = f"wire {WIRE_FF_PER_UM:g} fF/um (NeuroSim family)"


class CellArrayReference(Reference):
    """Geometry of given prices."""

    rows: int
    columns: int
    cell_bits: int


class CellArrayGiven(Given):
    """Given prices: of the whole array in one figure, of its cells and lines one by one, or both."""

    at: CellArrayReference
    read_array_pj: Cost | None = None
    read_cell_pj: Cost | None = None
    read_level_pj: Cost | None = None
    read_mean_pj: Cost | None = None
    drive_row_pj: Cost | None = None
    precharge_column_pj: Cost | None = None
    read_ns: float = Field(gt=0)

    @model_validator(mode="after")
    def _something_is_given(self) -> CellArrayGiven:
        if not any(isinstance(getattr(self, name), Bounded) for name in type(self).model_fields if "read_" in name):
            raise ValueError("read_array_pj, or the prices of cells and lines, must be given")
        return self


class CellArray(PricedSpec):
    """A crossbar of `rows` x `columns` cells of `cell_bits` bits.

    A cell at level n (0 is off) costs `read_cell` + n * `read_level` when its row is driven; `read_mean` is a driven
    cell at the mean level, for machines that do not look at the weights. `drive_row` is C V^2 of one word line at
    `driver_v`, the supply unless it is stated, over all columns, wire and access transistors; `precharge_column` one
    bit line. `read_array` is everything at once: all rows driven, all cells at the mean level, all bit lines. The area
    is that of the cells; what drives and senses the lines is `RowDriver`, `ColumnMux` and `Adc`.
    """

    rows: int = Field(ge=1, le=8192)
    columns: int = Field(ge=1, le=8192)
    cell_bits: int = Field(ge=1, le=8)
    device: str
    read_ns: float = Field(gt=0)
    driver_v: float | None = Field(default=None, gt=0, le=5)  # the supply unless it is stated
    cell_width_f: float = Field(gt=0)
    cell_height_f: float = Field(gt=0)
    feature_nm: float | None = Field(default=None, gt=0)
    access_gate_ff: float = Field(default=0.18, ge=0)
    write: CellWrite | None = None
    given: CellArrayGiven | None = None

    @property
    def register_bits(self) -> int:
        """None of its own: the machine says how wide the digits of its rows are."""
        return 0

    @property
    def levels(self) -> int:
        """Levels of a cell."""
        return 1 << self.cell_bits

    @property
    @abstractmethod
    def off_fraction(self) -> float:
        """Current of a driven cell that is off over that of one at the highest level."""

    @abstractmethod
    def writes(self, technology: Technology) -> Writes:
        """What writing takes, for arrays that say how it is done (`write`); nothing for others."""

    def word_line_ff(self, technology: Technology) -> float:
        """Capacitance of one word line over all columns: wire and an access gate a cell."""
        return self.columns * (self._micrometres(technology, self.cell_width_f) * WIRE_FF_PER_UM + self.access_gate_ff)

    def drive_row(self, technology: Technology) -> Price:
        """C V^2 of one word line; `access_gate_ff` makes a row of 64 cells of 12 F at 32 nm and 1.1 V cost 20 fJ."""
        row_ff = self.word_line_ff(technology)
        load = f"{WIRE_SOURCE}, access gate {self.access_gate_ff:g} fF"
        volts = self.driver_v or technology.vdd_v
        source = f"C V^2 of {self.columns} cells at {volts:g} V: {load}"
        return Price.exact(row_ff * volts**2 * PJ_PER_FJ, source)

    def bit_line_ff(self, technology: Technology, per_cell_ff: float = 0.0) -> float:
        """Capacitance of one bit line over all rows: wire and what each cell adds."""
        return self.rows * (self._micrometres(technology, self.cell_height_f) * WIRE_FF_PER_UM + per_cell_ff)

    def area_um2(self, technology: Technology) -> Price:
        """Area of the cells."""
        cell_um2 = self._micrometres(technology, self.cell_width_f) * self._micrometres(technology, self.cell_height_f)
        size = f"{self.rows} x {self.columns} cells of {self.cell_width_f:g} F x {self.cell_height_f:g} F"
        return Price.exact(self.rows * self.columns * cell_um2, size)

    def with_whole_array(self, actions: Mapping[str, Price]) -> Mapping[str, Price]:
        """The actions and `read_array`, their sum with every row driven and every cell at the mean level."""
        parts = {"drive_row": self.rows, "read_mean": self.rows * self.columns, "precharge_column": self.columns}
        low, value, high = (
            sum(getattr(actions[name], bound) * n for name, n in parts.items()) for bound in ("low", "value", "high")
        )
        why = f"all {self.rows} rows driven, all cells at the mean level, all bit lines; {actions['read_mean'].source}"
        return {**actions, "read_array": Price(value, low, high, why)}

    def _micrometres(self, technology: Technology, in_f: float) -> float:
        return in_f * (self.feature_nm or technology.node_nm) / 1e3
