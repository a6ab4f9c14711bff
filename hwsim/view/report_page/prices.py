"""Where every price is from: its value and bounds, its law and source, and what was changed after that was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwsim.arch.loader import Architecture
from hwsim.components.pricing.price import Price, Priced
from hwsim.view.report_page.cells import Cell, Table


def price_table(design: Architecture[Any], parts: Mapping[str, Priced]) -> Table:
    """A row for every action, area and leakage of every part."""
    rows = []
    for name, part in parts.items():
        law, changed = _law(design, name), _overridden(design, name)
        prices = [(action, "pJ", price) for action, price in part.actions.items()]
        prices += [("area", "um2", part.area_um2), ("leakage", "uW", part.leakage_uw)]
        rows += [_row(name, what, unit, price, law, changed) for what, unit, price in prices]
    columns = ("part", "price of", "value", "low", "high", "law", "source", "overridden by")
    says = (
        f"{design.path.name}: {design.spec.source}. Overridden: a value that the price may follow from was changed "
        "after the source beside it was written"
    )
    return Table("Prices", columns, rows, (0, 1, 5, 6, 7), says)


def _row(name: str, what: str, unit: str, price: Price, law: str, changed: str) -> list[Cell]:
    numbers = [Cell(f"{value:.4g} {unit}", value) for value in (price.value, price.low, price.high)]
    return [Cell(name), Cell(what), *numbers, Cell(law), Cell(price.source), Cell(changed)]


def _law(design: Architecture[Any], name: str) -> str:
    """The law of the part under a name, where it has one of its own."""
    return str(getattr(getattr(design.spec, name, None), "law", ""))


def _overridden(design: Architecture[Any], name: str) -> str:
    """Keys of the part, and of the technology that all prices follow, whose values were changed, and where."""
    found = [
        key if place.startswith("--set ") else f"{key} ({place})"
        for key, place in design.overridden.items()
        if key.partition(".")[0] in (name, "technology")
    ]
    return ", ".join(found)
