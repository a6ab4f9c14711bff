"""The interface over which inputs come to the chip and results leave it."""

from __future__ import annotations

from pydantic import Field

from hwsim.arch.schema import ComponentSpec, Cost
from hwsim.components.pricing.price import Price, Priced


class Link(ComponentSpec):
    """Pads and wires off the chip: `pj_per_bit` for each bit, both ends, at `gigabits_per_s`.

    Published interfaces: 0.54 pJ/b over 4.5 mm in a package, 28 nm, 20 Gb/s (Poulton et al., JSSC 2013); 1.4 and 1.9
    pJ/b over 0.75 and 20 inches of board, 32 nm SOI, 12 Gb/s (IBM, source-synchronous I/O). They do not follow the
    supply of the core. Between transfers the interface is taken to be off; area is left out.
    """

    pj_per_bit: Cost
    gigabits_per_s: float = Field(gt=0, le=10_000)

    @property
    def bit(self) -> Price:
        """Price of a bit."""
        return Price.of(self.pj_per_bit, self.source)

    def priced(self) -> Priced:
        """What it costs as a part: a bit, and nothing between transfers."""
        nothing = Price.exact(0.0, "not counted")
        return Priced({"bit": self.bit}, nothing, nothing)

    def time_ns(self, bits: float) -> float:
        """How long so many bits take."""
        return bits / self.gigabits_per_s
