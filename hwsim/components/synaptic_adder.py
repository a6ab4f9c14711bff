"""Adders that sum the weights of spikes to currents."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, Reference
from hwsim.components.pricing.number import Number, NumberedSpec, filled, filled_in
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology


class SynapticAdderReference(Reference):
    """Geometry of given prices."""

    lanes: int
    bits: int
    floating: bool


class SynapticAdderGiven(Given):
    """Given prices of all lanes."""

    at: SynapticAdderReference
    add_pj: Cost


class SynapticAdder(NumberedSpec):
    """`lanes` additions a cycle.  `add`: a weight to a current, an addition and a register write."""

    lanes: int = Field(ge=1, le=65_536)
    bits: int | None = Field(default=None, ge=1, le=64)  # of a current
    floating: bool | None = None
    law: Literal["logic", "given"]
    given: SynapticAdderGiven | None = None

    def of(self, currents: Number) -> SynapticAdder:
        """The same adders for some numbers."""
        return filled_in(self, bits=currents.bits, floating=currents.floating)

    @property
    def register_bits(self) -> int:
        """Of all lanes."""
        return self.lanes * self._lane_bits

    @property
    def _lane_bits(self) -> int:
        """A current."""
        current = Number(filled(self.bits), bool(self.floating))
        return current.bits + current.pipeline_bits

    def by_law(self, technology: Technology) -> Priced:
        """Sum of an adder and a register (see `logic`)."""
        current = Number(filled(self.bits), bool(self.floating))
        adder = current.add(technology)
        lane = logic.total(adder, current.register(technology))
        whole = logic.total(adder, logic.register(technology, self._lane_bits))
        return logic.priced({"add": lane}, whole, self.lanes)
