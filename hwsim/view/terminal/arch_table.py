"""An architecture's prices as a table on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from hwsim.arch.loader import Architecture
from hwsim.components.pricing.price import Price, Priced
from hwsim.view.terminal.plain_text import headed


def print_architecture(loaded: Architecture[Any], components: Mapping[str, Priced], console: Console) -> None:
    """Each price, its bounds and its source, component by component."""
    console.print(headed(loaded.spec.description))
    console.print(
        f"{loaded.path} (machine {loaded.machine}, sha256 {loaded.sha256[:12]})\nsource: {loaded.spec.source}"
    )
    if loaded.overrides:
        console.print("with " + ", ".join(loaded.overrides))
    for key, place in loaded.overridden.items():
        console.print(f"overridden: {key} by {place}, and the source beside it speaks of another value")
    table = Table(box=None, pad_edge=False, header_style="")
    for column, justify in (
        ("component", "left"),
        ("", "left"),
        ("value", "right"),
        ("bounds", "right"),
        ("source", "left"),
    ):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for name, part in components.items():
        table.add_row(name, style="bold")
        for action, price in part.actions.items():
            table.add_row("", action, *_cells(price, "pJ"))
        table.add_row("", "area", *_cells(part.area_um2, "um2"))
        table.add_row("", "leakage", *_cells(part.leakage_uw, "uW"))
        for action, ns in part.times_ns.items():
            table.add_row("", f"{action} time", f"{ns:.4g} ns", "", "")
    console.print(table)


def _cells(price: Price, unit: str) -> tuple[str, str, str]:
    bounds = f"{price.low:.4g} to {price.high:.4g}" if price.low != price.high else ""
    return f"{price.value:.4g} {unit}", bounds, price.source
