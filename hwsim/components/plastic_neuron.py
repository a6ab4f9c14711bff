"""The unit that updates neurons with adaptive thresholds."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, Reference
from hwsim.components.pricing.number import Number, NumberedSpec, filled, filled_in
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology


class PlasticNeuronReference(Reference):
    """Geometry of given prices."""

    lanes: int
    bits: int
    floating: bool
    leak_bits: int


class PlasticNeuronGiven(Given):
    """Given prices of all lanes."""

    at: PlasticNeuronReference
    update_pj: Cost
    inhibit_pj: Cost
    weigh_pj: Cost


class PlasticNeuron(NumberedSpec):
    """`lanes` neurons a cycle.

    `update`: the product with the leak, the additions of the current and of the adaptive threshold, a comparison, the
    choice of the reset and a register. `inhibit`: a subtraction, a comparison with the lowest potential, the choice
    between the two and a register. `weigh`: a product on the leak's multiplier, of the strength of inhibition and a
    stored weight. The counters of refractory steps are left out.
    """

    lanes: int = Field(ge=1, le=65_536)
    bits: int | None = Field(default=None, ge=1, le=64)  # of a potential
    leak_bits: int | None = Field(default=None, ge=1, le=32)
    floating: bool | None = None
    law: Literal["logic", "given"]
    given: PlasticNeuronGiven | None = None

    def of(self, potentials: Number, leak_bits: int) -> PlasticNeuron:
        """The same unit for some numbers."""
        return filled_in(self, bits=potentials.bits, leak_bits=leak_bits, floating=potentials.floating)

    @property
    def register_bits(self) -> int:
        """Of all lanes."""
        return self.lanes * self._lane_bits

    @property
    def _lane_bits(self) -> int:
        """A potential and the spike."""
        v = Number(filled(self.bits), bool(self.floating))
        return v.bits + 1 + v.pipeline_bits

    def by_law(self, technology: Technology) -> Priced:
        """Sums of the operators (see `logic`); inhibition uses those of the update."""
        v = Number(filled(self.bits), bool(self.floating))
        adder, compare, register = v.add(technology), v.compare(technology), v.register(technology)
        held = logic.total(compare, v.select(technology), register)
        multiplier = v.multiply(technology, filled(self.leak_bits))
        lane = logic.total(multiplier, adder.times(2, in_series=True), held)
        actions = {
            "update": lane,
            "inhibit": logic.total(adder, held),
            "weigh": multiplier,
        }
        logic_alone = (multiplier, adder.times(2), compare, v.select(technology))
        whole = logic.total(*logic_alone, logic.register(technology, self._lane_bits))
        return logic.priced(actions, whole, self.lanes)
