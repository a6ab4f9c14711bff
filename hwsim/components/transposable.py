"""SRAM of which rows and columns can be read alike."""

from __future__ import annotations

from dataclasses import replace

from hwsim.arch.schema import Bounded, Cost
from hwsim.components.memory import Sram
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology

_KOO = "Koo et al., JSTS 2020"
_OURS = "our choice"


class TransposableSram(Sram):
    """An SRAM that can be built from cells with a second pair of lines across the first.

    Area: +26 %, of a transposable synapse memory of 256 x 256 x 4 b in 28 nm (Koo et al., JSTS 2020), kept at all nodes
    and sizes; earlier cells take more, such as those of 8 transistors (Seo et al., CICC 2011, recalled), for which
    +60 % is our choice. Access energy, along rows and columns alike, and leakage in the same proportion are our choice,
    from nothing more to twice as much. Times are those of the plain memory, a lower bound. Given prices are of plain
    cells too.
    """

    transposable: bool = False
    transposable_area: Cost = Bounded(value=1.26, low=1.26, high=1.6)
    transposable_energy: Cost = Bounded(value=1.26, low=1.0, high=2.0)

    def built(self, transposable: bool) -> TransposableSram:
        """The same memory of plain or of transposable cells."""
        return self.model_copy(update={"transposable": transposable})

    def priced(self, technology: Technology) -> Priced:
        """Prices of one instance in a technology; those of plain cells unless they are transposable.

        Raises ArchitectureError as those of plain cells do.
        """
        plain = super().priced(technology)
        if not self.transposable:
            return plain
        actions = {name: _times(price, self.transposable_energy, _OURS) for name, price in plain.actions.items()}
        leakage = _times(plain.leakage_uw, self.transposable_energy, _OURS)
        area = _times(plain.area_um2, self.transposable_area, _KOO)
        return replace(plain, actions=actions, area_um2=area, leakage_uw=leakage)


def _times(price: Price, factor: Bounded, whose: str) -> Price:
    source = f"{price.source}, {factor.value:g} times that for transposable cells ({whose})"
    return Price(price.value * factor.value, price.low * factor.low, price.high * factor.high, source)
