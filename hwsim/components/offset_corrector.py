"""The counter of driven rows that takes the offset of all weights back out of a sum."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference, known
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology


class OffsetCorrectorReference(Reference):
    """Geometry of given prices."""

    rows: int
    bits: int


class OffsetCorrectorGiven(Given):
    """Given prices of an offset corrector."""

    at: OffsetCorrectorReference
    count_rows_pj: Cost
    subtract_pj: Cost


class OffsetCorrector(PricedSpec):
    """Takes the offset of all weights back out: `count_rows` adds up the driven rows, `subtract` corrects one sum.

    A count of n one-bit inputs takes n full adders, each a one-bit addition; a multiple of the count is shifted, so it
    costs nothing more.  `rows` is the machine's rows of one read unless the file states it.
    """

    rows: int | None = Field(default=None, ge=1, le=8192)
    bits: int = Field(ge=1, le=128)
    law: Literal["logic", "given"]
    given: OffsetCorrectorGiven | None = None

    def reading(self, rows: int) -> OffsetCorrector:
        """Size the corrector for the machine's rows, unless the file states them."""
        return self.completed(rows=rows)

    @property
    def register_bits(self) -> int:
        """The count and the corrected sum."""
        return known("rows", self.rows).bit_length() + self.bits

    def by_law(self, technology: Technology) -> Priced:
        """Sum of the operators (see `logic`).

        Raises ArchitectureError when neither the file nor the machine says how many rows there are.
        """
        counter = logic.count_ones(technology, known("rows", self.rows))
        subtractor = logic.add(technology, self.bits)
        whole = logic.total(counter, subtractor, logic.register(technology, self.register_bits))
        return logic.priced({"count_rows": counter, "subtract": subtractor}, whole)
