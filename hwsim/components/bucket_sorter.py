"""Puts spikes in the order of their times: one linked list for each tick."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology


class BucketSorterReference(Reference):
    """Geometry of given prices."""

    buckets: int
    pointer_bits: int


class BucketSorterGiven(Given):
    """Given prices of a sorter."""

    at: BucketSorterReference
    insert_pj: Cost
    clear_pj: Cost


class BucketSorter(PricedSpec):
    """`insert`: append one spike to the list of its tick. `clear`: empty all lists before a sort.

    A counting sort in hardware (our choice of circuit): each of `buckets` ticks has two registers of `pointer_bits`,
    the first and the last entry of its list in the queue; an insertion reads and writes the last one and advances the
    pointer of free entries; a clear writes the flag of every bucket. The entries lie in the queue's memory.
    """

    buckets: int = Field(ge=2, le=4096)
    pointer_bits: int = Field(ge=1, le=24)
    law: Literal["logic", "given"]
    given: BucketSorterGiven | None = None

    @property
    def register_bits(self) -> int:
        """First and last entry and a flag of every list, and the pointer of free entries."""
        return 2 * self.buckets * self.pointer_bits + self.buckets + self.pointer_bits

    def by_law(self, technology: Technology) -> Priced:
        """Sum of registers and an incrementer (see `logic`)."""
        pointer = logic.register(technology, self.pointer_bits)
        advance = logic.add(technology, self.pointer_bits)
        flags = logic.register(technology, self.buckets)
        whole = logic.total(advance, logic.register(technology, self.register_bits))
        return logic.priced({"insert": logic.total(pointer.times(3), advance), "clear": flags}, whole)
