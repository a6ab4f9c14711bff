"""Process node, supply and temperature, and how energies and areas scale between them.

Source of both scalings: Stillmaker & Baas, Integration 58 (2017) 74-81. 28 and 22 nm are absent there and are
interpolated in the logarithms of node and factor.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from hwsim.arch.schema import ComponentSpec, Cost
from hwsim.components.pricing import cacti
from hwsim.components.pricing.price import Price

# E ~ a2 V^2 + a1 V + a0 of a chain of inverters; 45 nm and below are the high-performance models.
_ENERGY = {
    65: (3.755, -4.398, 1.975),
    45: (1.018, -0.3107, 0.1539),
    32: (0.8367, -0.4341, 0.1701),
    20: (0.373, -0.1582, 0.04104),
    16: (0.2958, -0.1241, 0.03024),
    14: (0.2363, -0.09675, 0.02239),
    7: (0.1776, -0.09097, 0.02447),
}
# Area over 45 nm, chained from neighbouring nodes so that rounding does not pile up: .66, .46, .46, .89, .91, .34.
_AREA = {
    65: 1 / 0.66,
    45: 1.0,
    32: 0.46,
    20: 0.46**2,
    16: 0.46**2 * 0.89,
    14: 0.46**2 * 0.89 * 0.91,
    7: 0.46**2 * 0.89 * 0.91 * 0.34,
}
NODES_NM = (65, 45, 32, 28, 22, 20, 16, 14, 7)
LOW_V, HIGH_V = 0.6, 1.2  # where all the polynomials rise with the supply; below 0.59 V the 65 nm one falls
REFERENCE_NM, REFERENCE_V = 45, 0.9
_CITATION = "Stillmaker & Baas, Integration 58 (2017)"
# Leakage per logic area at 40 nm, from Aladdin's 32-bit adder (2.4 uW over 278 um2), comparator and multiplier.
_LEAKAGE = Price(2.4 / 278, 0.0251 / 71, 80 / 6350, "")
_LEAKAGE_V = 0.9


def _known_node(node_nm: int) -> int:
    if node_nm not in NODES_NM:
        with_sram = {kind.node_nm for kind in cacti.table()}
        memories, logic = (
            ", ".join(str(node) for node in NODES_NM if (node in with_sram) == there) for there in (True, False)
        )
        raise ValueError(f"must be one of {memories} nm, or in a design without SRAM {logic} nm, got {node_nm}")
    return node_nm


class Technology(ComponentSpec):
    """The process all parts of a machine are made in.

    `logic_leakage_uw_per_um2` replaces Aladdin's 40 nm figure (Shao et al., ISCA 2014), which is kept per area at all
    nodes and only follows the supply: our choice, for want of a law, and hence the wide bounds.
    """

    node_nm: Annotated[int, AfterValidator(_known_node)]
    vdd_v: float = Field(ge=LOW_V, le=HIGH_V)
    temperature_k: Literal[300, 360]
    sram_cell: Literal["lop", "lstp"]
    logic_leakage_uw_per_um2: Cost | None = None

    @property
    def energy_factor(self) -> float:
        """Switching energy of logic over that at 45 nm and 0.9 V."""
        return energy_factor(self.node_nm, self.vdd_v)

    @property
    def area_factor(self) -> float:
        """Area of logic over that at 45 nm."""
        return area_factor(self.node_nm)

    @property
    def scaling_source(self) -> str:
        """How energies and areas came to this technology, for the source of a price."""
        text = f"scaled to {self.node_nm} nm {self.vdd_v:g} V by {_CITATION}"
        return text if self.node_nm in _ENERGY else f"{text}, node interpolated in log"

    def logic_leakage_uw(self, area_um2: Price) -> Price:
        """Leakage of logic of some area; bounds multiply."""
        if self.logic_leakage_uw_per_um2 is not None:
            density = Price.of(self.logic_leakage_uw_per_um2, self.source)
        else:
            why = "leakage per area of Aladdin's 40 nm units (Shao et al., ISCA 2014), kept at all nodes: our choice"
            scaled = _LEAKAGE.scaled(self.vdd_v / _LEAKAGE_V)
            density = Price(scaled.value, scaled.low, scaled.high, why)
        return Price(
            density.value * area_um2.value, density.low * area_um2.low, density.high * area_um2.high, density.source
        )


def energy_factor(node_nm: float, vdd_v: float) -> float:
    """Switching energy at a node and supply over that at 45 nm and 0.9 V; between nodes a line in the logarithms."""
    reference = _polynomial(REFERENCE_NM, REFERENCE_V)
    return log_interpolated(node_nm, {node: _polynomial(node, vdd_v) / reference for node in _ENERGY})


def area_factor(node_nm: float) -> float:
    """Area at a node over that at 45 nm; between nodes a line in the logarithms."""
    return log_interpolated(node_nm, _AREA)


def _polynomial(node_nm: int, vdd_v: float) -> float:
    a2, a1, a0 = _ENERGY[node_nm]
    return a2 * vdd_v**2 + a1 * vdd_v + a0


def log_interpolated(x: float, points: dict[int, float]) -> float:
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
