"""The switch that leads one of several crossbar columns to their shared ADC."""

from __future__ import annotations

from typing import Literal

from hwsim.arch.schema import Cost
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology, area_factor, energy_factor

_SPIKESIM_PJ, _SPIKESIM_NM, _SPIKESIM_V = 0.094245, 65, 1.0
_SWITCH_FO4 = 4.0  # decoder and switch, our choice
_SPIKESIM_UM2, _SPIKESIM_COLUMNS = 45.9, 8


class ColumnMuxGiven(Given):
    """Given prices of a switch."""

    at: Reference
    select_pj: Cost


class ColumnMux(PricedSpec):
    """`select`: connect one column for one conversion.

    Law `spikesim`: 0.094245 pJ a conversion and 45.9 um2 for the multiplexer of an ADC's 8 columns at 65 nm (published
    SpikeSim script, Moitra et al. arXiv 2210.12899; it states no supply, 1.0 V assumed), scaled as logic.  An instance
    is the switch of one column, an eighth of that.
    """

    law: Literal["spikesim", "given"]
    given: ColumnMuxGiven | None = None

    @property
    def register_bits(self) -> int:
        """None: the ADC counts its columns."""
        return 0

    def by_law(self, technology: Technology) -> Priced:
        """SpikeSim's constants in this technology."""
        source = f"SpikeSim script (arXiv 2210.12899), 65 nm 1.0 V assumed, {technology.scaling_source}"
        pj = _SPIKESIM_PJ * technology.energy_factor / energy_factor(_SPIKESIM_NM, _SPIKESIM_V)
        um2 = _SPIKESIM_UM2 / _SPIKESIM_COLUMNS * technology.area_factor / area_factor(_SPIKESIM_NM)
        area = Price.exact(um2, f"1/{_SPIKESIM_COLUMNS} of a multiplexer, {source}")
        select = technology.near_threshold(Price.exact(pj, source))
        delay_ns = _SWITCH_FO4 * technology.fo4_ns
        return Priced({"select": select}, area, technology.logic_leakage_uw(area), delay_ns=delay_ns)
