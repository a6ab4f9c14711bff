"""A comparison as one page."""

from __future__ import annotations

from hwsim.comparison.found import Comparison, Versus
from hwsim.version import VERSION
from hwsim.view import page
from hwsim.view.terminal.compare_table import (
    RATIO_COLUMNS,
    difference_rows,
    figure_rows,
    payer_columns,
    payer_rows,
    ratio_rows,
)

_STYLE = "th, td { overflow-wrap: break-word; max-width: 26em; } .numbers td { white-space: nowrap; }"
"""Words stay whole and figures on one line; a table that is wider than the screen scrolls by itself."""


def to_html(comparison: Comparison) -> str:
    """The page: figures of each, then each against the first with every payer and every key that differs."""
    title = "hwsim compare: " + ", ".join(each.name for each in comparison.compared)
    body = page.heading(title, 1) + page.table(*figure_rows(comparison))
    body += "".join(_versus(versus) for versus in comparison.versus)
    note = (
        f"hwsim {VERSION}. Ratios are to the first, below 1 where less is taken. Prices that both have move together "
        "within their bounds, others each by itself."
    )
    return page.document(title, f"{body}<footer>{page.paragraph(note)}</footer>", _STYLE)


def _versus(versus: Versus) -> str:
    parts = [
        page.heading(f"{versus.name} / {versus.reference}"),
        *map(page.paragraph, versus.sentences),
        page.heading("ratios", 3),
        _numbers(page.table(RATIO_COLUMNS, ratio_rows(versus))),
    ]
    for what, payers in (("component", versus.components), ("layer", versus.layers)):
        table = page.table([what, *payer_columns(versus)], payer_rows(payers))
        parts += [page.heading(f"energy by {what}", 3), _numbers(table)]
    if rows := difference_rows(versus):
        columns = ["key of the design", versus.reference, versus.name]
        parts += [page.heading("what the design files say differently", 3), page.table(columns, rows)]
    return "".join(parts)


def _numbers(table: str) -> str:
    return f'<div class="numbers">{table}</div>\n'
