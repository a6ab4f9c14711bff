"""The unit that updates LIF membranes."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology


class NeuronReference(Reference):
    """Geometry of given prices."""

    lanes: int
    membrane_bits: int
    leak_bits: int


class NeuronGiven(Given):
    """Given prices of a neuron unit; the area and leakage are of all lanes."""

    at: NeuronReference
    update_pj: Cost
    hold_pj: Cost


class Neuron(PricedSpec):
    """`lanes` membrane updates a cycle.

    `update`: leak multiply (none when `leak_bits` is 0, an IF neuron), addition of the current, comparison with the
    threshold, subtraction for the reset, and a register. `hold`: a register write and read of one membrane, for
    machines that keep the membrane in the unit; where it lives in an SRAM, that SRAM's accesses are paid instead.
    Registers of a lane: the new membrane and the spike in each cycle that it takes.
    """

    lanes: int = Field(ge=1)
    membrane_bits: int = Field(ge=2, le=64)
    leak_bits: int = Field(ge=0, le=32)
    law: Literal["logic", "given"]
    given: NeuronGiven | None = None

    @property
    def register_bits(self) -> int:
        """Of all lanes."""
        return self.lanes * self._lane_bits

    @property
    def _lane_bits(self) -> int:
        return self.pipelined_cycles * (self.membrane_bits + 1)

    def by_law(self, technology: Technology) -> Priced:
        """Sum of the operators (see `logic`); a lane holds one of each."""
        bits = self.membrane_bits
        register = logic.register(technology, bits)
        operators = [logic.add(technology, bits).times(2, in_series=True), logic.compare(technology, bits), register]
        if self.leak_bits:
            operators.insert(0, logic.multiply(technology, bits, self.leak_bits))
        whole = logic.total(*operators[:-1], logic.register(technology, self._lane_bits))
        found = logic.priced({"update": logic.total(*operators)}, whole, self.lanes)
        hold = register.energy_pj.scaled(2, "a write and a read")
        return found.doing({**found.actions, "hold": hold})

    def synapse(self, technology: Technology) -> Priced:
        """What synaptic currents of all lanes take: leak multiply (none without leak bits), addition and register."""
        operators = [logic.add(technology, self.membrane_bits), logic.register(technology, self.membrane_bits)]
        if self.leak_bits:
            operators.insert(0, logic.multiply(technology, self.membrane_bits, self.leak_bits))
        lane = logic.total(*operators)
        found = logic.priced({"update": lane}, lane, self.lanes)
        return replace(found, flip_flops=self.lanes * self.membrane_bits)

    def feedback(self, technology: Technology) -> Priced:
        """What feedback of all lanes takes: one addition to what arrives, in the cycle of the update."""
        lane = logic.add(technology, self.membrane_bits)
        return logic.priced({"add": lane}, lane, self.lanes)

    def lower_threshold(self, technology: Technology) -> Priced:
        """What signed spikes of all lanes take: a comparison with minus the threshold; the reset adds or subtracts."""
        lane = logic.compare(technology, self.membrane_bits)
        return logic.priced({"compare": lane}, lane, self.lanes)
