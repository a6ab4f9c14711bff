"""Registers that hold words between steps of a computation; they know neither what the words are nor when."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components import digital
from hwsim.components.given import Given, PricedSpec, Reference
from hwsim.components.price import Priced
from hwsim.components.technology import Technology


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

    def by_law(self, technology: Technology) -> Priced:
        """A register access of that width (see `digital`)."""
        word = digital.register(technology, self.bits)
        return Priced({"read": word.energy_pj, "write": word.energy_pj}, word.area_um2, word.leakage_uw)
