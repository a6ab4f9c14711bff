"""The transistors of a corner: what they leak, and how fast they switch, at a node, supply and temperature.

A corner is a device class of the ITRS as CACTI 7 has it: low_leakage is LSTP, standard is LOP, fast is HP. Logic and
memory cells are made of the same transistors, so both follow from this one table.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, NamedTuple

from hwsim.components.pricing.scaling import fast_fo4, log_interpolated

Corner = Literal["low_leakage", "standard", "fast"]


class Device(NamedTuple):
    """An n-channel transistor at 300 K."""

    vdd_v: float  # supply that the class is made for, at which the off-current holds
    vth_v: float
    off_na_per_um: float


# CACTI 7, tech_params/*.dat: Vdd, Vth, I_off_n at 300 K (ITRS, MASTAR). Its gate leakage is in no row of its memories,
# and is left out here as well.
_CACTI: dict[Corner, dict[int, Device]] = {
    "low_leakage": {
        90: Device(1.3, 0.48203, 2.81e-3),
        65: Device(1.2, 0.52354, 9.12e-3),
        45: Device(1.1, 0.50245, 10.1e-3),
        32: Device(1.0, 0.513, 20.6e-3),
        22: Device(0.8, 0.40126, 24.3e-3),
    },
    "standard": {
        90: Device(0.9, 0.30764, 2.14),
        65: Device(0.8, 0.28512, 4.9),
        45: Device(0.7, 0.22599, 4.03),
        32: Device(0.6, 0.24227, 59.4),
        22: Device(0.6, 0.2315, 13.1),
    },
    "fast": {
        90: Device(1.2, 0.23707, 32.4),
        65: Device(1.1, 0.19491, 196.0),
        45: Device(1.0, 0.18035, 280.0),
        32: Device(0.9, 0.21835, 152.0),
        22: Device(0.8, 0.1395, 121.6),
    },
}
CELL = {"low_leakage": "lstp", "standard": "lop", "fast": "hp"}
"""What CACTI calls the cells of a corner."""
# Delay at its own supply over that of HP: C V / I of the same tables, mean over 90 to 22 nm (2.6 to 3.6; 1.5 to 2.7).
_SLOWER: dict[Corner, float] = {"low_leakage": 3.1, "standard": 2.0, "fast": 1.0}
# How far off-currents of one class go (our choice): low_leakage up to cells of a lower threshold; standard holds
# Aladdin's 40 nm adder (8.6 nW/um2), fast holds NanGate's 45 nm inverter (14.35 nW on 0.532 um2).
OFF_SPREAD: dict[Corner, tuple[float, float]] = {
    "low_leakage": (1 / 3, 10.0),
    "standard": (1 / 5, 10.0),
    "fast": (1 / 20, 2.0),
}
COLD_K, HOT_K, TABLE_K = 250, 400, 300
_K_OVER_Q = 8.617333e-5  # V / K
_SLOPE = 1.5  # n of the subthreshold slope n k T / q ln 10, 90 mV a decade at 300 K; our choice
_DIBL = (0.05, 0.1, 0.15)  # volts of threshold a volt of supply; our choice
_ALPHA = 1.3  # velocity saturation (Sakurai & Newton, JSSC 25(2), 1990; recalled, not read)
LEAKAGE_LAW = (
    f"off-current ~ T^2 exp(-q Vth / {_SLOPE:g} k T), {_DIBL[1]:g} V of threshold a V of supply (our choice of both)"
)


class Factor(NamedTuple):
    """A factor and what it lies between."""

    low: float
    value: float
    high: float

    def times(self, other: Factor) -> Factor:
        """Both; the interval assumes that they err the same way."""
        return Factor(self.low * other.low, self.value * other.value, self.high * other.high)


@lru_cache(maxsize=256)
def device(corner: Corner, node_nm: float) -> Device:
    """The transistor of a corner at a node.

    Between CACTI's nodes off-currents are a line in the logarithms, voltages a line. Beyond 90 and 22 nm the class
    stays as it is there (our choice): the ITRS holds the off-current of a class from node to node.
    """
    known = _CACTI[corner]
    inside = min(max(node_nm, min(known)), max(known))
    if inside in known:
        return known[int(inside)]
    below, above = max(n for n in known if n < inside), min(n for n in known if n > inside)
    share = (inside - below) / (above - below)
    vdd_v, vth_v, _ = (a + (b - a) * share for a, b in zip(known[below], known[above], strict=True))
    return Device(vdd_v, vth_v, log_interpolated(inside, {node: known[node].off_na_per_um for node in known}))


@lru_cache(maxsize=4096)
def leakage_factor(corner: Corner, node_nm: float, vdd_v: float, temperature_k: float, from_k: float = 300) -> Factor:
    """Leakage power over that at the supply of the class and `from_k`: V times the off-current.

    Off-current: T^2 exp(-q Vth / n k T), the subthreshold current of BSIM, with the threshold lowered in proportion to
    the supply (DIBL). From 300 to 360 K within a factor of 2 of CACTI's own tables, but for lop at 22 nm, which grows
    60 times there.
    """
    transistor = device(corner, node_nm)
    ratio = temperature_k / from_k
    warmer = ratio**2 * math.exp(transistor.vth_v / (_SLOPE * _K_OVER_Q) * (1 / from_k - 1 / temperature_k))
    unsure = 2 ** (abs(temperature_k - from_k) / 60)
    kt = _SLOPE * _K_OVER_Q * temperature_k
    lowered = sorted(math.exp(volts * (vdd_v - transistor.vdd_v) / kt) for volts in _DIBL)
    low, value, high = (vdd_v / transistor.vdd_v * warmer * factor for factor in lowered)
    return Factor(low / unsure, value, high * unsure)


@lru_cache(maxsize=4096)
def slowdown(corner: Corner, node_nm: float, vdd_v: float, from_v: float | None = None) -> float:
    """Delay at a supply over that at another, by default the one the class is made for.

    V over the drive ln(1 + exp((V - Vth) / alpha n kT))^alpha: the alpha-power law well above the threshold, the
    exponent of the subthreshold current below it (our choice of what joins the two). At 300 K; temperature is left out.
    """
    transistor = device(corner, node_nm)
    scale = _ALPHA * _SLOPE * _K_OVER_Q * TABLE_K

    def delay(volts: float) -> float:
        return volts / math.pow(math.log1p(math.exp((volts - transistor.vth_v) / scale)), _ALPHA)

    return delay(vdd_v) / delay(transistor.vdd_v if from_v is None else from_v)


@lru_cache(maxsize=4096)
def fo4_ns(corner: Corner, node_nm: float, vdd_v: float) -> float:
    """Delay of an inverter that drives four of its kind."""
    fast_ns, fast_v = fast_fo4(node_nm)
    if corner == "fast":
        return fast_ns * slowdown(corner, node_nm, vdd_v, fast_v)
    return fast_ns * _SLOWER[corner] * slowdown(corner, node_nm, vdd_v)
