"""The clock network: what a cycle costs whether or not anything happens."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Bounded, ComponentSpec, Cost
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology
from hwsim.errors import ArchitectureError
from hwsim.units import PJ_PER_FJ

_FF_NM = 28


class ClockReference(Reference):
    """Geometry of given prices."""

    flip_flops: int


class ClockGiven(Given):
    """Given energy of one cycle, running and gated."""

    at: ClockReference
    tick_pj: Cost
    tick_gated_pj: Cost


class ClockNetwork(PricedSpec):
    """`tick`: one cycle of the whole network; `tick_gated`: one cycle with `gated_fraction` of it stopped.

    Law: E = V^2 N C k. N flip-flops, stated here or counted by the machine; C the clock capacitance of one at 28 nm,
    1 to 1.5 fF, in proportion to the node at others (our choice); k = 2 to 3 for the tree above them. C and k are
    textbook figures from memory, not from a source that was opened: the bounds are part of the statement.
    The network's area and leakage are counted with the logic that it clocks.
    """

    flip_flops: int | None = Field(default=None, ge=1)
    gated_fraction: float = Field(ge=0, le=1)
    capacitance_ff: Cost = Bounded(value=1.25, low=1.0, high=1.5)
    tree_factor: Cost = Bounded(value=2.5, low=2.0, high=3.0)
    law: Literal["flip_flops", "given"]
    given: ClockGiven | None = None

    def counting(self, flip_flops: int) -> ClockNetwork:
        """Give the network the machine's count of flip-flops, unless the file states one."""
        return self if self.flip_flops is not None else self.model_copy(update={"flip_flops": flip_flops})

    def of_domain(self, technology: Technology, flip_flops: int, owner: str) -> Priced:
        """Price a domain of so many flip-flops: every `cycle` pays the gated network, an `active_cycle` the rest too.

        Raises ArchitectureError as `priced` does.
        """
        part, fraction = self.counting(flip_flops).priced_as("clock.network", technology), self.gated_fraction
        active = part.actions["tick"].scaled(fraction, f"the {fraction:g} that runs only while the {owner} works")
        return Priced({"cycle": part.actions["tick_gated"], "active_cycle": active}, part.area_um2, part.leakage_uw)

    def by_law(self, technology: Technology) -> Priced:
        """E = V^2 N C k.

        Raises:
            ArchitectureError: neither the file nor the machine says how many flip-flops there are.

        """
        if self.flip_flops is None:
            raise ArchitectureError("flip_flops is missing, and this machine does not count them itself")
        factor = technology.vdd_v**2 * self.flip_flops * technology.node_nm / _FF_NM * PJ_PER_FJ
        c, k = self.capacitance_ff, self.tree_factor
        source = (
            f"clock of {self.flip_flops} flip-flops: V^2 N C k at {technology.vdd_v:g} V, C = {c.value:g} fF at 28 nm "
            f"in proportion to the node (our choice), k = {k.value:g}; C and k recalled, not read"
        )
        tick = Price(factor * c.value * k.value, factor * c.low * k.low, factor * c.high * k.high, source)
        gated = tick.scaled(1 - self.gated_fraction, f"{self.gated_fraction:g} of it gated")
        nothing = Price.exact(0.0, "counted with the logic that is clocked")
        return Priced({"tick": tick, "tick_gated": gated}, nothing, nothing)


class Clock(ComponentSpec):
    """The one clock that all cycles count, and the network that distributes it."""

    frequency_mhz: float = Field(gt=0, le=10_000)
    network: ClockNetwork | Literal["none"]

    def domain(self, technology: Technology, flip_flops: int, owner: str) -> Priced:
        """One domain of so many flip-flops, which work when their owner does; without a network it costs nothing.

        Raises ArchitectureError as `ClockNetwork.priced` does.
        """
        if self.network != "none":
            return self.network.of_domain(technology, flip_flops, owner)
        nothing = Price.exact(0.0, "no clock network")
        return Priced({"cycle": nothing, "active_cycle": nothing}, nothing, nothing)
