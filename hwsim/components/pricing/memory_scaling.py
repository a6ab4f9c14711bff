"""From the rows of the CACTI table to memories of any corner, node, supply and temperature.

The table has lop and lstp at 300 K with one read-write port, lstp also at 360 K, lop at 360 K with a read and a write
port, hp at 360 K with those two (32 and 45 nm; 65 nm has it to 8 KiB only and is left out). What it has not is derived
from the nearest of these, by laws that are named. Of lstp the rows at 300 K are taken: at 360 K they differ in leakage
alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from hwsim.components.pricing.cacti import Kind, rows_of, table
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
_SIZES = 24  # capacities times widths
_SAME = Factor(1.0, 1.0, 1.0)
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
        return replace(rows, actions=actions, area_um2=area, leakage_uw=leakage, times_ns=times_ns)

    def _price(self, price: Price, by: Factor) -> Price:
        source = f"{price.source}, {self.how}" if self.how else price.source
        return Price(price.value * by.value, price.low * by.low, price.high * by.high, source)


def memory_scaling(technology: Technology, corner: Corner | None, ports: Ports) -> MemoryScaling:
    """The table's kind nearest to a memory in a technology, and the factors from there; kept with the technology."""
    found: MemoryScaling = kept_with(technology).once(
        ("memory", corner, ports), lambda: _scaling(technology, corner or technology.corner, ports)
    )
    return found


class _Node(NamedTuple):
    """Factors from a node of the table to another one, at one supply; leakage is at the supplies of the two."""

    read: Factor = _SAME
    write: Factor = _SAME
    area: Factor = _SAME
    leakage: Factor = _SAME


def _scaling(technology: Technology, corner: Corner, ports: Ports) -> MemoryScaling:
    cell, node, volts = CELL[corner], technology.node_nm, technology.vdd_v
    there: Ports = ports if (cell, ports) in _TEMPERATURE_K else "1rw" if cell == "lstp" else "1r1w"
    kelvin = _TEMPERATURE_K[cell, there]
    kinds = (kind for kind, rows in table().items() if len(rows) >= _SIZES)
    nodes = {kind.node_nm for kind in kinds if kind[1:] == (cell, kelvin, there)}
    base = min(nodes, key=lambda known: (abs(math.log(node / known)), known))
    kind, full_v = Kind(base, cell, kelvin, there), device(corner, base).vdd_v
    squared = (volts / full_v) ** 2
    how = [f"V^2 from {full_v:.3g} to {volts:g} V"] if volts != full_v else []
    moved, slower = _Node(), slowdown(corner, base, volts)
    if node != base:
        beyond = [known for known in nodes if (known - node) * (base - node) < 0]
        other = min(beyond, key=lambda known: abs(known - node), default=None)
        moved = _beyond(corner, base, node) if other is None else _between(corner, kind, other, node)
        slower = fo4_ns(corner, node, volts) / fo4_ns(corner, base, full_v)
        source = CITATION if other is None else f"the mean trend of rows from {base} to {other} nm"
        how.append(f"derived for {node} nm by {source}, off-currents by CACTI 7")
    if kelvin != technology.temperature_k or volts != full_v:
        how.append(f"leakage at {volts:g} V {technology.temperature_k:g} K by T^2 exp(-q Vth / nkT) and DIBL")
    ways = dict.fromkeys(_TWO_PORTS, _SAME)
    access = cycle = 1.0
    if there != ports:
        more = ports == "1r1w"
        ways = _TWO_PORTS if more else {name: _inverse(factor) for name, factor in _TWO_PORTS.items()}
        access, cycle = (time if more else 1 / time for time in (_TWO_PORTS_ACCESS, _TWO_PORTS_CYCLE))
        how.append(f"{ports} derived from {there} as lop's differ in the table")
    return MemoryScaling(
        kind=kind,
        read=_times(moved.read, squared).times(ways["read"]),
        write=_times(moved.write, squared).times(ways["write"]),
        area=moved.area.times(ways["area"]),
        leakage=technology.leakage_factor(corner, kelvin).times(moved.leakage).times(ways["leakage"]),
        access=slower * access,
        cycle=slower * cycle,
        how=", ".join(how),
    )


def _beyond(corner: Corner, base: int, node: int) -> _Node:
    """To a node smaller or larger than all rows: area and energy of logic, cells as wide as their node."""
    full_v = device(corner, base).vdd_v
    energy = _times(_OTHER_NODE, energy_factor(node, full_v) / energy_factor(base, full_v))
    area = _times(_OTHER_NODE, area_factor(node) / area_factor(base))
    return _Node(energy, energy, area, _leakage(corner, base, node))


def _between(corner: Corner, kind: Kind, other: int, node: int) -> _Node:
    """To a node between two of the table: a line in the logarithms through the mean ratio of their rows."""
    share = math.log(node / kind.node_nm) / math.log(other / kind.node_nm)
    here, there = rows_of(kind), rows_of(kind._replace(node_nm=other))
    volts = (device(corner, kind.node_nm).vdd_v / device(corner, other).vdd_v) ** 2

    def trend(name: str, at_one_supply: float) -> Factor:
        found = [getattr(there[size], name) / getattr(row, name) for size, row in here.items() if size in there]
        mean = math.exp(sum(map(math.log, found)) / len(found))
        low, value, high = ((ratio * at_one_supply) ** share for ratio in (min(found), mean, max(found)))
        return Factor(low, value, high)

    leakage = _leakage(corner, kind.node_nm, node)
    return _Node(trend("read_pj", volts), trend("write_pj", volts), trend("area_mm2", 1.0), leakage)


def _leakage(corner: Corner, base: int, node: int) -> Factor:
    """Off-current over the width of a cell, times the supply that the class is made for."""
    off = [each.off_na_per_um * each.vdd_v * nm for nm in (node, base) for each in (device(corner, nm),)]
    return _times(_OTHER_NODE_LEAKAGE, off[0] / off[1])


def _times(factor: Factor, by: float) -> Factor:
    return Factor(factor.low * by, factor.value * by, factor.high * by)


def _inverse(factor: Factor) -> Factor:
    return Factor(1 / factor.high, 1 / factor.value, 1 / factor.low)
