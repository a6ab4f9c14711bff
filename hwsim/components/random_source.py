"""Registers with feedback that draw random numbers."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology

_FEEDBACK_GATES = 3 * 4  # four taps, joined by three exclusive ORs of four gates


class RandomSourceReference(Reference):
    """Geometry of given prices."""

    lanes: int
    bits: int


class RandomSourceGiven(Given):
    """Given prices of all lanes."""

    at: RandomSourceReference
    draw_pj: Cost


class RandomSource(PricedSpec):
    """`lanes` draws a cycle.

    `draw`: a step of a linear-feedback shift register of `bits`, and an addition or comparison of that width, as a
    random number is either compared with a chance or added below the unit before it is cut off; both are priced as the
    addition, the dearer. The golden numbers come from another generator: only how many there are, and how wide, is the
    hardware's.
    """

    lanes: int = Field(ge=1, le=65_536)
    bits: int = Field(ge=1, le=64)
    law: Literal["logic", "given"]
    given: RandomSourceGiven | None = None

    @property
    def register_bits(self) -> int:
        """The shift registers of all lanes."""
        return self.lanes * self.bits

    def by_law(self, technology: Technology) -> Priced:
        """A register, the gates of its feedback and an adder (see `logic`), our choice of circuit."""
        gates, adder = logic.logic_and(technology, _FEEDBACK_GATES), logic.add(technology, self.bits)
        lane = logic.total(logic.register(technology, self.bits), gates, adder)
        return logic.priced({"draw": lane}, lane, self.lanes)
