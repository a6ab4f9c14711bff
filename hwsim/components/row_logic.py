"""Small logic beside a crossbar's rows: the silence detector and the counter of driven rows; they know no weights."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components import digital
from hwsim.components.given import Given, PricedSpec, Reference
from hwsim.components.price import Priced
from hwsim.components.technology import Technology
from hwsim.errors import ArchitectureError


def _known(rows: int | None) -> int:
    if rows is None:
        raise ArchitectureError("rows is missing, and this machine does not count them itself")
    return rows


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
        return self if self.rows is not None else self.model_copy(update={"rows": rows})

    def by_law(self, technology: Technology) -> Priced:
        """`rows` gates (see `digital`).

        Raises ArchitectureError when neither the file nor the machine says how many rows there are.
        """
        gates = digital.logic_and(technology, _known(self.rows))
        return Priced({"detect": gates.energy_pj}, gates.area_um2, gates.leakage_uw)


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
        return self if self.rows is not None else self.model_copy(update={"rows": rows})

    def by_law(self, technology: Technology) -> Priced:
        """Sum of the operators (see `digital`).

        Raises ArchitectureError when neither the file nor the machine says how many rows there are.
        """
        counter, subtractor = digital.add(technology, _known(self.rows)), digital.add(technology, self.bits)
        area = counter.area_um2 + subtractor.area_um2
        actions = {"count_rows": counter.energy_pj, "subtract": subtractor.energy_pj}
        return Priced(actions, area, technology.logic_leakage_uw(area))
