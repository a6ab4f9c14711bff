"""The clock network: what a cycle costs whether or not anything happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from hwsim.arch.schema import Bounded, ComponentSpec, Cost
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology
from hwsim.units import PJ_PER_FJ

_FF_NM = 28
_NOTHING = Price.exact(0.0, "counted with the parts that are clocked")


class ClockReference(Reference):
    """Geometry of given prices."""

    flip_flops: int


class ClockGiven(Given):
    """Given energy of one cycle, running and gated."""

    at: ClockReference
    tick_pj: Cost
    tick_gated_pj: Cost


class ClockNetwork(PricedSpec):
    """`tick`: one cycle of a flip-flop and its share of the network; `tick_gated`: one with `gated_fraction` stopped.

    Law: E = V^2 C k. C the clock capacitance of a flip-flop at 28 nm, 1 to 1.5 fF, in proportion to the node at others
    (our choice); k = 2 to 3 for the tree above it. C and k are textbook figures from memory, not from a source that was
    opened: the bounds are part of the statement. Given prices are those of `flip_flops` together.

    How many there are follows from the registers of all parts (`register_bits`); `flip_flops` states another number for
    the whole machine. Area and leakage are counted with the parts that they are in.
    """

    flip_flops: int | None = Field(default=None, ge=1)
    gated_fraction: float = Field(ge=0, le=1)
    capacitance_ff: Cost = Bounded(value=1.25, low=1.0, high=1.5)
    tree_factor: Cost = Bounded(value=2.5, low=2.0, high=3.0)
    law: Literal["flip_flops", "given"]
    given: ClockGiven | None = None

    @model_validator(mode="after")
    def _given_for_so_many(self) -> ClockNetwork:
        if self.law == "given" and self.flip_flops is None:
            raise ValueError("flip_flops: given prices are of the whole network, so its flip-flops must be stated")
        return self

    @property
    def register_bits(self) -> int:
        """As many as are stated; 0 where they are counted."""
        return self.flip_flops or 0

    def of_a_flip_flop(self, technology: Technology) -> Priced:
        """Every `cycle` of a flip-flop pays the gated network, an `active_cycle` of its unit the rest too.

        Raises ArchitectureError as `priced` does.
        """
        part, fraction = self.priced_as("clock.network", technology), self.gated_fraction
        n = self.register_bits if self.law == "given" else 1
        why = f"1/{n} of all" if n > 1 else ""
        cycle = part.actions["tick_gated"].scaled(1 / n, why)
        active = part.actions["tick"].scaled(fraction / n, f"the {fraction:g} that runs only while its unit works")
        return part.doing({"cycle": cycle, "active_cycle": active})

    def by_law(self, technology: Technology) -> Priced:
        """E = V^2 C k."""
        factor = technology.vdd_v**2 * technology.node_nm / _FF_NM * PJ_PER_FJ
        c, k = self.capacitance_ff, self.tree_factor
        source = (
            f"clock of a flip-flop: V^2 C k at {technology.vdd_v:g} V, C = {c.value:g} fF at 28 nm in proportion to "
            f"the node (our choice), k = {k.value:g}; C and k recalled, not read"
        )
        tick = Price(factor * c.value * k.value, factor * c.low * k.low, factor * c.high * k.high, source)
        gated = tick.scaled(1 - self.gated_fraction, f"{self.gated_fraction:g} of it gated")
        return Priced({"tick": tick, "tick_gated": gated}, _NOTHING, _NOTHING)


class Clock(ComponentSpec):
    """The one clock that all cycles count, and the network that distributes it."""

    frequency_mhz: float = Field(gt=0, le=10_000)
    network: ClockNetwork | Literal["none"]

    @model_validator(mode="before")
    @classmethod
    def _of_today(cls, written: Any) -> Any:
        return refuse_chosen(written)

    def part(self, technology: Technology) -> Priced:
        """The network of all flip-flops, which stop with their units; without a network it costs nothing.

        Raises ArchitectureError as `ClockNetwork.priced` does.
        """
        if self.network != "none":
            return self.network.of_a_flip_flop(technology)
        nothing = Price.exact(0.0, "no clock network")
        return Priced({"cycle": nothing, "active_cycle": nothing}, nothing, nothing)


def refuse_chosen(written: Any) -> Any:
    """What was written, unless it has a number of flip-flops a PE, engine or unit, which files once chose.

    Raises ValueError that says what to write instead.
    """
    chosen = [key for key in written if str(key).startswith("flip_flops_per_")] if isinstance(written, Mapping) else []
    if chosen:
        raise ValueError(
            f"{chosen[0]} is no key any more: leave it out, registers are counted (clock.network.flip_flops states all)"
        )
    return written
