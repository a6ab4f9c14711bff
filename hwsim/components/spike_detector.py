"""Finds the set bits of a word one after another."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology


class SpikeDetectorReference(Reference):
    """Geometry of given prices."""

    bits: int


class SpikeDetectorGiven(Given):
    """Given prices of a spike detector."""

    at: SpikeDetectorReference
    scan_pj: Cost


class SpikeDetector(PricedSpec):
    """`scan`: look at `bits` inputs and hand over the indices of the set ones.

    A leading-one detector: a gate a bit that finds the first one, a gate a bit that clears it; all of them switch once
    a scan, whatever it finds (our choice of circuit).
    """

    bits: int = Field(ge=1, le=8192)
    law: Literal["logic", "given"]
    given: SpikeDetectorGiven | None = None

    @property
    def register_bits(self) -> int:
        """The inputs that are left, and an index."""
        return self.bits + (self.bits - 1).bit_length()

    def by_law(self, technology: Technology) -> Priced:
        """Two gates a bit (see `logic`)."""
        gates = logic.logic_and(technology, 2 * self.bits).deep(2 * self.bits.bit_length())
        return logic.priced({"scan": gates}, logic.total(gates, logic.register(technology, self.register_bits)))
