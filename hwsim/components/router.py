"""The router and link of a mesh on chip: what one flit pays for each."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.htree import Wire
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology, area_factor, energy_factor

_ISAAC_PJ, _ISAAC_BITS, _ISAAC_UM2, _ISAAC_TILES, _ISAAC_NM, _ISAAC_V = 20.74, 256, 150_000.0, 4, 32, 0.9
_HOP_FO4 = 40.0
_PORTS = 5  # four neighbours and the tile


class RouterReference(Reference):
    """Geometry of given prices."""

    flit_bits: int


class RouterGiven(Given):
    """Given prices of a router, its link included."""

    at: RouterReference
    hop_pj: Cost


class Router(PricedSpec):
    """`hop`: one flit through one router. `link`: one flit over one link of `link_mm`; given prices have it in the hop.

    Law `isaac`: 20.74 pJ for 256 b and 0.150 mm2 shared by 4 tiles at 32 nm (ISAAC, ISCA 2016, as in the published
    component models; its supply is assumed to be 0.9 V), in proportion to the flit and scaled as logic; the link by the
    wire's law. A hop is 40 FO4 deep (our choice, two stages of 20), and the link is passed in the same cycles.
    Registers: a flit in each of these at each of five ports, in the area of the router.
    """

    flit_bits: int = Field(ge=1, le=4096)
    link_mm: float | None = Field(default=None, gt=0)
    wire: Wire
    law: Literal["isaac", "given"]
    given: RouterGiven | None = None

    def over(self, link_mm: float) -> Router:
        """The same router with links of the machine's tile pitch, unless the file states one."""
        return self.completed(link_mm=link_mm)

    @property
    def register_bits(self) -> int:
        """A flit at each port in each cycle of a hop."""
        return _PORTS * self.flit_bits * self.pipelined_cycles

    def by_law(self, technology: Technology) -> Priced:
        """ISAAC's router, and the link beside it."""
        source = f"ISAAC router (ISCA 2016), 32 nm 0.9 V assumed, {technology.scaling_source}"
        share = self.flit_bits / _ISAAC_BITS
        pj = _ISAAC_PJ * share * technology.energy_factor / energy_factor(_ISAAC_NM, _ISAAC_V)
        um2 = _ISAAC_UM2 / _ISAAC_TILES * share * technology.area_factor / area_factor(_ISAAC_NM)
        bit_mm = self.wire.priced(technology).actions["bit_mm"]
        link = bit_mm.scaled(
            self.flit_bits * (self.link_mm or 0.0), f"{self.flit_bits} b over {self.link_mm or 0:.3g} mm"
        )
        area = Price.exact(um2, source)
        hop = technology.near_threshold(Price.exact(pj, source))
        delay_ns = _HOP_FO4 * technology.fo4_ns + (self.link_mm or 0.0) * self.wire.ns_per_mm(technology)
        return Priced({"hop": hop, "link": link}, area, technology.logic_leakage_uw(area), delay_ns=delay_ns)
