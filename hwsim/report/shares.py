"""What a run comes down to: where its energy goes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from hwsim.contract.flip_flops import CLOCK
from hwsim.report.price import LEAKAGE
from hwsim.report.report import Run


@dataclass(frozen=True, slots=True)
class EnergyShares:
    """Where the energy of a run goes, as shares of it; leakage and clock cycles of idle parts do no work."""

    components: dict[str, float]  # the largest first, leakage of each included
    leaking: dict[str, float]  # of each, its leakage
    leakage: float
    clock: float
    idle: float  # leakage and the clock of what is gated


def energy_shares(run: Run) -> EnergyShares:
    """Shares of a run's mean energy at the middle of the prices."""
    whole = run.energy_pj.value or 1.0
    gated = math.fsum(row.energy_pj for row in run.rows if (row.component, row.action) == (CLOCK, "cycle"))
    return EnergyShares(
        components={name: pj / whole for name, pj in sums((row.component, row.energy_pj) for row in run.rows)},
        leaking={row.component: row.energy_pj / whole for row in run.rows if row.action == LEAKAGE},
        leakage=run.leakage_pj.value / whole,
        clock=run.clock_pj.value / whole,
        idle=(run.leakage_pj.value + gated) / whole,
    )


def sums(pairs: Iterable[tuple[str, float]]) -> list[tuple[str, float]]:
    """Totals by name, largest first."""
    totals: dict[str, float] = {}
    for name, value in pairs:
        totals[name] = totals.get(name, 0.0) + value
    return sorted(totals.items(), key=lambda item: -item[1])
