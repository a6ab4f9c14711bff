"""Architectures on a terminal: the prices of one, what two say differently."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from hwsim.arch.loader import Architecture
from hwsim.components.pricing.price import Price, Priced
from hwsim.contract.clock_limit import slowest
from hwsim.contract.flip_flops import CLOCK
from hwsim.printable import cut
from hwsim.view.terminal.number import plain
from hwsim.view.terminal.plain_table import Row, bare_table, fitting_lines
from hwsim.view.terminal.plain_text import headed
from hwsim.view.terminal.sources import print_sources

_LONGEST_VALUE = 28


def print_architecture(
    loaded: Architecture[Any], components: Mapping[str, Priced], console: Console, sizes: Sequence[str] = ()
) -> None:
    """Each price and its bounds, component by component, and below where each comes from.

    `sizes` says in lines what a network decides.
    """
    console.print(headed(loaded.spec.description))
    console.print(
        f"{loaded.path} (machine {loaded.machine}, sha256 {loaded.sha256[:12]})\nsource: {loaded.spec.source}"
    )
    if loaded.overrides:
        console.print("with " + ", ".join(loaded.overrides))
    for key, place in loaded.overridden.items():
        console.print(f"overridden: {key} by {place}, and the source beside it speaks of another value")
    for line in _clock(loaded, components):
        console.print(line)
    for line in sizes:
        console.print(line)
    sources: dict[str, int] = {}
    columns = ("component", "", "value", "bounds", "source")
    rows: list[Row] = []
    for name, part in components.items():
        rows.append((name, "", "", "", ""))
        for action, price in {**part.actions, **part.writes}.items():
            rows.append(("", action, *_cells(price, "pJ", sources)))
        rows.append(("", "area", *_cells(part.area_um2, "um2", sources)))
        rows.append(("", "leakage", *_cells(part.leakage_uw, "uW", sources)))
        for action, ns in part.times_ns.items():
            rows.append(("", f"{action} time", f"{ns:.4g} ns", "", ""))
        if part.delay_ns is not None:
            rows.append(("", "delay", f"{part.delay_ns:.4g} ns", _within(part.cycles), ""))
        if part.flip_flops:
            rows.append(("", "flip-flops", str(part.flip_flops), _all(name), ""))
    console.print()
    fitting = fitting_lines(columns, rows, ("value", "bounds", "source"), console.width)
    console.print(_headed_table(columns, rows) if fitting is None else fitting)
    print_sources(sources, console)


def _clock(loaded: Architecture[Any], components: Mapping[str, Priced]) -> Iterator[str]:
    """What the technology is, and how fast the clock is and could be."""
    technology, limit = loaded.spec.technology, slowest(components)
    yield (
        f"technology: {technology.node_nm} nm, corner {technology.corner}, {technology.vdd_v:g} V, "
        f"{technology.temperature_k:g} K, FO4 {technology.fo4_ns * 1e3:.3g} ps"
    )
    at_most = (
        "no part has a delay that limits it" if limit is None else f"at most {limit.highest_mhz:.4g} MHz, as {limit}"
    )
    yield f"clock: {loaded.spec.clock.frequency_mhz:g} MHz; {at_most}"


def _within(cycles: int) -> str:
    return "in a cycle" if cycles == 1 else f"in {cycles} cycles" if cycles else "in as many cycles as it takes"


def _all(component: str) -> str:
    return "stated, in all" if component == CLOCK else ""


def _headed_table(columns: Row, rows: Sequence[Row]) -> Table:
    """The same where it is wider than the terminal: as many columns and as much of each as there is room for."""
    table = _table(*columns, right=columns[2:])
    for row in rows:
        table.add_row(*row, style="bold" if row[0] else "")
    return table


def _cells(price: Price, unit: str, sources: dict[str, int]) -> tuple[str, str, str]:
    bounds = f"{plain(price.low)} to {plain(price.high)}" if price.low != price.high else ""
    place = f"[{sources.setdefault(price.source, len(sources) + 1)}]" if price.source else ""
    return f"{plain(price.value)} {unit}", bounds, place


def print_differences(
    designs: tuple[Architecture[Any], Architecture[Any]],
    values: Mapping[str, tuple[Any, Any]],
    parts: tuple[Mapping[str, Priced], Mapping[str, Priced]],
    console: Console,
) -> None:
    """Keys with other values, then components with other prices; nothing of what is the same."""
    names = [design.path.name for design in designs]
    if names[0] == names[1]:
        names = [" ".join((name, *design.overrides)) for name, design in zip(names, designs, strict=True)]
    names = [cut(name, _LONGEST_VALUE) for name in names]
    table = _table("key", *names, right=names)
    for key, pair in values.items():
        table.add_row(key, *("" if value is None else cut(_text(value), _LONGEST_VALUE) for value in pair))
    console.print(table if values else "the same values")
    prices = _table("price", *names, right=names)
    ours, theirs = (dict(_prices(each)) for each in parts)
    for key in dict.fromkeys([*ours, *theirs]):
        if ours.get(key) != theirs.get(key):
            prices.add_row(key, ours.get(key, ""), theirs.get(key, ""))
    if prices.row_count:
        console.print()
        console.print(prices)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _prices(parts: Mapping[str, Priced]) -> list[tuple[str, str]]:
    found = []
    for name, part in parts.items():
        found += [
            (f"{name}, {action}", f"{price.value:.4g} pJ") for action, price in {**part.actions, **part.writes}.items()
        ]
        found += [(f"{name}, area", f"{part.area_um2.value:.4g} um2")]
        found += [(f"{name}, leakage", f"{part.leakage_uw.value:.4g} uW")]
        found += [(f"{name}, {action} time", f"{ns:.4g} ns") for action, ns in part.times_ns.items()]
        found += [(f"{name}, flip-flops", str(part.flip_flops))]
    return found


def _table(*columns: str, right: Sequence[str] = ()) -> Table:
    table = bare_table()
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    return table
