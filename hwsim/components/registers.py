"""Registers that hold words between steps of a computation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology


class RegistersReference(Reference):
    """Geometry of given prices."""

    bits: int


class RegistersGiven(Given):
    """Given prices of one word."""

    at: RegistersReference
    read_pj: Cost
    write_pj: Cost


class Registers(PricedSpec):
    """`read` and `write`: an access of a word of `bits`. Area and leakage are of one word; selecting it is left out."""

    bits: int = Field(ge=1, le=1024)
    law: Literal["logic", "given"]
    given: RegistersGiven | None = None

    @property
    def register_bits(self) -> int:
        """One word."""
        return self.bits

    def by_law(self, technology: Technology) -> Priced:
        """A register access of that width (see `logic`)."""
        word = logic.register(technology, self.bits)
        return logic.priced({"read": word, "write": word}, word)
