"""Sums over the rows of a run."""

from __future__ import annotations

from hwsim.report.price import LEAKAGE
from hwsim.report.report import Run


def by_component(run: Run, leakage: bool = True) -> dict[str, float]:
    """Energy of each component in pJ, with or without what it leaks."""
    energy: dict[str, float] = {}
    for row in run.rows:
        if leakage or row.action != LEAKAGE:
            energy[row.component] = energy.get(row.component, 0.0) + row.energy_pj
    return energy
