"""A figure of text: one bar a value."""

from __future__ import annotations

from collections.abc import Mapping


def bars(title: str, values: Mapping[str, float], unit: str, width: int = 40) -> str:
    """Labels, bars as long as their values, and the values."""
    longest, most = max(map(len, values)), max(values.values()) or 1.0
    lines = [f"{name:{longest}}  {'#' * round(width * v / most):{width}}  {v:.3g} {unit}" for name, v in values.items()]
    return "\n".join([title, *(line.rstrip() for line in lines)])
