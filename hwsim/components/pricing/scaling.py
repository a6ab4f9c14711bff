"""How area, switching energy and gate delay change from node to node, and energy with the supply.

Source of all coefficients: Stillmaker & Baas, Integration 58 (2017) 74-81, as their tables stand in the published
script nodeScale. 40, 28 and 22 nm are absent there and are interpolated in the logarithms of node and factor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

CITATION = "Stillmaker & Baas, Integration 58 (2017)"
REFERENCE_NM, REFERENCE_V = 45, 0.9
POLYNOMIAL_V = 0.6
"""Below it the polynomials of energy are left: the one of 65 nm falls with the supply under 0.59 V."""

# E ~ a2 V^2 + a1 V + a0 of a chain of inverters; 45 nm and below are the high-performance models.
_ENERGY = {
    130: (7.171, -6.709, 2.904),
    90: (4.762, -4.781, 2.092),
    65: (3.755, -4.398, 1.975),
    45: (1.018, -0.3107, 0.1539),
    32: (0.8367, -0.4341, 0.1701),
    20: (0.373, -0.1582, 0.04104),
    16: (0.2958, -0.1241, 0.03024),
    14: (0.2363, -0.09675, 0.02239),
    10: (0.2068, -0.09311, 0.02375),
    7: (0.1776, -0.09097, 0.02447),
}
# Supply that the models are made for, and a3 V^3 + a2 V^2 + a1 V + a0, read as picoseconds of an inverter that drives
# four: 32 ps at 130 nm, 12.5 ps at 45 nm. 20 nm is left out: its fit (9.5 ps) is slower than those on both sides of it.
_DELAY = {
    130: (1.3, (-76.65, 334.9, -493.4, 275.8)),
    90: (1.2, (-60.34, 262.5, -384.2, 210.9)),
    65: (1.1, (-53.3, 230.4, -333.9, 178.6)),
    45: (1.0, (-501.6, 1567.0, -1619.0, 566.1)),
    32: (0.9, (-1047.0, 2982.0, -2797.0, 873.5)),
    16: (0.85, (0.0, 24.8, -47.52, 28.87)),
    14: (0.8, (-40.66, 109.2, -100.6, 35.92)),
    10: (0.75, (-34.95, 93.65, -85.99, 30.4)),
    7: (0.7, (-28.58, 76.6, -70.26, 24.69)),
}
# Area over 45 nm, chained from neighbouring nodes so that rounding does not pile up.
_AREA = {
    130: 1 / (0.66 * 0.53 * 0.44),
    90: 1 / (0.66 * 0.53),
    65: 1 / 0.66,
    45: 1.0,
    32: 0.46,
    20: 0.46**2,
    16: 0.46**2 * 0.89,
    14: 0.46**2 * 0.89 * 0.91,
    10: 0.46**2 * 0.89 * 0.91 * 0.59,
    7: 0.46**2 * 0.89 * 0.91 * 0.34,
}
NODES_NM = (130, 90, 65, 45, 40, 32, 28, 22, 20, 16, 14, 10, 7)
PUBLISHED_NM = frozenset(_ENERGY)


@lru_cache(maxsize=4096)
def energy_factor(node_nm: float, vdd_v: float) -> float:
    """Switching energy at a node and supply over that at 45 nm and 0.9 V; between nodes a line in the logarithms.

    Below 0.6 V it goes on from there as V^2 (see `energy_bounds`).
    """
    reference = _energy(REFERENCE_NM, REFERENCE_V)
    inside = max(vdd_v, POLYNOMIAL_V)
    factor = log_interpolated(node_nm, {node: _energy(node, inside) / reference for node in _ENERGY})
    return factor * (vdd_v / inside) ** 2


def energy_bounds(node_nm: float, vdd_v: float) -> tuple[float, float]:
    """What a switching energy lies between, over its value: 1 and 1 where the polynomials hold.

    Below 0.6 V: at most in proportion to the supply from there, at least V^2 from the supply the node is made for (our
    choice).
    """
    if vdd_v >= POLYNOMIAL_V:
        return 1.0, 1.0
    full_v = log_interpolated(node_nm, {node: volts for node, (volts, _) in _DELAY.items()})
    squared = energy_factor(node_nm, full_v) * (POLYNOMIAL_V / full_v) ** 2
    return min(squared / energy_factor(node_nm, POLYNOMIAL_V), 1.0), POLYNOMIAL_V / vdd_v


@lru_cache(maxsize=64)
def area_factor(node_nm: float) -> float:
    """Area at a node over that at 45 nm; between nodes a line in the logarithms."""
    return log_interpolated(node_nm, _AREA)


@lru_cache(maxsize=64)
def fast_fo4(node_nm: float) -> tuple[float, float]:
    """Delay of a high-performance inverter that drives four, in ns, and the supply in V that it is for."""
    picoseconds = {node: _polynomial(volts, coefficients) for node, (volts, coefficients) in _DELAY.items()}
    volts = log_interpolated(node_nm, {node: volts for node, (volts, _) in _DELAY.items()})
    return log_interpolated(node_nm, picoseconds) * 1e-3, volts


def _energy(node_nm: int, vdd_v: float) -> float:
    return _polynomial(vdd_v, _ENERGY[node_nm])


def _polynomial(x: float, coefficients: tuple[float, ...]) -> float:
    total = 0.0
    for coefficient in coefficients:
        total = total * x + coefficient
    return total


def log_interpolated(x: float, points: Mapping[int, float]) -> float:
    """Value at x of the line through the neighbouring points, in log x and log y; exact at the points.

    Raises:
        ValueError: x lies outside the points.

    """
    if x in points:
        return points[int(x)]
    below = max((point for point in points if point < x), default=None)
    above = min((point for point in points if point > x), default=None)
    if below is None or above is None:
        raise ValueError(f"{x:g} lies outside {min(points)} to {max(points)}")
    weight = math.log(x / below) / math.log(above / below)
    return float(points[below] * (points[above] / points[below]) ** weight)
