"""Numbers and tables as documents have them."""

from __future__ import annotations

from collections.abc import Sequence


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def digits(value: float) -> str:
    """Three digits, all of larger whole numbers."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
