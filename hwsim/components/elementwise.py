"""Lanes that multiply vectors element by element where factors may be spikes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology


class ElementwiseReference(Reference):
    """Geometry of given prices."""

    state_bits: int
    value_bits: int


class ElementwiseGiven(Given):
    """Given prices of one lane."""

    at: ElementwiseReference
    and_pj: Cost
    add_pj: Cost
    mac_pj: Cost
    clip_pj: Cost


class Elementwise(PricedSpec):
    """`lanes` element-wise operations a cycle; prices are of one lane.

    `and`: a spike times a spike, which is a gate for the spike and one for its sign. `add`: a spike times a state,
    which is a gate a bit, and an addition. `mac`: a value times a state, and an addition. `clip`: a piecewise-linear
    activation, which is two comparisons. Registers of operands are counted by whoever holds them.
    """

    lanes: int = Field(ge=1, le=65_536)
    state_bits: int = Field(ge=2, le=64)
    value_bits: int = Field(ge=1, le=64)
    law: Literal["logic", "given"]
    given: ElementwiseGiven | None = None

    @property
    def register_bits(self) -> int:
        """The result of a lane."""
        return self.state_bits

    def by_law(self, technology: Technology) -> Priced:
        """Sums of the operators (see `logic`); a lane holds one of each."""
        gates = logic.logic_and(technology, self.state_bits)
        adder = logic.add(technology, self.state_bits)
        multiplier = logic.multiply(technology, self.state_bits, self.value_bits)
        limits = logic.compare(technology, self.state_bits).times(2)
        actions = {
            "and": logic.logic_and(technology, 2),
            "add": logic.total(gates, adder),
            "mac": logic.total(multiplier, adder),
            "clip": limits,
        }
        lane = logic.total(gates, adder, multiplier, limits, logic.register(technology, self.register_bits))
        return logic.priced(actions, lane)
