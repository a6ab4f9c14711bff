"""What published analog-to-digital converters take: energy, time and area of one conversion, by three laws."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from hwsim.components.pricing.price import Price
from hwsim.components.pricing.technology import Technology, log_interpolated
from hwsim.errors import ArchitectureError
from hwsim.units import PJ_PER_J, pj_from_power

# `sar`: median of 33 of the 215 converters of Murmann's survey that Andrulis' plug-in lists, those of at most 0.05 mm2,
# 90 nm or newer, up to 3 GS/s, 29 to 59 dB (docs/data/adc-survey.csv), fitted again by
# tests/components/test_adc_survey.py. pJ at 1.2 GS/s and 32 nm for 7 effective bits, without the noise's part.
_SURVEY_PJ, _SURVEY_MHZ, _SURVEY_NM, _SURVEY_BITS = 4.11, 1200.0, 32, 7
_RATE_EXPONENT, _NODE_EXPONENT, _LN_PER_BIT = 0.232, 0.632, 0.2715
_SURVEY_NODES_NM = 14, 90  # of the 33
_SPREAD = 0.21, 2.56  # nine of ten of the 33 lie between these multiples of the law
_SLOWEST_MHZ = 0.02  # slower ones are not in the fit: their energy stays that of this rate
_LOST_BITS = 1  # stated bits over effective ones; our choice, Kull loses 1.8 and Ramkaj 0.6
_SURVEY_V = 1.0  # the list states no supply: our choice

_SAR_BITS = range(4, 11)
_SAR_MHZ, _FASTEST_SAR_MHZ = 1200.0, 1250.0
# Area of 4 to 10 bits over that of 8: Saberi et al. (TCAS-I 58(8) 2011) as in the published ISAAC component model.
_SAR_AREA = {4: 361, 5: 477, 6: 627, 7: 845, 8: 1200, 9: 1828, 10: 3002}
_KULL_UM2, _AREA_EXPONENT = 1500.0, 0.797  # 8 bits, 32 nm; the exponent is that of Andrulis' regression
_AREA_SPREAD = 0.73, 7.5  # Jia's and Ramkaj's over this law

# Power per comparator level and supply of its transistor models: NeuroSim V1.3, current sensing, low power.
_FLASH_UW = {65: 8.41, 45: 6.32, 32: 3.09, 22: 1.70, 14: 1.0}
_FLASH_V = {65: 1.1, 45: 1.0, 32: 0.9, 22: 0.85, 14: 0.8}
_FLASH_NS, _FLASH_MAX_BITS = 1.0, 10
_BOUND_MIN_BITS, _BOUND_MAX_BITS = 6, 16

# The slowest converter of the list, 20 kS/s at 40 nm, takes 1.05 pJ x 20 kHz = 0.021 uW in all on 9,750 um2.
_LEAKAGE_UW_PER_UM2 = 1.05e-6 * 20e3 / 9750

FULL_MHZ = {"sar": _SAR_MHZ, "flash": 1e3 / _FLASH_NS}
"""Rate of a law where none is stated."""
_FASTEST_MHZ = {"sar": _FASTEST_SAR_MHZ, "flash": 1e3 / _FLASH_NS}


class Conversion(NamedTuple):
    """One law's answer."""

    pj: Price
    ns: float
    um2: Price


def sar(bits: int, technology: Technology, sample_rate_mhz: float) -> Conversion:
    """One successive-approximation converter: E = E_T(rate, node, bits) V^2 + E_noise(rate, bits).

    E_T = 4.11 pJ (f / 1.2 GS/s)^0.232 (node / 32)^0.632 e^(0.2715 (b - 8)) V^2 is the median of compact converters (at
    most 0.05 mm2, 90 nm or newer, up to 3 GS/s, 29 to 59 dB), E_noise the best-case law, which grows fourfold a bit. So
    no value is below the best case, and slower converters are cheaper.  Area: 1500 um2 (Kull et al., ISSCC 2013) times
    Saberi's ratio by bits and (node / 32)^0.797.

    Raises:
        ArchitectureError: outside 4 to 10 bits or above 1.25 GS/s.

    """
    if bits not in _SAR_BITS:
        raise ArchitectureError(f"law 'sar' covers {_SAR_BITS[0]} to {_SAR_BITS[-1]} bits, got {bits}")
    _refuse_faster("sar", sample_rate_mhz)
    rate = (max(sample_rate_mhz, _SLOWEST_MHZ) / _SURVEY_MHZ) ** _RATE_EXPONENT
    node = technology.node_nm / _SURVEY_NM
    more_bits = math.exp(_LN_PER_BIT * (bits - _LOST_BITS - _SURVEY_BITS))
    noise_pj = best_case_pj(bits, sample_rate_mhz)
    supply = (technology.vdd_v / _SURVEY_V) ** 2
    pj = _SURVEY_PJ * rate * node**_NODE_EXPONENT * more_bits * supply + noise_pj
    low, high = (pj * factor for factor in _SPREAD)
    inside = min(_SURVEY_NODES_NM) <= technology.node_nm <= max(_SURVEY_NODES_NM)
    beyond = "" if inside else ", of 14 to 90 nm, beyond which the node's power goes on"
    source = (
        f"sar: {bits} b at {sample_rate_mhz:g} MS/s, median of 33 published converters (Murmann's survey as listed by "
        f"Andrulis et al. arXiv 2404.06553, own fit{beyond}), V^2 from 1 V, and noise; bounds hold nine of ten of them"
    )
    um2 = _KULL_UM2 * _SAR_AREA[bits] / _SAR_AREA[8] * node**_AREA_EXPONENT
    area = (
        f"sar: {bits} b, 1500 um2 of Kull et al. ISSCC 2013, bits after Saberi et al. TCAS-I 2011, node^0.797 of "
        "Andrulis et al. arXiv 2404.06553; bounds: Jia JSSC 2020, Ramkaj JSSC 2018"
    )
    return Conversion(
        Price(pj, max(low, noise_pj), high, source),
        1e3 / sample_rate_mhz,
        Price(um2, um2 * _AREA_SPREAD[0], um2 * _AREA_SPREAD[1], area),
    )


def flash(bits: int, technology: Technology, sample_rate_mhz: float) -> Conversion:
    """Flash with current sensing: P = k (2^bits - 1) (V / V_nominal)^2 for 1 ns (NeuroSim V1.3, no column current).

    A slower one costs the same.  From 6 bits on it is never below the best-case law at its rate; where that raises it
    the source says so.  NeuroSim's area needs a layout, so the area is Andrulis' regression at this energy and 1 GS/s.

    Raises:
        ArchitectureError: above 10 bits or 1 GS/s, or a node outside 14 to 65 nm.

    """
    if bits > _FLASH_MAX_BITS:
        raise ArchitectureError(f"law 'flash' covers up to {_FLASH_MAX_BITS} bits, got {bits}")
    _refuse_faster("flash", sample_rate_mhz)
    if not min(_FLASH_UW) <= technology.node_nm <= max(_FLASH_UW):
        raise ArchitectureError(f"law 'flash' covers 14 to 65 nm, got {technology.node_nm} nm")
    supply = (technology.vdd_v / log_interpolated(technology.node_nm, _FLASH_V)) ** 2
    power_uw = log_interpolated(technology.node_nm, _FLASH_UW) * (2**bits - 1) * supply
    how = "" if technology.node_nm in _FLASH_UW else ", node interpolated in log"
    source = f"flash: {bits} b, k (2^b - 1) V^2 x 1 ns, NeuroSim V1.3 low power{how}"
    pj = pj_from_power(power_uw, _FLASH_NS)
    least_pj = best_case_pj(bits, sample_rate_mhz) if bits >= _BOUND_MIN_BITS else 0.0
    if pj < least_pj:
        source += f", raised from {pj:.3g} pJ to the best published at {sample_rate_mhz:g} MS/s (arXiv 2404.06553)"
        pj = least_pj
    um2 = regression_um2(bits, technology.node_nm, 1e3 / _FLASH_NS, pj)
    area = f"flash: {bits} b, regression of Andrulis et al. arXiv 2404.06553"
    return Conversion(Price.exact(pj, source), 1e3 / sample_rate_mhz, Price.exact(um2, area))


def bound(bits: int, technology: Technology, sample_rate_mhz: float) -> Conversion:
    """What the best published converters of 6 to 16 bits reach, at any supply and node (Andrulis et al., below).

    Raises:
        ArchitectureError: outside 6 to 16 bits, below which noise no longer limits converters.

    """
    if not _BOUND_MIN_BITS <= bits <= _BOUND_MAX_BITS:
        raise ArchitectureError(f"law 'bound' covers {_BOUND_MIN_BITS} to {_BOUND_MAX_BITS} bits, got {bits}")
    pj = best_case_pj(bits, sample_rate_mhz)
    um2 = regression_um2(bits, technology.node_nm, sample_rate_mhz, pj)
    source = f"bound: {bits} b at {sample_rate_mhz:g} MS/s, best published, Andrulis et al. arXiv 2404.06553"
    return Conversion(Price.exact(pj, source), 1e3 / sample_rate_mhz, Price.exact(um2, source))


def leakage_uw(technology: Technology, um2: float) -> Price:
    """Leakage of a converter, or of what stands beside it, of some area.

    What the slowest published one takes in all a um2, and no more than logic; logic of this area is the upper bound.
    """
    logic = technology.logic_leakage_uw(Price.exact(um2, ""))
    measured = min(_LEAKAGE_UW_PER_UM2 * um2, logic.value)
    source = "all that the slowest converter of the list takes (20 kS/s, 40 nm, 9,750 um2), by area; bound: logic"
    return Price(measured, 0.0, logic.high, source)


def best_case_pj(bits: float, sample_rate_mhz: float) -> float:
    """E = 0.5 * 10^((6.0206 b + 1.761 - FoM_S) / 10) J, fourfold a bit.

    FoM_S = min(180.14, 302.739 - 6.4608 ln f) dB, f in Hz (Andrulis et al., arXiv 2404.06553, and its plug-in).
    """
    figure_of_merit_db = min(180.14, 302.739 - 6.4608 * math.log(sample_rate_mhz * 1e6))
    return float(0.5 * 10 ** ((6.0206 * bits + 1.761 - figure_of_merit_db) / 10) * PJ_PER_J)


def regression_um2(bits: int, node_nm: int, sample_rate_mhz: float, energy_pj: float) -> float:
    """Area over published converters, f in Hz.

    exp(4.851 + 0.0667 ln f + 0.797 ln nm - 0.134 b + 0.424 ln E_pJ) um2 (Andrulis et al., arXiv 2404.06553, and its
    plug-in).
    """
    rate = 0.0667 * math.log(sample_rate_mhz * 1e6)
    return math.exp(4.851 + rate + 0.797 * math.log(node_nm) - 0.134 * bits + 0.424 * math.log(energy_pj))


def _refuse_faster(law: str, sample_rate_mhz: float) -> None:
    if sample_rate_mhz > _FASTEST_MHZ[law]:
        raise ArchitectureError(
            f"law '{law}' reaches {_FASTEST_MHZ[law]:g} MHz, got sample_rate_mhz = {sample_rate_mhz:g}"
        )


LAWS: dict[str, Callable[[int, Technology, float], Conversion]] = {"sar": sar, "flash": flash, "bound": bound}
