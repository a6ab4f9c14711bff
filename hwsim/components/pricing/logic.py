"""Energy, area and leakage of adders, multipliers, comparators, registers, gates and constant tables.

Three published readings of every unit are brought to the machine's technology; what they disagree about is the bounds:
- Horowitz, ISSCC 2014, 45 nm 0.9 V: adds 8 b .03, 32 b .1 pJ; multiplies 8 b .2, 32 b 3.1 pJ. The value of an energy.
  Adds are a line in the bits, multiplies a line in the product of the widths. Units it does not have take SATA's ratio
  to the adder.
- SATA (Yin et al., arXiv 2204.05422, its published simulator), 28 nm, 8 b, power over 400 MHz. The value of an area.
- Aladdin (Shao et al., ISCA 2014), 40 nm, 32 b. Neither SATA nor Aladdin states a supply: 0.9 V is assumed.

FP32: Horowitz, add .9, multiply 3.7 pJ, the value of an energy. Aladdin's pipelines of three stages (its published
`power_func.h`) for 1 to 10 ns a cycle: the power at 1 ns over one cycle, as of a full pipeline, bounds the energy (it
charges three cycles itself, which would make a multiply three times an integer one of 32 b); the area at 2 ns, next to
SATA's clock, is the value, the largest and the smallest are its bounds. SATA has no floats.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from operator import add as plus
from typing import NamedTuple

from hwsim.components.pricing.price import Price
from hwsim.components.pricing.technology import Technology, area_factor, energy_factor

_READING_V = 0.9
_SATA_NM, _ALADDIN_NM = 28, 40
_SATA_MHZ = 400.0
_SATA_BITS, _ALADDIN_BITS = 8, 32
_CITED = "Horowitz ISSCC 2014 / SATA arXiv 2204.05422 / Aladdin ISCA 2014"


class _Unit(NamedTuple):
    """What SATA and Aladdin say of one kind of unit."""

    sata_mw: float  # 8 b, at 400 MHz
    sata_um2: float
    aladdin_pj: float  # 32 b
    aladdin_um2: float


_ADDER = _Unit(0.0169, 22.2, 0.21, 278.0)
_MULTIPLIER = _Unit(0.0821, 101.5, 12.68, 6350.0)
_COMPARATOR = _Unit(0.0091, 15.5, 0.02947, 71.0)
_REGISTER = _Unit(0.0125, 34.3, 0.009 * 32, 5.98 * 32)
_AND = _Unit(0.00235, 6.7, 0.0181, 50.4)
_FLOATS_CITED = "Horowitz ISSCC 2014 / Aladdin ISCA 2014"
_DIVIDE_CITED = (
    "7.1 multiplies as measured on a Cortex-M4F (Table 3 of PMC8934428), at least 1 as Aladdin has one unit for both"
)
_DIVIDE_MULTIPLIES = 7.1


class _FloatUnit(NamedTuple):
    """What Horowitz and Aladdin say of one kind of FP32 unit."""

    horowitz_pj: float
    aladdin_pj: float  # 1 ns
    aladdin_um2: tuple[float, float, float]  # 2 ns, 1 ns, and the smallest, at 5 ns or more


_FLOAT_ADDER = _FloatUnit(0.9, 5.56, (3007.1, 4361.1, 2063.6))
_FLOAT_MULTIPLIER = _FloatUnit(3.7, 11.77, (6153.3, 8967.1, 4889.4))


@dataclass(frozen=True, slots=True)
class Operator:
    """One unit: what an operation costs and what area the unit takes."""

    name: str
    technology: Technology
    energy_pj: Price
    area_um2: Price

    @property
    def leakage_uw(self) -> Price:
        """Leakage of the unit's area."""
        return self.technology.logic_leakage_uw(self.area_um2)

    def times(self, count: int) -> Operator:
        """Put `count` of them together, all in use."""
        name = f"{count} x {self.name}"
        source = _cited(name, self.technology)
        energy, area = self.energy_pj.scaled(count), self.area_um2.scaled(count)
        return Operator(name, self.technology, replace(energy, source=source), replace(area, source=source))


def total(*operators: Operator) -> Operator:
    """Units that work together on one operation, with the citation once."""
    name = ", ".join(operator.name for operator in operators)
    technology = operators[0].technology
    source = _cited(name, technology)
    energy = reduce(plus, (operator.energy_pj for operator in operators))
    area = reduce(plus, (operator.area_um2 for operator in operators))
    return Operator(name, technology, replace(energy, source=source), replace(area, source=source))


def add(technology: Technology, bits: int) -> Operator:
    """A `bits`-wide addition or subtraction."""
    return _linear(technology, f"add of {bits} b", _ADDER, bits, _horowitz_add_pj(bits))


def compare(technology: Technology, bits: int) -> Operator:
    """A `bits`-wide comparison."""
    energy = _horowitz_add_pj(bits) * _COMPARATOR.sata_mw / _ADDER.sata_mw
    return _linear(technology, f"compare of {bits} b", _COMPARATOR, bits, energy)


def register(technology: Technology, bits: int) -> Operator:
    """One access, read or write, of a `bits`-wide register."""
    return _linear(technology, f"register of {bits} b", _REGISTER, bits, _per_bit_pj(_REGISTER) * bits)


def logic_and(technology: Technology, bits: int) -> Operator:
    """`bits` two-input gates, all of which switch."""
    return _linear(technology, f"AND of {bits} b", _AND, bits, _per_bit_pj(_AND) * bits)


def multiply(technology: Technology, bits: int, other_bits: int) -> Operator:
    """A product of two integers of different widths."""
    products = bits * other_bits
    slope = (3.1 - 0.2) / (32**2 - 8**2)
    horowitz = 0.2 + slope * (products - 8**2)
    sata, aladdin = products / _SATA_BITS**2, products / _ALADDIN_BITS**2
    return _readings(technology, f"multiply of {bits} x {other_bits} b", _MULTIPLIER, horowitz, (sata, aladdin))


def float_add(technology: Technology) -> Operator:
    """An FP32 addition or subtraction."""
    return _floating(technology, "FP32 add", _FLOAT_ADDER)


def float_multiply(technology: Technology) -> Operator:
    """An FP32 product."""
    return _floating(technology, "FP32 multiply", _FLOAT_MULTIPLIER)


def float_divide(technology: Technology) -> Operator:
    """An FP32 division, on a unit that multiplies as well: its area is the multiplier's."""
    multiplier = float_multiply(technology)
    pj = multiplier.energy_pj
    source = f"FP32 divide: {_DIVIDE_CITED}; {pj.source}"
    energy = Price(pj.value * _DIVIDE_MULTIPLIES, pj.low, pj.high * _DIVIDE_MULTIPLIES, source)
    return Operator("FP32 divide", technology, energy, multiplier.area_um2)


def lookup(technology: Technology, entries: int, bits: int) -> Operator:
    """One read of a table of constants made of AND and OR gates (our choice of circuit).

    Per bit the row that is left and the row that is entered switch, and a path of ceil(log2(entries)) ORs; of the
    decoder two outputs. The upper bound is every gate switching. Area: a gate a bit of the table and one a decoder
    output.
    """
    gates = entries * (bits + 1)
    switching = min(bits * (2 + math.ceil(math.log2(entries))) + 2, gates)
    one = logic_and(technology, 1)
    name = f"look-up in {entries} x {bits} b of gates (our choice of circuit)"
    source = _cited(name, technology)
    energy = Price(one.energy_pj.value * switching, one.energy_pj.low * switching, one.energy_pj.high * gates, source)
    return Operator(name, technology, energy, replace(one.area_um2.scaled(gates), source=source))


def _horowitz_add_pj(bits: int) -> float:
    return 0.03 + (0.1 - 0.03) / (32 - 8) * (bits - 8)


def _per_bit_pj(unit: _Unit) -> float:
    return _horowitz_add_pj(_SATA_BITS) / _SATA_BITS * unit.sata_mw / _ADDER.sata_mw


def _linear(technology: Technology, what: str, unit: _Unit, bits: int, horowitz_pj: float) -> Operator:
    return _readings(technology, what, unit, horowitz_pj, (bits / _SATA_BITS, bits / _ALADDIN_BITS))


def _readings(
    technology: Technology, what: str, unit: _Unit, horowitz_pj: float, sizes: tuple[float, float]
) -> Operator:
    """The three readings in one technology; `sizes` are the unit's size over SATA's and over Aladdin's."""
    source = _cited(what, technology)
    sata, aladdin = sizes
    energy, area = technology.energy_factor, technology.area_factor
    sata_pj = unit.sata_mw * 1e3 / _SATA_MHZ * sata / energy_factor(_SATA_NM, _READING_V)
    aladdin_pj = unit.aladdin_pj * aladdin / energy_factor(_ALADDIN_NM, _READING_V)
    energy_pj = Price.among(horowitz_pj * energy, (sata_pj * energy, aladdin_pj * energy), source)
    sata_um2 = unit.sata_um2 * sata / area_factor(_SATA_NM)
    aladdin_um2 = unit.aladdin_um2 * aladdin / area_factor(_ALADDIN_NM)
    area_um2 = Price.among(sata_um2 * area, (aladdin_um2 * area,), source)
    return Operator(what, technology, energy_pj, area_um2)


def _floating(technology: Technology, what: str, unit: _FloatUnit) -> Operator:
    """Horowitz's and Aladdin's readings in one technology."""
    source = f"{what}: {_FLOATS_CITED}, {technology.scaling_source}"
    energy, area = technology.energy_factor, technology.area_factor / area_factor(_ALADDIN_NM)
    aladdin_pj = unit.aladdin_pj / energy_factor(_ALADDIN_NM, _READING_V)
    energy_pj = Price.among(unit.horowitz_pj * energy, (aladdin_pj * energy,), source)
    value, *others = (um2 * area for um2 in unit.aladdin_um2)
    return Operator(what, technology, energy_pj, Price.among(value, others, source))


def _cited(name: str, technology: Technology) -> str:
    return f"{name}: {_CITED}, {technology.scaling_source}"
