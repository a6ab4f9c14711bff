"""What energies and areas are sums of: so many of something, times a price that has bounds and a source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from hwsim.errors import UsageError, guess
from hwsim.report.price import LEAKAGE, PricedRun, area_of, rows_of


@dataclass(frozen=True, slots=True)
class EnergyTerm:
    """One action of one component for one layer in a mean inference: `energy_pj` is count times price.

    Of leakage `count` is instances and a price is in uW, for `for_ns` of an inference.
    """

    layer: str  # empty where it is of no layer
    component: str
    action: str
    count: float
    price: float
    price_low: float
    price_high: float
    unit: str  # of prices: pJ or uW
    for_ns: float | None  # None but of leakage
    energy_pj: float
    low_pj: float
    high_pj: float
    share: float  # of the energy of the run
    source: str  # law and citation of the price


@dataclass(frozen=True, slots=True)
class AreaTerm:
    """All instances of one component: `area_um2` is their number times the area of one, leakage likewise."""

    component: str
    instances: int
    each_um2: float
    each_low_um2: float
    each_high_um2: float
    area_um2: float
    low_um2: float
    high_um2: float
    share: float  # of the whole area
    source: str
    leakage_uw: float  # of all instances
    leakage_source: str


def energy_terms(run: PricedRun) -> list[EnergyTerm]:
    """Every term of a run's mean energy, zero ones included, the largest first; together they are the energy."""
    rows = rows_of(run)
    total = math.fsum(row.energy_pj for row in rows) or 1.0
    on_ns = run.leaving.mean(run.on_ns)
    found = []
    for row in rows:
        part = run.components[row.component]
        leaks = row.action == LEAKAGE
        price = part.leakage_uw if leaks else part.actions[row.action]
        found.append(
            EnergyTerm(
                layer=row.layer,
                component=row.component,
                action=row.action,
                count=row.count,
                price=price.value,
                price_low=price.low,
                price_high=price.high,
                unit="uW" if leaks else "pJ",
                for_ns=on_ns if leaks else None,
                energy_pj=row.energy_pj,
                low_pj=row.low_pj,
                high_pj=row.high_pj,
                share=row.energy_pj / total,
                source=price.source,
            )
        )
    return sorted(found, key=lambda term: -term.energy_pj)


def area_terms(run: PricedRun) -> list[AreaTerm]:
    """Every component with its area, the largest first."""
    rows = area_of(run)
    total = math.fsum(row.area_um2 for row in rows) or 1.0
    found = []
    for row in rows:
        part = run.components[row.component]
        area = part.area_um2
        found.append(
            AreaTerm(
                component=row.component,
                instances=row.instances,
                each_um2=area.value,
                each_low_um2=area.low,
                each_high_um2=area.high,
                area_um2=row.area_um2,
                low_um2=row.low_um2,
                high_um2=row.high_um2,
                share=row.area_um2 / total,
                source=area.source,
                leakage_uw=row.leakage_uw,
                leakage_source=part.leakage_uw.source,
            )
        )
    return sorted(found, key=lambda term: -term.area_um2)


Term = TypeVar("Term", EnergyTerm, AreaTerm)


def named(terms: Sequence[Term], name: str | None, what: str) -> list[Term]:
    """The terms of a component, or else of a layer; all without a name.

    Raises UsageError with a guess where nothing is called so.
    """
    if name is None:
        return list(terms)
    of_component = [term for term in terms if term.component == name]
    found = of_component or [term for term in terms if getattr(term, "layer", None) == name]
    if not found:
        known = dict.fromkeys(each for term in terms for each in (term.component, getattr(term, "layer", "")) if each)
        raise UsageError(f"NAME: {what} has no part '{name}'{guess(name, list(known))}; it has {', '.join(known)}")
    return found


def summed(terms: Sequence[EnergyTerm]) -> list[EnergyTerm]:
    """Terms of one action of one component added up over layers, which then have no name; the largest first."""
    by_action: dict[tuple[str, str], list[EnergyTerm]] = {}
    for term in terms:
        by_action.setdefault((term.component, term.action), []).append(term)
    return sorted((_sum(each) for each in by_action.values()), key=lambda term: -term.energy_pj)


def _sum(terms: Sequence[EnergyTerm]) -> EnergyTerm:
    first = terms[0]
    return EnergyTerm(
        layer="",
        component=first.component,
        action=first.action,
        count=math.fsum(term.count for term in terms),
        price=first.price,
        price_low=first.price_low,
        price_high=first.price_high,
        unit=first.unit,
        for_ns=first.for_ns,
        energy_pj=math.fsum(term.energy_pj for term in terms),
        low_pj=math.fsum(term.low_pj for term in terms),
        high_pj=math.fsum(term.high_pj for term in terms),
        share=math.fsum(term.share for term in terms),
        source=first.source,
    )
