"""Analog-to-digital converters behind crossbar columns, by three laws that disagree.

At 4 bits the laws span a factor of twenty, so the law is a named choice.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing.converters import FULL_MHZ, LAWS, Conversion, leakage_uw
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology
from hwsim.errors import ArchitectureError


class AdcReference(Reference):
    """Geometry of given prices."""

    bits: int


class AdcGiven(Given):
    """Given prices of an ADC."""

    at: AdcReference
    convert_pj: Cost
    convert_ns: float = Field(gt=0)


class Adc(PricedSpec):
    """`convert`: one conversion of one column; the time `convert` is how long it occupies the ADC.

    Laws (`pricing.converters`): `sar` (4 to 10 bits), `flash` (to 10 bits, 14 to 65 nm), `bound` (best published
    converters, 6 to 16 bits; a floor, not a design), `given`. The bounds of `sar` hold nine of ten published
    converters; those of `flash` and `bound` reach to the other laws that have these bits and node.
    `sample_rate_mhz` is needed by `bound`; without it `sar` runs at 1200, `flash` at 1000. A slower `sar` is cheaper.
    Energies of the survey hold what leaks at full rate; what leaks in rest is little beside it (`leakage_uw`).
    """

    bits: int = Field(ge=1, le=16)
    columns_per_adc: int = Field(ge=1)
    sample_rate_mhz: float | None = Field(default=None, gt=0, le=1e5)
    law: Literal["sar", "flash", "bound", "given"]
    given: AdcGiven | None = None

    @property
    def register_bits(self) -> int:
        """The result, and which of its columns is next; what is in the converter is in its energy."""
        return self.bits + (self.columns_per_adc - 1).bit_length()

    def by_law(self, technology: Technology) -> Priced:
        """The chosen law's prices, with bounds.

        Raises:
            ArchitectureError: the law does not reach these bits or this node.

        """
        rate_mhz = self.sample_rate_mhz or FULL_MHZ.get(self.law)
        if rate_mhz is None:
            raise ArchitectureError("law 'bound' needs sample_rate_mhz")
        chosen = LAWS[self.law](self.bits, technology, rate_mhz)
        pj, um2 = chosen.pj, chosen.um2
        if self.law != "sar":
            others = [found for name in LAWS if name != self.law and (found := self._reach(name, technology, rate_mhz))]
            named = ", ".join(other.pj.source.partition(":")[0] for other in others)
            spread = f"; bounds: {named}" if others else ""
            pj = Price.among(pj.value, (other.pj.value for other in others), pj.source + spread)
            um2 = Price.among(um2.value, (other.um2.value for other in others), um2.source + spread)
        return Priced({"convert": pj}, um2, leakage_uw(technology, um2.value), {"convert": chosen.ns})

    def _reach(self, law: str, technology: Technology, rate_mhz: float) -> Conversion | None:
        """Another law's answer, or None where it has none."""
        try:
            return LAWS[law](self.bits, technology, min(rate_mhz, FULL_MHZ.get(law, rate_mhz)))
        except ArchitectureError:
            return None
