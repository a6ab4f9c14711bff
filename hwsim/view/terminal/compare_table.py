"""Comparisons on a terminal: figures of each, ratios to the first, who pays, what differs, in words."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from hwsim.comparison.found import Compared, Comparison, Payer, Versus
from hwsim.comparison.sentences import signed
from hwsim.printable import cut, one_line
from hwsim.report.report import Figure
from hwsim.view.terminal import number
from hwsim.view.terminal.plain_table import bare_table
from hwsim.view.terminal.plain_text import headed

_MOST_PAYERS, _MOST_KEYS = 8, 12
_LONGEST_NAME, _SHORTEST_NAME, _LONGEST_VALUE = 26, 10, 24
_BEFORE_UNIT = re.compile(r"(?<=\d) (?=(?:[munpf]?J|%|x)\b|%)")


def print_comparison(comparison: Comparison, console: Console) -> None:
    """All of it, as wide as the console."""
    console.print(_figures(comparison, console.width))
    for versus in comparison.versus:
        console.print()
        console.print(headed(f"{cut(versus.name, 40)} / {cut(versus.reference, 40)}"))
        console.print(_ratios(versus))
        console.print()
        for sentence in versus.sentences:
            for line in _lines(sentence, console.width):
                console.print(line)
        if table := _payers(versus):
            console.print()
            console.print(table)
        if table := _differences(versus):
            console.print()
            console.print(table)


def figure_rows(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Columns and rows of the figures of each, as text."""
    columns = ["", *(each.name for each in comparison.compared)]
    of_each = [_cells(each) for each in comparison.compared]
    rows = [[label, *(cells[label] for cells in of_each)] for label in of_each[0]]
    return columns, [row for row in rows if any(row[1:])]


def _cells(each: Compared) -> dict[str, str]:
    known = each.accuracy_standard_error
    error = "" if known is None else f" ± {100 * known:.1f}"
    return {
        "design": each.design,
        "trace": each.trace,
        "run": each.run,
        "samples": f"{each.samples:,}",
        "timesteps": f"{each.timesteps:.4g}",
        "accuracy, %": "" if each.accuracy is None else f"{100 * each.accuracy:.2f}{error}",
        "  whose": "" if each.accuracy is None else each.accuracy_of,
        "energy": number.energy(each.energy_pj.value),
        "latency": "" if each.latency_ns is None else number.time(each.latency_ns.value),
        "energy x latency": "" if each.edp_pj_ns is None else number.edp(each.edp_pj_ns.value),
        "area": f"{each.area_mm2.value:.4g} mm2",
    }


def _figures(comparison: Comparison, width: int) -> Table:
    columns, rows = figure_rows(comparison)
    room = min(_LONGEST_NAME, max(_SHORTEST_NAME, (width - max(len(row[0]) for row in rows)) // len(columns[1:]) - 2))
    table = bare_table()
    for place, column in enumerate(columns):
        table.add_column(cut(column, room), justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(row[0], *(cut(cell, room) for cell in row[1:]))
    return table


def _lines(sentence: str, width: int) -> list[str]:
    """A sentence broken where no number loses its unit."""
    whole = _BEFORE_UNIT.sub("\u00a0", one_line(sentence))
    lines = textwrap.wrap(whole, width, subsequent_indent="  ", break_on_hyphens=False)
    return [line.replace("\u00a0", " ") for line in lines]


RATIO_COLUMNS = ("ratio", "value", "by samples", "prices allow")


def ratio_rows(versus: Versus) -> list[list[str]]:
    """Ratios with what samples and prices leave open, as text."""
    named = {
        "energy": versus.energy,
        "latency": versus.latency,
        "energy x latency": versus.edp,
        "area": versus.area,
    }
    return [[name, *_ratio(figure)] for name, figure in named.items() if figure is not None]


def _ratio(figure: Figure) -> list[str]:
    error = "" if not figure.standard_error else f"± {figure.standard_error:.2g}"
    between = f"{figure.low:.4g} to {figure.high:.4g}" if figure.low < figure.high else ""
    return [f"{figure.value:.4g} x", error, between]


def _ratios(versus: Versus) -> Table:
    table = bare_table()
    for column in RATIO_COLUMNS:
        table.add_column(column, justify="left" if column == "ratio" else "right")
    for row in ratio_rows(versus):
        table.add_row(*row)
    return table


def payer_columns(versus: Versus) -> list[str]:
    """Headings of what each takes."""
    return [versus.name, versus.reference, "difference"]


def payer_rows(payers: Sequence[Payer], most: int | None = None) -> list[list[str]]:
    """Who takes how much, the largest difference first; what is left out as one row."""
    shown = [payer for payer in payers if payer.energy_pj or payer.reference_pj]
    kept = shown if most is None or len(shown) <= most else shown[: most - 1]
    rest = shown[len(kept) :]
    rows = [[each.name or "(whole chip)", *_three(each.energy_pj, each.reference_pj)] for each in kept]
    if rest:
        sides = sum(each.energy_pj for each in rest), sum(each.reference_pj for each in rest)
        rows.append([f"{len(rest)} more", *_three(*sides)])
    return rows


def _three(pj: float, reference_pj: float) -> list[str]:
    return [number.energy(pj), number.energy(reference_pj), signed(pj - reference_pj)]


def _payers(versus: Versus) -> Table | None:
    """Components and layers side by side; none where they take the same."""
    if not any(payer.difference_pj for payer in (*versus.components, *versus.layers)):
        return None
    table = bare_table()
    for heading in ("component", "layer"):
        table.add_column(heading, no_wrap=True)
        for column in payer_columns(versus):
            table.add_column(cut(column, 12), justify="right", no_wrap=True)
    columns = [payer_rows(payers, _MOST_PAYERS) for payers in (versus.components, versus.layers)]
    for place in range(max(map(len, columns))):
        cells = [column[place] if place < len(column) else ["", "", "", ""] for column in columns]
        table.add_row(*(cut(cell, 14) for row in cells for cell in row))
    return table


def difference_rows(versus: Versus, most: int | None = None) -> list[list[str]]:
    """Keys of the design files with the value of the first and of this one."""
    found = list((versus.differences or {}).items())
    return [[key, *map(_value, pair)] for key, pair in (found if most is None else found[:most])]


def _value(value: object) -> str:
    if value is None:
        return "(left out)"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _differences(versus: Versus) -> Table | None:
    rows = difference_rows(versus, _MOST_KEYS)
    if not rows:
        return None
    table = bare_table()
    for place, column in enumerate(("key of the design", versus.reference, versus.name)):
        table.add_column(cut(column, _LONGEST_NAME), justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(cut(row[0], 44), *(cut(cell, _LONGEST_VALUE) for cell in row[1:]))
    if left := len(versus.differences or {}) - len(rows):
        table.add_row(f"and {left} more (hwsim arch diff)")
    return table
