"""Energy, area and leakage of adders, multipliers, comparators, registers, gates and constant tables.

Three published readings of every unit are brought to the machine's technology; what they disagree about is the bounds:
- Horowitz, ISSCC 2014, 45 nm 0.9 V: adds 8 b 0.03, 32 b 0.1 pJ; multiplies 8 b 0.2, 32 b 3.1 pJ. The value of an
  energy. Adds are a line in the bits, multiplies a line in the product of the widths. Units it does not have take
  SATA's ratio to the adder.
- SATA (Yin et al., arXiv 2204.05422, its published simulator), 28 nm, 8 b, power over 400 MHz. The value of an area.
- Aladdin (Shao et al., ISCA 2014), 40 nm, 32 b. Neither SATA nor Aladdin states a supply: 0.9 V is assumed.

FP32: Horowitz, add .9, multiply 3.7 pJ, the value of an energy. Aladdin's pipelines of three stages (its published
`power_func.h`) for 1 to 10 ns a cycle: the power at 1 ns over one cycle, as of a full pipeline, bounds the energy (it
charges three cycles itself, which would make a multiply three times an integer one of 32 b); the area at 2 ns, next to
SATA's clock, is the value, the largest and the smallest are its bounds. SATA has no floats.

Depths are those of circuits that we chose, in FO4 delays (of inverters that drive four): prefix adders and comparators
with 2 a level, 3:2 compressors with 4, gates with 1.5, 3 for a flip-flop. Floats are pipelines of three stages, like
Aladdin's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add as plus
from typing import NamedTuple

from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology, area_factor, energy_factor

_LEVEL_FO4, _COMPRESSOR_FO4, _GATE_FO4, FLIP_FLOP_FO4 = 2.0, 4.0, 1.5, 3.0
_MANTISSA_BITS, _EXPONENT_BITS, FLOAT_STAGES = 24, 8, 3
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
    """One unit: what an operation costs, what area the unit takes, and how deep it is."""

    name: str
    technology: Technology
    energy_pj: Price
    area_um2: Price
    fo4: float  # depth of an operation, or of the deepest stage of a pipeline

    @property
    def delay_ns(self) -> float:
        """How long an operation takes at the technology's corner, node and supply."""
        return self.fo4 * self.technology.fo4_ns

    @property
    def leakage_uw(self) -> Price:
        """Leakage of the unit's area."""
        return self.technology.logic_leakage_uw(self.area_um2)

    def times(self, count: int, in_series: bool = False) -> Operator:
        """Put `count` of them together, all in use, side by side or one behind the other."""
        name = f"{count} x {self.name}"
        source = _cited(name, self.technology)
        energy, area = self.energy_pj.scaled(count), self.area_um2.scaled(count)
        fo4 = self.fo4 * (count if in_series else 1)
        return Operator(name, self.technology, replace(energy, source=source), replace(area, source=source), fo4)

    def deep(self, levels: int) -> Operator:
        """The same gates where a signal passes so many of them."""
        return replace(self, fo4=_GATE_FO4 * max(levels, 1))


def total(*operators: Operator) -> Operator:
    """Units that work one behind the other on an operation, with the citation once."""
    name = ", ".join(operator.name for operator in operators)
    technology = operators[0].technology
    source = _cited(name, technology)
    energy = reduce(plus, (operator.energy_pj for operator in operators))
    area = reduce(plus, (operator.area_um2 for operator in operators))
    fo4 = sum(operator.fo4 for operator in operators)
    return Operator(name, technology, replace(energy, source=source), replace(area, source=source), fo4)


def priced(actions: Mapping[str, Operator], whole: Operator, lanes: int = 1) -> Priced:
    """A part of `lanes` times the units of `whole`, which takes these actions; the deepest of them is its delay."""
    area, leakage = whole.area_um2, whole.leakage_uw
    if lanes > 1:
        area, leakage = area.scaled(lanes, f"{lanes} lanes"), leakage.scaled(lanes)
    slowest = max(operator.delay_ns for operator in actions.values())
    return Priced({name: operator.energy_pj for name, operator in actions.items()}, area, leakage, {}, slowest)


def with_registers(part: Priced, technology: Technology, bits: int) -> Priced:
    """A part with more flip-flops beside it, which have area and leakage and no action of their own."""
    more = register(technology, bits)
    area, leakage = part.area_um2 + more.area_um2, part.leakage_uw + more.leakage_uw
    return replace(part, area_um2=area, leakage_uw=leakage, flip_flops=part.flip_flops + bits)


def add(technology: Technology, bits: int) -> Operator:
    """A `bits`-wide addition or subtraction."""
    return _linear(technology, f"add of {bits} b", _ADDER, bits, _horowitz_add_pj(bits), _add_fo4(bits))


def compare(technology: Technology, bits: int) -> Operator:
    """A `bits`-wide comparison."""
    energy = _horowitz_add_pj(bits) * _COMPARATOR.sata_mw / _ADDER.sata_mw
    return _linear(technology, f"compare of {bits} b", _COMPARATOR, bits, energy, _add_fo4(bits))


def register(technology: Technology, bits: int) -> Operator:
    """One access, read or write, of a `bits`-wide register."""
    energy = _per_bit_pj(_REGISTER) * bits
    return _linear(technology, f"register of {bits} b", _REGISTER, bits, energy, FLIP_FLOP_FO4)


def logic_and(technology: Technology, bits: int) -> Operator:
    """`bits` two-input gates, all of which switch."""
    return _linear(technology, f"AND of {bits} b", _AND, bits, _per_bit_pj(_AND) * bits, _GATE_FO4)


def count_ones(technology: Technology, inputs: int) -> Operator:
    """How many of so many bits are set: a full adder, that is an addition of one bit, for each of them."""
    compressed = _COMPRESSOR_FO4 * _compressions(inputs)
    return replace(add(technology, inputs), fo4=compressed + _add_fo4(max(inputs.bit_length(), 1)))


def multiply(technology: Technology, bits: int, other_bits: int) -> Operator:
    """A product of two integers of different widths."""
    products = bits * other_bits
    slope = (3.1 - 0.2) / (32**2 - 8**2)
    horowitz = 0.2 + slope * (products - 8**2)
    sata, aladdin = products / _SATA_BITS**2, products / _ALADDIN_BITS**2
    fo4 = _multiply_fo4(bits, other_bits)
    return _readings(technology, f"multiply of {bits} x {other_bits} b", _MULTIPLIER, horowitz, (sata, aladdin), fo4)


def float_add(technology: Technology) -> Operator:
    """An FP32 addition or subtraction."""
    # Exponents are compared; one shift aligns, a search for leading zeros and a shift normalise.
    aligned = _add_fo4(_EXPONENT_BITS) + 3 * _LEVEL_FO4 * _levels(_MANTISSA_BITS)
    return _floating(technology, "FP32 add", _FLOAT_ADDER, aligned + 2 * _add_fo4(_MANTISSA_BITS))


def float_multiply(technology: Technology) -> Operator:
    """An FP32 product."""
    whole = _multiply_fo4(_MANTISSA_BITS, _MANTISSA_BITS) + _add_fo4(_MANTISSA_BITS)
    return _floating(technology, "FP32 multiply", _FLOAT_MULTIPLIER, whole)


def float_divide(technology: Technology) -> Operator:
    """An FP32 division, on a unit that multiplies as well: its area is the multiplier's."""
    multiplier = float_multiply(technology)
    pj = multiplier.energy_pj
    source = f"FP32 divide: {_DIVIDE_CITED}; {pj.source}"
    energy = Price(pj.value * _DIVIDE_MULTIPLIES, pj.low, pj.high * _DIVIDE_MULTIPLIES, source)
    return Operator("FP32 divide", technology, energy, multiplier.area_um2, multiplier.fo4)


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
    levels = 1 + _levels(max(_levels(entries), 1)) + _levels(entries)  # decoder, then the OR over all entries
    return Operator(name, technology, energy, replace(one.area_um2.scaled(gates), source=source), _GATE_FO4 * levels)


def _horowitz_add_pj(bits: int) -> float:
    return 0.03 + (0.1 - 0.03) / (32 - 8) * (bits - 8)


def _per_bit_pj(unit: _Unit) -> float:
    return _horowitz_add_pj(_SATA_BITS) / _SATA_BITS * unit.sata_mw / _ADDER.sata_mw


def _levels(width: int) -> int:
    """Levels of a tree of two inputs each."""
    return (width - 1).bit_length()


def _add_fo4(bits: int) -> float:
    return _LEVEL_FO4 * (_levels(bits) + 2)


def _compressions(rows: int) -> int:
    """Levels of 3:2 compressors that leave two of so many rows."""
    levels = 0
    while rows > 2:
        rows, levels = rows - rows // 3, levels + 1
    return levels


def _multiply_fo4(bits: int, other_bits: int) -> float:
    """A gate for every product of two bits, a tree of compressors over the shorter operand, an adder of both widths."""
    return _GATE_FO4 + _COMPRESSOR_FO4 * _compressions(min(bits, other_bits)) + _add_fo4(bits + other_bits)


def _linear(technology: Technology, what: str, unit: _Unit, bits: int, horowitz_pj: float, fo4: float) -> Operator:
    return _readings(technology, what, unit, horowitz_pj, (bits / _SATA_BITS, bits / _ALADDIN_BITS), fo4)


def _readings(
    technology: Technology, what: str, unit: _Unit, horowitz_pj: float, sizes: tuple[float, float], fo4: float
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
    return Operator(what, technology, technology.near_threshold(energy_pj), area_um2, fo4)


def _floating(technology: Technology, what: str, unit: _FloatUnit, fo4: float) -> Operator:
    """Horowitz's and Aladdin's readings in one technology, and the depth of a stage and its register."""
    source = f"{what}: {_FLOATS_CITED}, {technology.scaling_source}"
    energy, area = technology.energy_factor, technology.area_factor / area_factor(_ALADDIN_NM)
    aladdin_pj = unit.aladdin_pj / energy_factor(_ALADDIN_NM, _READING_V)
    energy_pj = technology.near_threshold(Price.among(unit.horowitz_pj * energy, (aladdin_pj * energy,), source))
    value, *others = (um2 * area for um2 in unit.aladdin_um2)
    stage = fo4 / FLOAT_STAGES + FLIP_FLOP_FO4
    return Operator(what, technology, energy_pj, Price.among(value, others, source), stage)


def _cited(name: str, technology: Technology) -> str:
    return f"{name}: {_CITED}, {technology.scaling_source}"
