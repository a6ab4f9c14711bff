"""The sigma-E unit: softmax and entropy of accumulated logits, from tables."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology


class SigmaEReference(Reference):
    """Geometry of given prices."""

    exponent_entries: int
    exponent_bits: int
    logarithm_entries: int
    logarithm_bits: int
    accumulator_bits: int
    fifo_depth: int


class SigmaEGiven(Given):
    """Given prices of the unit."""

    at: SigmaEReference
    exponent_pj: Cost
    logarithm_pj: Cost
    multiply_pj: Cost
    add_pj: Cost
    fifo_pj: Cost


class SigmaE(PricedSpec):
    """One decision over C classes: exponents, their sum, a logarithm, products with the logits, a sum.

    Two constant tables of gates, one multiplier (exponent x accumulator), two adders and a FIFO of registers that
    holds the exponents. `fifo` is one push and one pop. A decision takes `cycles_per_class` cycles a class and
    `latency_cycles` at the end. Registers: the FIFO, the sums of both adders and the logarithm.
    """

    exponent_entries: int = Field(ge=2, le=1 << 16)
    exponent_bits: int = Field(ge=2, le=32)
    logarithm_entries: int = Field(ge=2, le=1 << 16)
    logarithm_bits: int = Field(ge=2, le=32)
    accumulator_bits: int = Field(ge=4, le=64)
    fifo_depth: int = Field(ge=1, le=1 << 16)
    cycles_per_class: int = Field(ge=1)
    latency_cycles: int = Field(ge=0)
    law: Literal["logic", "given"]
    given: SigmaEGiven | None = None

    def cycles(self, classes: int) -> int:
        """Cycles of one decision."""
        return self.cycles_per_class * classes + self.latency_cycles

    @property
    def pipelined_cycles(self) -> int:
        """Each of its operators has the cycles of a class."""
        return self.cycles_per_class

    @property
    def register_bits(self) -> int:
        """The FIFO, two sums and a logarithm."""
        return self.fifo_depth * self.exponent_bits + 2 * self.accumulator_bits + self.logarithm_bits

    def by_law(self, technology: Technology) -> Priced:
        """Sum of the operators (see `logic`)."""
        exponent = logic.lookup(technology, self.exponent_entries, self.exponent_bits)
        logarithm = logic.lookup(technology, self.logarithm_entries, self.logarithm_bits)
        multiplier = logic.multiply(technology, self.exponent_bits, self.accumulator_bits)
        adder = logic.add(technology, self.accumulator_bits)
        register = logic.register(technology, self.exponent_bits)
        actions = {
            "exponent": exponent,
            "logarithm": logarithm,
            "multiply": multiplier,
            "add": adder,
        }
        registers = logic.register(technology, self.register_bits)
        unit = logic.total(exponent, logarithm, multiplier, adder.times(2), registers)
        found = logic.priced(actions, unit)
        return found.doing({**found.actions, "fifo": register.energy_pj.scaled(2, "a push and a pop")})
