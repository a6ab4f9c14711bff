"""What stands beside an ADC and is not in its core: reference buffers, bias and control."""

from __future__ import annotations

from typing import Literal

from hwsim.arch.schema import Bounded, Cost
from hwsim.components.pricing.converters import leakage_uw
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology
from hwsim.errors import ArchitectureError

# Wang et al., VLSI 2022, at 1 V: what is neither ADC, DAC nor array takes 4 % of energy beside 34 % of the ADCs and
# 11 % of area beside 13 % (figures in CiMLoop's test files).
_ENERGY_SHARE, _AREA_SHARE = 4 / 34, 11 / 13


class ReferenceBufferGiven(Given):
    """Given prices of what stands beside an ADC."""

    at: Reference
    settle_pj: Cost


class ReferenceBuffer(PricedSpec):
    """`settle`: hold the references of one ADC through one conversion.

    Law `share`: 4/34 of the ADC's energy and 11/13 of its area, which is all that the macro of Wang et al. (VLSI 2022)
    has beside converters and array: references, bias, clock and control. So it scales with bits, rate, node and supply
    as the ADC does. The lower bound is nothing (a converter whose reference is its supply), the upper one twice as
    much; both are our choice. `convert_pj` and `adc_um2` are the machine's.
    """

    convert_pj: Bounded | None = None
    adc_um2: Bounded | None = None
    law: Literal["share", "given"]
    given: ReferenceBufferGiven | None = None

    def beside(self, adc: Priced) -> ReferenceBuffer:
        """Size it for the machine's ADC, unless the file states what that takes."""
        return self.completed(convert_pj=_number(adc.actions["convert"]), adc_um2=_number(adc.area_um2))

    @property
    def register_bits(self) -> int:
        """None: it is analog."""
        return 0

    def by_law(self, technology: Technology) -> Priced:
        """Shares of the ADC's price (see the class).

        Raises ArchitectureError when neither the file nor the machine says what the ADC takes.
        """
        if self.convert_pj is None or self.adc_um2 is None:
            missing = "convert_pj" if self.convert_pj is None else "adc_um2"
            raise ArchitectureError(f"{missing} is missing, and this machine does not work it out itself")
        what = "all but converters and array of Wang et al. VLSI 2022"
        energy = _up_to_twice(self.convert_pj, _ENERGY_SHARE, f"4/34 of a conversion: {what}")
        area = _up_to_twice(self.adc_um2, _AREA_SHARE, f"11/13 of an ADC: {what}")
        return Priced({"settle": energy}, area, leakage_uw(technology, area.value))


def _number(price: Price) -> Bounded:
    return Bounded(value=price.value, low=price.low, high=price.high)


def _up_to_twice(whole: Bounded, share: float, source: str) -> Price:
    return Price(share * whole.value, 0.0, 2 * share * whole.high, source)
