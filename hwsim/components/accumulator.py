"""An adder with a register behind it, for shift-and-add and partial sums; it knows neither ADCs nor crossbars."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components import digital
from hwsim.components.given import Given, PricedSpec, Reference
from hwsim.components.price import Priced
from hwsim.components.technology import Technology


class AccumulatorReference(Reference):
    """Geometry of given prices."""

    bits: int


class AccumulatorGiven(Given):
    """Given prices of an accumulator."""

    at: AccumulatorReference
    add_pj: Cost


class Accumulator(PricedSpec):
    """`add`: a `bits`-wide addition and a register write. Shifts by fixed amounts are wiring and cost nothing."""

    bits: int = Field(ge=1, le=128)
    law: Literal["logic", "given"]
    given: AccumulatorGiven | None = None

    def by_law(self, technology: Technology) -> Priced:
        """Sum of an adder and a register (see `digital`)."""
        unit = digital.total(digital.add(technology, self.bits), digital.register(technology, self.bits))
        return Priced({"add": unit.energy_pj}, unit.area_um2, unit.leakage_uw)
