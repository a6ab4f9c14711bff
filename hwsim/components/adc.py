"""Analog-to-digital converters behind crossbar columns, by four laws that disagree.

At 4 bits the laws span four orders of magnitude, so the law is a named choice and the others are its bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from pydantic import Field

from hwsim.arch.schema import Cost
from hwsim.components.pricing.given import Given, PricedSpec, Reference
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology, area_factor, energy_factor, log_interpolated
from hwsim.errors import ArchitectureError
from hwsim.units import PJ_PER_J, pj_from_power

# Per conversion at 32 nm and 1.2 GS/s: Kull et al. (ISSCC 2013) scaled in bits after Saberi et al. (TCAS-I 58(8) 2011),
# as in the published ISAAC component model.
_SAR_PJ = {4: 0.79, 5: 0.99, 6: 1.20, 7: 1.42, 8: 1.67, 9: 1.97, 10: 2.38}
_SAR_UM2 = {4: 361.0, 5: 477.0, 6: 627.0, 7: 845.0, 8: 1200.0, 9: 1828.0, 10: 3002.0}
_SAR_NM, _SAR_V, _SAR_MHZ = 32, 0.9, 1200.0
# Power per comparator level: NeuroSim V1.3, current sensing, low power.
_FLASH_UW = {65: 8.41, 45: 6.32, 32: 3.09, 22: 1.70, 14: 1.0}
_FLASH_NS, _FLASH_MAX_BITS = 1.0, 10
_BOUND_MIN_BITS, _BOUND_MAX_BITS = 6, 16
_FULL_MHZ = {"sar": _SAR_MHZ, "flash": 1e3 / _FLASH_NS}


class Conversion(NamedTuple):
    """One law's answer."""

    pj: float
    ns: float
    um2: float
    source: str


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

    Laws: `sar` (4 to 10 bits), `flash` (to 10 bits, 14 to 65 nm), `bound` (best published converters, 6 to 16 bits; a
    floor, not a design), `given`. The bounds of a price are the other laws that reach these bits and node.
    `sample_rate_mhz` is needed by `bound`; it may slow down `sar` and `flash` (full rates 1200 and 1000), whose energy
    per conversion then stays the same.
    """

    bits: int = Field(ge=1, le=16)
    columns_per_adc: int = Field(ge=1)
    sample_rate_mhz: float | None = Field(default=None, gt=0, le=1e5)
    law: Literal["sar", "flash", "bound", "given"]
    given: AdcGiven | None = None

    def by_law(self, technology: Technology) -> Priced:
        """The chosen law's prices within the bounds of the others.

        Raises:
            ArchitectureError: the law does not reach these bits or this node.

        """
        rate_mhz = self.sample_rate_mhz or _FULL_MHZ.get(self.law)
        if rate_mhz is None:
            raise ArchitectureError("law 'bound' needs sample_rate_mhz")
        chosen = LAWS[self.law](self.bits, technology, rate_mhz)
        others = [found for name in LAWS if name != self.law and (found := self._reach(name, technology, rate_mhz))]
        spread = f"; bounds: {', '.join(other.source.partition(':')[0] for other in others)}" if others else ""
        source = chosen.source + spread
        return Priced(
            {"convert": Price.among(chosen.pj, (other.pj for other in others), source)},
            Price.among(chosen.um2, (other.um2 for other in others), source),
            Price.exact(0.0, "inside the energy of a conversion, as the laws give power at full rate"),
            {"convert": chosen.ns},
        )

    def _reach(self, law: str, technology: Technology, rate_mhz: float) -> Conversion | None:
        """Another law's answer, or None where it has none."""
        try:
            return LAWS[law](self.bits, technology, min(rate_mhz, _FULL_MHZ.get(law, rate_mhz)))
        except ArchitectureError:
            return None


def sar(bits: int, technology: Technology, sample_rate_mhz: float) -> Conversion:
    """Successive approximation: the 32 nm table, brought to other nodes and supplies as if it were logic.

    Raises:
        ArchitectureError: outside 4 to 10 bits or above 1.2 GS/s.

    """
    if bits not in _SAR_PJ:
        raise ArchitectureError(f"law 'sar' covers 4 to 10 bits, got {bits}")
    _refuse_faster("sar", sample_rate_mhz)
    pj = _SAR_PJ[bits] * technology.energy_factor / energy_factor(_SAR_NM, _SAR_V)
    um2 = _SAR_UM2[bits] * technology.area_factor / area_factor(_SAR_NM)
    source = f"sar: {bits} b, 32 nm table of Saberi et al. TCAS-I 2011 / Kull et al. ISSCC 2013"
    if (technology.node_nm, technology.vdd_v) != (_SAR_NM, _SAR_V):
        source += f", {technology.scaling_source} as if all logic"
    return Conversion(pj, 1e3 / sample_rate_mhz, um2, source)


def flash(bits: int, technology: Technology, sample_rate_mhz: float) -> Conversion:
    """Flash with current sensing: P = k (2^bits - 1) for 1 ns (NeuroSim V1.3, its column-current term left out).

    NeuroSim's area needs a layout, so the area is Andrulis' regression at this energy and 1 GS/s.

    Raises:
        ArchitectureError: above 10 bits or 1 GS/s, or a node outside 14 to 65 nm.

    """
    if bits > _FLASH_MAX_BITS:
        raise ArchitectureError(f"law 'flash' covers up to {_FLASH_MAX_BITS} bits, got {bits}")
    _refuse_faster("flash", sample_rate_mhz)
    if not min(_FLASH_UW) <= technology.node_nm <= max(_FLASH_UW):
        raise ArchitectureError(f"law 'flash' covers 14 to 65 nm, got {technology.node_nm} nm")
    power_uw = log_interpolated(technology.node_nm, _FLASH_UW) * (2**bits - 1)
    pj = pj_from_power(power_uw, _FLASH_NS)
    how = "" if technology.node_nm in _FLASH_UW else ", node interpolated in log"
    um2 = regression_um2(bits, technology.node_nm, 1e3 / _FLASH_NS, pj)
    return Conversion(
        pj, 1e3 / sample_rate_mhz, um2, f"flash: {bits} b, k (2^b - 1) x 1 ns, NeuroSim V1.3 low power{how}"
    )


def bound(bits: int, technology: Technology, sample_rate_mhz: float) -> Conversion:
    """What the best published converters reach: E = 0.5 * 10^((6.0206 b + 1.761 - FoM_S) / 10) J.

    FoM_S = min(180.14, 302.739 - 6.4608 ln f) dB, f in Hz (Andrulis et al., arXiv 2404.06553, and its plug-in).

    Raises:
        ArchitectureError: outside 6 to 16 bits, below which noise no longer limits converters.

    """
    if not _BOUND_MIN_BITS <= bits <= _BOUND_MAX_BITS:
        raise ArchitectureError(f"law 'bound' covers {_BOUND_MIN_BITS} to {_BOUND_MAX_BITS} bits, got {bits}")
    figure_of_merit_db = min(180.14, 302.739 - 6.4608 * math.log(sample_rate_mhz * 1e6))
    pj = 0.5 * 10 ** ((6.0206 * bits + 1.761 - figure_of_merit_db) / 10) * PJ_PER_J
    um2 = regression_um2(bits, technology.node_nm, sample_rate_mhz, pj)
    source = f"bound: {bits} b at {sample_rate_mhz:g} MS/s, best published, Andrulis et al. arXiv 2404.06553"
    return Conversion(pj, 1e3 / sample_rate_mhz, um2, source)


def regression_um2(bits: int, node_nm: int, sample_rate_mhz: float, energy_pj: float) -> float:
    """Area over published converters, f in Hz (Andrulis et al., arXiv 2404.06553, and its plug-in).

    exp(4.851 + 0.0667 ln f + 0.797 ln nm - 0.134 b + 0.424 ln E_pJ)
    """
    rate = 0.0667 * math.log(sample_rate_mhz * 1e6)
    return math.exp(4.851 + rate + 0.797 * math.log(node_nm) - 0.134 * bits + 0.424 * math.log(energy_pj))


def _refuse_faster(law: str, sample_rate_mhz: float) -> None:
    if sample_rate_mhz > _FULL_MHZ[law]:
        raise ArchitectureError(
            f"law '{law}' reaches {_FULL_MHZ[law]:g} MHz, got sample_rate_mhz = {sample_rate_mhz:g}"
        )


LAWS: dict[str, Callable[[int, Technology, float], Conversion]] = {"sar": sar, "flash": flash, "bound": bound}
