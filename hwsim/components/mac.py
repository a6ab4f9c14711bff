"""A multiplier with an accumulator behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology
from hwsim.errors import ArchitectureError


class MacReference(Reference):
    """Geometry of given prices."""

    input_bits: int
    weight_bits: int
    sum_bits: int


class MacGiven(Given):
    """Given prices of a multiply-accumulate unit."""

    at: MacReference
    mac_pj: Cost


class Mac(PricedSpec):
    """`mac`: a product of `input_bits` x `weight_bits`, an addition of `sum_bits` and a register write.

    Registers: both operands and the sum.
    """

    input_bits: int = Field(ge=1, le=64)
    weight_bits: int = Field(ge=2, le=64)
    sum_bits: int = Field(ge=1, le=128)
    law: Literal["logic", "given"]
    given: MacGiven | None = None

    def of_inputs(self, bits: int) -> Mac:
        """The same unit for inputs of another width.

        Raises ValueError where prices are given, as they are for one width.
        """
        return type(self).model_validate(self.model_dump() | {"input_bits": bits})

    def narrowed(self, technology: Technology, bits: int, operand: str) -> Priced:
        """Price the same multipliers on narrower operands: what they are made of is counted once, with them.

        Raises ArchitectureError where prices are given, as they are for one width.
        """
        nothing = Price.exact(0.0, "the multipliers of `mac`")
        try:
            narrow = self.of_inputs(bits)
        except ValueError:
            raise ArchitectureError(
                f"mac.law: given prices are for {self.input_bits}-bit inputs, and the quantised network has {bits}-bit "
                f"{operand}: choose a law"
            ) from None
        return replace(narrow.priced(technology), area_um2=nothing, leakage_uw=nothing, flip_flops=0)

    @property
    def register_bits(self) -> int:
        """Both operands and the sum."""
        return self.input_bits + self.weight_bits + self.sum_bits

    def by_law(self, technology: Technology) -> Priced:
        """Sum of a multiplier, an adder and registers (see `logic`)."""
        multiplier = logic.multiply(technology, self.input_bits, self.weight_bits)
        adder = logic.add(technology, self.sum_bits)
        unit = logic.total(multiplier, adder, logic.register(technology, self.sum_bits))
        whole = logic.total(multiplier, adder, logic.register(technology, self.register_bits))
        return logic.priced({"mac": unit}, whole)
