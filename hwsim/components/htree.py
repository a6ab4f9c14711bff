"""Wires and trees of wires between parts; they know distances, not contention and not routing."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field, model_validator

from hwsim.arch.schema import Bounded, Cost
from hwsim.components.pricing import logic
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology, log_interpolated
from hwsim.errors import ArchitectureError

# Capacitance of a wire with neighbours at minimum pitch, by node: the published accelergy wire plug-in.
_PF_PER_MM = {70: 0.367, 50: 0.345, 35: 0.315, 25: 0.288, 18: 0.266}
# Conservative semi-global wires of CACTI 7 at 45 nm: 0.022 ohm um, 90 nm wide, 180 nm thick, 4 nm of barrier a side.
_OHM_PER_MM, _OHM_NM = 1.52e3, 45
_WITHOUT_AREA = Price.exact(0.0, "routed above the logic")


class WireReference(Reference):
    """Technology of given prices."""


class WireGiven(Given):
    """Given prices of a wire."""

    at: WireReference
    bit_mm_pj: Cost


class Wire(PricedSpec):
    """`bit_mm`: one bit over one millimetre, E = activity C V V_swing (1 + repeaters).

    C per length follows the node in logarithms (18 to 70 nm), and is kept beyond (our choice). `repeaters` is the share
    that they add: 0.7 takes the 70 fJ of 45 nm, 0.9 V, activity 1/4 to about 120, a figure from memory, hence the
    bounds. `swing_v` defaults to the supply.
    """

    activity: float = Field(default=0.25, gt=0, le=1)
    swing_v: float | None = Field(default=None, gt=0, le=5)
    repeaters: Cost = Bounded(value=0.7, low=0.0, high=1.0)
    law: Literal["wire", "given"]
    given: WireGiven | None = None

    def ns_per_mm(self, technology: Technology) -> float:
        """Delay of a wire with as many repeaters as make it fastest: 2.5 sqrt(R C r c) a length (Bakoglu, recalled).

        R C of a driver is FO4 / (5 ln 2); r that of CACTI 7's semi-global wires, 1.52 ohm/um at 45 nm, with 1 / node^2.
        """
        driver_ns = technology.fo4_ns / (5 * math.log(2))
        wire_ns = _OHM_PER_MM * (_OHM_NM / technology.node_nm) ** 2 * _pf_per_mm(technology) * 1e-3
        return 2.5 * math.sqrt(driver_ns * wire_ns)

    @property
    def register_bits(self) -> int:
        """None: repeaters have no clock."""
        return 0

    def by_law(self, technology: Technology) -> Priced:
        """See the class."""
        pf_per_mm = _pf_per_mm(technology)
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
    across and a quarter along, then half of that at each further level. One path is charged, not the whole tree. The
    area is that of words that wait in it: wires are above the logic.
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
        return self.completed(area_um2=area_um2, leaves=leaves)

    @property
    def register_bits(self) -> int:
        """A word in each cycle that it takes, on every path together."""
        return self.bits * self.pipelined_cycles

    def by_law(self, technology: Technology) -> Priced:
        """Length times the wire's price.

        Raises:
            ArchitectureError: no area is known.

        """
        if self.area_um2 is None or self.leaves is None or self.wire is None:
            missing = "area_um2" if self.area_um2 is None else "leaves"
            raise ArchitectureError(f"{missing} is missing, and this machine does not work it out itself")
        length_mm = math.sqrt(self.area_um2) * 1e-3 * (1 - 1 / math.sqrt(self.leaves))
        bit_mm = self.wire.priced(technology).actions["bit_mm"]
        transfer = bit_mm.scaled(self.bits * length_mm, f"{self.bits} b over {length_mm:.3g} mm, root to leaf")
        delay_ns = length_mm * self.wire.ns_per_mm(technology) + logic.FLIP_FLOP_FO4 * technology.fo4_ns
        registers = logic.register(technology, self.register_bits)
        return Priced({"transfer": transfer}, registers.area_um2, registers.leakage_uw, delay_ns=delay_ns)


def _pf_per_mm(technology: Technology) -> float:
    """Capacitance a length: that of the nearest node outside those that are published."""
    return log_interpolated(min(max(technology.node_nm, min(_PF_PER_MM)), max(_PF_PER_MM)), _PF_PER_MM)
