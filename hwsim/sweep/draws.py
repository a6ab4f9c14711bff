"""Prices drawn jointly within their bounds: what energy, EDP and area of a point are at each draw.

A price that several points share moves for all of them alike, and so does the price of the same action of the same
part where its value differs: draw k takes each from one place between its low and its high end, u < 1/2 below the value
and u > 1/2 above it, uniform on either side.  Energy and area are linear in the prices, so a draw is one product.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hwsim import units
from hwsim.components.pricing.price import Price
from hwsim.report.price import PricedRun

Floats = NDArray[np.float64]
AREA = "area"


def drawn(run: PricedRun, n: int) -> dict[str, list[float]]:
    """Energy, EDP and area of a run at each of n draws."""
    prices = {key: _at_draws(key, price, n) for key, price in run.prices().items()}
    found = {"energy_pj": _sum(run.coefficients(), prices, n)}
    if run.workload.timed:
        found["edp_pj_ns"] = _sum(run.coefficients(run.latency_ns), prices, n)
    areas = np.zeros(n)
    for name, instances in run.workload.hardware.instances.items():
        areas += instances * _at_draws((name, AREA), run.components[name].area_um2, n)
    found["area_mm2"] = areas / units.UM2_PER_MM2
    return {name: values.tolist() for name, values in found.items()}


def _sum(form: Mapping[tuple[str, str], float], prices: Mapping[tuple[str, str], Floats], n: int) -> Floats:
    total = np.zeros(n)
    for key, factor in form.items():
        total += factor * prices[key]
    return total


def _at_draws(key: tuple[str, str], price: Price, n: int) -> Floats:
    places = _places(key, n)
    below = price.low + 2 * places * (price.value - price.low)
    above = price.value + (2 * places - 1) * (price.high - price.value)
    return np.where(places < 0.5, below, above)


@lru_cache(maxsize=4096)
def _places(key: tuple[str, str], n: int) -> Floats:
    """Where between its ends a price lies in each draw; a stream of its own for every price, for all points."""
    seed = int.from_bytes(hashlib.sha256("/".join(key).encode()).digest()[:8], "little")
    return np.random.Generator(np.random.PCG64(seed)).random(n)
