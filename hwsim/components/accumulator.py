"""An adder with a register behind it, for shift-and-add and partial sums."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology


class AccumulatorReference(Reference):
    """Geometry of given prices."""

    bits: int


class AccumulatorGiven(Given):
    """Given prices of an accumulator."""

    at: AccumulatorReference
    add_pj: Cost


class Accumulator(PricedSpec):
    """`add`: a `bits`-wide addition and a register write. Shifts by fixed amounts are wiring and cost nothing.

    Registers: the sum, in each cycle that it takes.
    """

    bits: int = Field(ge=1, le=128)
    law: Literal["logic", "given"]
    given: AccumulatorGiven | None = None

    @property
    def register_bits(self) -> int:
        """The sum in each stage."""
        return self.pipelined_cycles * self.bits

    def by_law(self, technology: Technology) -> Priced:
        """Sum of an adder and registers (see `logic`)."""
        adder = logic.add(technology, self.bits)
        unit = logic.total(adder, logic.register(technology, self.bits))
        return logic.priced({"add": unit}, logic.total(adder, logic.register(technology, self.register_bits)))
