"""From the rows of the CACTI table to memories of any corner, node, supply and temperature.

The table has lop and lstp at 300 K with one read-write port, lstp also at 360 K, lop at 360 K with a read and a write
port, hp at 360 K with those two (32, 45 and 65 nm). What it has not is derived from the nearest of these, by laws that
are named. Of lstp the rows at 300 K are taken: at 360 K they differ in leakage alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from hwsim.components.pricing.cacti import Kind, table
from hwsim.components.pricing.devices import CELL, Corner, Factor, device, fo4_ns, slowdown
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.scaling import CITATION, area_factor, energy_factor
from hwsim.components.pricing.technology import Technology
from hwsim.kept import kept_with

Ports = Literal["1rw", "1r1w"]
_TEMPERATURE_K = {("lop", "1rw"): 300, ("lop", "1r1w"): 360, ("lstp", "1rw"): 300, ("hp", "1r1w"): 360}
# A memory with a read and a write port over one with a port for both: lop of the table, mean and extremes over all its
# sizes and nodes; leakages as areas, from which they differ by less than 2 % once the temperature is taken out.
_TWO_PORTS = {
    "read": Factor(0.58, 0.907, 1.27),
    "write": Factor(0.77, 0.942, 1.14),
    "area": Factor(0.81, 0.909, 1.20),
    "leakage": Factor(0.81, 0.909, 1.20),
}
_TWO_PORTS_ACCESS, _TWO_PORTS_CYCLE = 0.932, 0.892
_OTHER_NODE = Factor(1 / 1.3, 1.0, 1.3)  # what energy and area of a node that CACTI has not lie between, our choice
_OTHER_NODE_LEAKAGE = Factor(1 / 3, 1.0, 3.0)


@dataclass(frozen=True, slots=True)
class MemoryScaling:
    """Factors from a row of the table to the memory that is meant."""

    kind: Kind
    read: Factor
    write: Factor
    area: Factor
    leakage: Factor
    access: float
    cycle: float
    how: str

    def applied(self, rows: Priced) -> Priced:
        """Prices and times of the table's kind brought to the technology."""
        actions = {"read": self._price(rows.actions["read"], self.read)}
        actions["write"] = self._price(rows.actions["write"], self.write)
        times_ns = {name: ns * getattr(self, name) for name, ns in rows.times_ns.items()}
        area, leakage = self._price(rows.area_um2, self.area), self._price(rows.leakage_uw, self.leakage)
        return replace(
            rows, actions=actions, area_um2=area, leakage_uw=leakage, times_ns=times_ns, delay_ns=times_ns["cycle"]
        )

    def _price(self, price: Price, by: Factor) -> Price:
        source = f"{price.source}, {self.how}" if self.how else price.source
        return Price(price.value * by.value, price.low * by.low, price.high * by.high, source)


def memory_scaling(technology: Technology, corner: Corner | None, ports: Ports) -> MemoryScaling:
    """The table's kind nearest to a memory in a technology, and the factors from there; kept with the technology."""
    found: MemoryScaling = kept_with(technology).once(
        ("memory", corner, ports), lambda: _scaling(technology, corner or technology.corner, ports)
    )
    return found


def _scaling(technology: Technology, corner: Corner, ports: Ports) -> MemoryScaling:
    cell, node, volts = CELL[corner], technology.node_nm, technology.vdd_v
    there: Ports = ports if (cell, ports) in _TEMPERATURE_K else "1rw" if cell == "lstp" else "1r1w"
    kelvin = _TEMPERATURE_K[cell, there]
    nodes = {kind.node_nm for kind in table() if (kind.cell, kind.temperature_k, kind.ports) == (cell, kelvin, there)}
    base = min(nodes, key=lambda known: (abs(math.log(node / known)), known))
    kind = Kind(base, cell, kelvin, there)
    full_v = device(corner, base).vdd_v
    how, exact = [], Factor(1.0, 1.0, 1.0)
    energy, area, leakage = (volts / full_v) ** 2, 1.0, technology.leakage_factor(corner, kelvin)
    slower, unsure = slowdown(corner, base, volts), exact
    if volts != full_v:
        how.append(f"V^2 from {full_v:.3g} to {volts:g} V")
    if node != base:
        energy *= energy_factor(node, full_v) / energy_factor(base, full_v)
        area, unsure = area_factor(node) / area_factor(base), _OTHER_NODE
        off = [device(corner, each).off_na_per_um * each * device(corner, each).vdd_v for each in (node, base)]
        leakage = leakage.times(_OTHER_NODE_LEAKAGE).times(_times(exact, off[0] / off[1]))
        slower = fo4_ns(corner, node, volts) / fo4_ns(corner, base, full_v)
        how.append(f"derived for {node} nm by {CITATION}, off-currents by CACTI 7")
    if kelvin != technology.temperature_k or volts != full_v:
        how.append(f"leakage at {volts:g} V {technology.temperature_k:g} K by T^2 exp(-q Vth / nkT) and DIBL")
    ways = dict.fromkeys(_TWO_PORTS, exact)
    access = cycle = 1.0
    if there != ports:
        more = ports == "1r1w"
        ways = _TWO_PORTS if more else {name: _inverse(factor) for name, factor in _TWO_PORTS.items()}
        access, cycle = (time if more else 1 / time for time in (_TWO_PORTS_ACCESS, _TWO_PORTS_CYCLE))
        how.append(f"{ports} derived from {there} as lop's differ in the table")
    return MemoryScaling(
        kind=kind,
        read=_times(unsure, energy).times(ways["read"]),
        write=_times(unsure, energy).times(ways["write"]),
        area=_times(unsure, area).times(ways["area"]),
        leakage=leakage.times(ways["leakage"]),
        access=slower * access,
        cycle=slower * cycle,
        how=", ".join(how),
    )


def _times(factor: Factor, by: float) -> Factor:
    return Factor(factor.low * by, factor.value * by, factor.high * by)


def _inverse(factor: Factor) -> Factor:
    return Factor(1 / factor.high, 1 / factor.value, 1 / factor.low)
