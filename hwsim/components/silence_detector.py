"""The detector that says whether any of a crossbar's rows is driven."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference, known
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology


class SilenceDetectorReference(Reference):
    """Geometry of given prices."""

    rows: int


class SilenceDetectorGiven(Given):
    """Given prices of a silence detector."""

    at: SilenceDetectorReference
    detect_pj: Cost


class SilenceDetector(PricedSpec):
    """`detect`: say whether any of `rows` inputs is set, by a tree of two-input gates, all of which switch.

    `rows` is the machine's rows of one read unless the file states it.  A digit step in which every row block is
    silent still takes `cycles`.
    """

    rows: int | None = Field(default=None, ge=1, le=8192)
    cycles: int = Field(ge=0)
    law: Literal["logic", "given"]
    given: SilenceDetectorGiven | None = None

    def reading(self, rows: int) -> SilenceDetector:
        """Size the detector for the machine's rows, unless the file states them."""
        return self.completed(rows=rows)

    @property
    def register_bits(self) -> int:
        """Whether there is silence, in each cycle that it takes."""
        return self.pipelined_cycles

    def by_law(self, technology: Technology) -> Priced:
        """`rows` gates (see `logic`).

        Raises ArchitectureError when neither the file nor the machine says how many rows there are.
        """
        rows = known("rows", self.rows)
        gates = logic.logic_and(technology, rows).deep((rows - 1).bit_length())
        return logic.priced({"detect": gates}, logic.total(gates, logic.register(technology, self.register_bits)))
