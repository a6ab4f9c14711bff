"""Wires and trees of wires between parts; they know distances, not contention and not routing."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from hwsim.arch.schema import Bounded, Cost
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology, log_interpolated
from hwsim.errors import ArchitectureError

# Capacitance of a wire with neighbours at minimum pitch, by node: the published accelergy wire plug-in.
_PF_PER_MM = {70: 0.367, 50: 0.345, 35: 0.315, 25: 0.288, 18: 0.266}
_WITHOUT_AREA = Price.exact(0.0, "routed above the logic")


class WireReference(Reference):
    """Technology of given prices."""


class WireGiven(Given):
    """Given prices of a wire."""

    at: WireReference
    bit_mm_pj: Cost


class Wire(PricedSpec):
    """`bit_mm`: one bit over one millimetre, E = activity C V V_swing (1 + repeaters).

    C per length follows the node in logarithms (18 to 70 nm). `repeaters` is the share that they add: 0.7 takes the
    70 fJ of 45 nm, 0.9 V, activity 1/4 to about 120, a figure from memory, hence the bounds. `swing_v` defaults to the
    supply.
    """

    activity: float = Field(default=0.25, gt=0, le=1)
    swing_v: float | None = Field(default=None, gt=0, le=5)
    repeaters: Cost = Bounded(value=0.7, low=0.0, high=1.0)
    law: Literal["wire", "given"]
    given: WireGiven | None = None

    def by_law(self, technology: Technology) -> Priced:
        """See the class.

        Raises:
            ArchitectureError: the node lies outside 18 to 70 nm.

        """
        try:
            pf_per_mm = log_interpolated(technology.node_nm, _PF_PER_MM)
        except ValueError as error:
            raise ArchitectureError(f"law 'wire' covers nodes of 18 to 70 nm: {error}") from None
        swing_v = self.swing_v if self.swing_v is not None else technology.vdd_v
        pj = self.activity * pf_per_mm * technology.vdd_v * swing_v
        more = self.repeaters
        source = (
            f"wire: {self.activity:g} C V V_swing (1 + {more.value:g}), {pf_per_mm:.3f} pF/mm "
            f"(accelergy wire plug-in), {technology.vdd_v:g} V, swing {swing_v:g} V; repeaters recalled, not read"
        )
        price = Price(pj * (1 + more.value), pj * (1 + more.low), pj * (1 + more.high), source)
        return Priced({"bit_mm": price}, _WITHOUT_AREA, _WITHOUT_AREA)


class HTreeReference(Reference):
    """Geometry of given prices."""

    bits: int
    leaves: int


class HTreeGiven(Given):
    """Given prices of a tree."""

    at: HTreeReference
    transfer_pj: Cost


class HTree(PricedSpec):
    """`transfer`: one word of `bits` between the root at the centre of a square and one leaf.

    The square's side is sqrt(area); in a tree of n leaves that path is side * (1 - 1 / sqrt(n)): a quarter of the side
    across and a quarter along, then half of that at each further level. One path is charged, not the whole tree.
    """

    bits: int = Field(ge=1, le=8192)
    leaves: int | None = Field(default=None, ge=1, le=1 << 20)
    area_um2: float | None = Field(default=None, gt=0)
    wire: Wire | None = None
    law: Literal["wire", "given"]
    given: HTreeGiven | None = None

    @model_validator(mode="after")
    def _law_has_a_wire(self) -> HTree:
        if self.law == "wire" and self.wire is None:
            raise ValueError("law 'wire' needs the mapping 'wire'")
        return self

    def over(self, area_um2: float, leaves: int | None = None) -> HTree:
        """Lay the tree over the machine's area and leaves, unless the file states them."""
        machine = {"area_um2": area_um2, "leaves": leaves}
        return self.sized(**{key: value for key, value in machine.items() if getattr(self, key) is None})

    def by_law(self, technology: Technology) -> Priced:
        """Length times the wire's price.

        Raises:
            ArchitectureError: no area is known, or the wire's law does not reach the node.

        """
        if self.area_um2 is None or self.leaves is None or self.wire is None:
            missing = "area_um2" if self.area_um2 is None else "leaves"
            raise ArchitectureError(f"{missing} is missing, and this machine does not work it out itself")
        length_mm = math.sqrt(self.area_um2) * 1e-3 * (1 - 1 / math.sqrt(self.leaves))
        bit_mm = self.wire.priced(technology).actions["bit_mm"]
        transfer = bit_mm.scaled(self.bits * length_mm, f"{self.bits} b over {length_mm:.3g} mm, root to leaf")
        return Priced({"transfer": transfer}, _WITHOUT_AREA, _WITHOUT_AREA)
