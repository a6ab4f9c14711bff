"""What is asked of an array that computes in memory: energy of one product by part, and areas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hwsim import api
from hwsim.designs import Architecture
from hwsim.report.report import Report
from validation.figures import Bounds, Figure, Seen


def product_pj(report: Report, components: Sequence[str]) -> Bounds:
    """Energy of the one product in these parts, without what they leak, which is of no layer."""
    (run,) = report.runs
    rows = [row for row in run.rows if row.layer == "array" and row.component in components]
    return sum(row.energy_pj for row in rows), sum(row.low_pj for row in rows), sum(row.high_pj for row in rows)


def energy(figure: str, published_pj: float, seen: Seen, found: Bounds, why: str = "", **more: Any) -> Figure:
    """Energy beside what was published."""
    return Figure.of(figure, "energy", "pJ", published_pj, seen, found, why=why, **more)


def area(
    figure: str,
    published_mm2: float,
    seen: Seen,
    architecture: Architecture,
    counts: Mapping[str, int],
    why: str = "",
    **more: Any,
) -> Figure:
    """Area of so many of each part beside what was published."""
    parts = api.components(architecture)
    value, low, high = (
        sum(n * getattr(parts[name].area_um2, bound) for name, n in counts.items()) / 1e6
        for bound in ("value", "low", "high")
    )
    return Figure.of(figure, "area", "mm2", published_mm2, seen, (value, low, high), why=why, **more)
