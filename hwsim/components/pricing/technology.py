"""Process node, corner, supply and temperature: what every law needs to know of the technology."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from hwsim.arch.schema import ComponentSpec
from hwsim.components.pricing.devices import (
    COLD_K,
    HOT_K,
    LEAKAGE_LAW,
    OFF_SPREAD,
    Corner,
    Factor,
    device,
    fo4_ns,
    leakage_factor,
)
from hwsim.components.pricing.price import Price
from hwsim.components.pricing.scaling import (
    CITATION,
    NODES_NM,
    POLYNOMIAL_V,
    PUBLISHED_NM,
    area_factor,
    energy_bounds,
    energy_factor,
    log_interpolated,
)
from hwsim.kept import kept_with

__all__ = ["NODES_NM", "Corner", "Technology", "area_factor", "energy_factor", "log_interpolated"]

LOW_V, HIGH_V = 0.4, 1.3
_OLD_NM, _OLD_V = 130, 1.8  # processes of 130 nm whose transistors take 1.8 V are built, NeuRRAM (Nature 2022) in one
# Half of an inverter's transistors is off: INV_X1 of NanGate's 45 nm library is 0.415 + 0.63 um wide on 0.532 um2.
_OFF_UM_PER_UM2, _OFF_NM = (0.415 + 0.63) / 2 / 0.532, 45
_GONE = {
    "sram_cell": "say corner: low_leakage for lstp, standard for lop, fast for hp",
    "cell": "say corner: low_leakage for lstp, standard for lop, fast for hp",
    "logic_leakage_uw_per_um2": "corner sets the leakage of logic and memories together",
}


def refuse_gone(written: Any, *more: str) -> Any:
    """What was written, unless it has a key that there was before corners, or one of `more`.

    Raises ValueError that says what to write instead.
    """
    for key in (*_GONE, *more):
        if isinstance(written, Mapping) and key in written:
            instead = _GONE.get(key, "all parts have the temperature of technology")
            raise ValueError(f"{key} is no key any more: {instead}")
    return written


def _known_node(node_nm: int) -> int:
    if node_nm not in NODES_NM:
        raise ValueError(f"must be one of {', '.join(map(str, NODES_NM))} nm, got {node_nm}")
    return node_nm


class Technology(ComponentSpec):
    """The process all parts of a machine are made in, and where it is run.

    `corner` is the kind of transistor, of logic and memory cells alike: it sets what they leak and how fast they are.
    """

    node_nm: Annotated[int, AfterValidator(_known_node)]
    vdd_v: float = Field(ge=LOW_V, le=_OLD_V)
    temperature_k: float = Field(ge=COLD_K, le=HOT_K)
    corner: Corner

    @model_validator(mode="before")
    @classmethod
    def _of_today(cls, written: Any) -> Any:
        return refuse_gone(written)

    @model_validator(mode="after")
    def _transistors_take_the_supply(self) -> Technology:
        if self.vdd_v > HIGH_V and self.node_nm < _OLD_NM:
            raise ValueError(f"vdd_v must be at most {HIGH_V:g} V below {_OLD_NM} nm, got {self.vdd_v:g}")
        return self

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
        text = f"scaled to {self.node_nm} nm {self.vdd_v:g} V by {CITATION}"
        if self.vdd_v < POLYNOMIAL_V:
            text += f", V^2 below {POLYNOMIAL_V:g} V"
        return text if self.node_nm in PUBLISHED_NM else f"{text}, node interpolated in log"

    def near_threshold(self, price: Price) -> Price:
        """A switching energy at this supply with the bounds that it has where no polynomial reaches."""
        low, high = energy_bounds(self.node_nm, self.vdd_v)
        return price if low == high else replace(price, low=price.low * low, high=price.high * high)

    @property
    def fo4_ns(self) -> float:
        """Delay of an inverter that drives four, at 300 K."""
        return fo4_ns(self.corner, self.node_nm, self.vdd_v)

    def leakage_factor(self, corner: Corner, from_k: float = 300) -> Factor:
        """Leakage here over that at the supply that a corner is made for and `from_k`, with the corner's own spread."""
        return leakage_factor(corner, self.node_nm, self.vdd_v, self.temperature_k, from_k).times(
            Factor(OFF_SPREAD[corner][0], 1.0, OFF_SPREAD[corner][1])
        )

    def logic_leakage_uw(self, area_um2: Price) -> Price:
        """Leakage of logic of some area; bounds multiply."""
        density: Price = kept_with(self).once("leakage", self._leakage_uw_per_um2)
        return Price(
            density.value * area_um2.value, density.low * area_um2.low, density.high * area_um2.high, density.source
        )

    def _leakage_uw_per_um2(self) -> Price:
        """I_off of the corner over the width that is off, of an inverter that shrinks with the node (our choice)."""
        transistor, factor = device(self.corner, self.node_nm), self.leakage_factor(self.corner)
        width_um = _OFF_UM_PER_UM2 * _OFF_NM / self.node_nm
        at_supply = width_um * transistor.off_na_per_um * 1e-3 * transistor.vdd_v
        source = (
            f"leakage of {self.corner} logic: {transistor.off_na_per_um:.3g} nA/um at {transistor.vdd_v:.3g} V 300 K "
            f"(CACTI 7), {width_um:.3g} um off a um2 (NanGate INV_X1 at 45 nm, in proportion to 1 / node, our choice), "
            f"at {self.vdd_v:g} V {self.temperature_k:g} K: {LEAKAGE_LAW}"
        )
        return Price(at_supply * factor.value, at_supply * factor.low, at_supply * factor.high, source)
