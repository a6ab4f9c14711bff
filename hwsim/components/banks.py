"""Memories built of macros: how many of what size, and what choosing among them and wires between them cost.

A macro is an SRAM of the CACTI table.  Rule: the macro that takes least energy to read among the sizes of the table
whose silicon a bit, channels included, is at most `AREA_MARGIN` times that of the densest size, on the average over all
nodes, cells and ports (geometric means).  That is 32 KiB everywhere, so that prices rise with capacity, width and node
alike.  A smaller memory is one macro of its own capacity, a larger one as many as it fills and one, of 1 KiB at
least, for what is left; an access is priced as one of a full macro.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from hwsim.components.htree import Wire
from hwsim.components.pricing import logic
from hwsim.components.pricing.cacti import Kind, capacities, interpolated, port_widths
from hwsim.components.pricing.price import Price
from hwsim.components.pricing.technology import Technology
from hwsim.components.register_file import Cells

KIB = 1024
MACRO_BYTES = 32 * KIB
AREA_MARGIN = 1.2
"""A fifth, our choice: published spiking cores have macros of 4 to 64 KiB (banks of Eyeriss 4, ODIN 32, ReckOn 64)."""
CHANNEL_UM, NARROW_CHANNEL_UM, CHANNEL_NM = 20.0, 10.0, 45
"""Between macros, at a node: MACRO_PLACE_CHANNEL of the 45 nm designs of OpenROAD-flow-scripts, which says 20 in most
and 10 in bp_multi_top; in proportion to the node elsewhere (our choice)."""
_WIRE = Wire(law="wire", source="wires between macros")


@dataclass(frozen=True, slots=True)
class Arrangement:
    """`deep` banks, of which one is accessed, of `wide` macros side by side, which are all accessed together.

    All banks but the last have `bank_bytes` a macro, and the last has what is left.
    """

    wide: int
    deep: int
    bank_bytes: float
    last_bytes: float
    macro_bits: float  # of the port of each

    def __str__(self) -> str:
        full = self.deep - (self.last_bytes != self.bank_bytes)
        sizes = [(self.wide * full, self.bank_bytes), (self.wide * (self.deep - full), self.last_bytes)]
        what = " and ".join(f"{n} of {size / KIB:g} KiB" for n, size in sizes if n)
        beside = f", {self.wide} together" if self.wide > 1 else ""
        return f"macros x {self.macro_bits:g} b: {what}{beside}"


def arrange(capacity_bytes: float, port_bits: int, widest_bits: int) -> Arrangement:
    """The macros of a capacity and port where a macro's port has at most `widest_bits`."""
    wide = math.ceil(port_bits / widest_bits)
    each = capacity_bytes / wide
    deep = max(1, math.ceil(each / MACRO_BYTES))
    if deep == 1:
        return Arrangement(wide, 1, each, each, port_bits / wide)
    return Arrangement(wide, deep, MACRO_BYTES, max(each - (deep - 1) * MACRO_BYTES, KIB), port_bits / wide)


def rounded_bits(bits: int, port_bits: int, widest_bits: int) -> int:
    """The least capacity of at least `bits`, and a word, that there are macros for (our choice).

    Register files have any number of words; macros, of which each has 1 KiB at least, have whole KiB.
    """
    words = max(1, math.ceil(bits / port_bits)) * port_bits
    kib = math.ceil(port_bits / widest_bits) * KIB * 8  # a KiB in each of the macros side by side
    return words if words <= kib else math.ceil(words / kib) * kib


def built(macros: Arrangement, bank: Cells, last: Cells, words: float, technology: Technology) -> Cells:
    """A memory of `words` from the prices of a bank's macro and of one of the last bank.

    Several banks have beside their macros:
    - Decoder: an AND of ceil(log2 n) inputs for each of n banks, so as many gates of two; one output falls, one rises.
    - Output multiplexer, a bit: n ANDs and n - 1 ORs; an AND and a path of ceil(log2 n) ORs switch.  Of reads only.
    - Wires: the port's bits and the address, over an H-tree's path from the centre of the banks' square to one of them,
      side (1 - 1 / sqrt(n)), as law `wire` has it.
    - Channels around each macro (`CHANNEL_UM`); its side is the root of its area.

    Gates leak per area as the macros do, whose cells they are made of (our choice); bounds reach to those of logic.

    Raises ArchitectureError where the law of wires does not reach the node.
    """
    n, wide, how = macros.deep, macros.wide, str(macros)
    if n == 1:
        how = how if wide > 1 else ""
        return Cells(
            *(price.scaled(wide, how) for price in (bank.read_pj, bank.write_pj, bank.area_um2, bank.leakage_uw))
        )
    port_bits, levels = round(wide * macros.macro_bits), math.ceil(math.log2(n))
    gate = logic.logic_and(technology, 1)
    gates_um2 = gate.area_um2.scaled(n * levels + port_bits * (2 * n - 1), f"selection of one of {n} banks")
    full_um2, last_um2 = (_with_channel(each.area_um2, technology.node_nm) for each in (bank, last))
    macros_um2 = full_um2.scaled(wide * (n - 1)) + last_um2.scaled(wide)
    length_mm = math.sqrt(macros_um2.value) * 1e-3 * (1 - 1 / math.sqrt(n))
    carried = port_bits + math.ceil(math.log2(words))
    wires = _WIRE.by_law(technology).actions["bit_mm"]
    wires = wires.scaled(carried * length_mm, f"{carried} b over {length_mm:.3g} mm")
    gates_uw = technology.logic_leakage_uw(gates_um2)
    gates_uw = Price.among(
        bank.leakage_uw.value / bank.area_um2.value * gates_um2.value,
        (gates_uw.low, gates_uw.high),
        f"selection of one of {n} banks, per area as its macros; bounds: {gates_uw.source}",
    )
    chosen, put_out = 2 * levels, port_bits * (1 + levels)
    leaking = bank.leakage_uw.scaled(wide * (n - 1)) + replace(last.leakage_uw, source=bank.leakage_uw.source).scaled(
        wide
    )
    return Cells(
        bank.read_pj.scaled(wide, how) + wires + gate.energy_pj.scaled(chosen + put_out, f"choice of one of {n} banks"),
        bank.write_pj.scaled(wide, how) + wires + gate.energy_pj.scaled(chosen, f"choice of one of {n} banks"),
        replace(macros_um2, source=f"{full_um2.source}, {how}") + gates_um2,
        replace(leaking, source=f"{leaking.source}, {how}") + gates_uw,
    )


def _with_channel(um2: Price, node_nm: int) -> Price:
    """Area of a macro with its share of the channels around it."""
    value, low, high = (
        (math.sqrt(area) + channel_um * node_nm / CHANNEL_NM) ** 2
        for area, channel_um in ((um2.value, CHANNEL_UM), (um2.low, NARROW_CHANNEL_UM), (um2.high, CHANNEL_UM))
    )
    channels = f"channels of {CHANNEL_UM:g} um at {CHANNEL_NM} nm (OpenROAD-flow-scripts)"
    return Price(value, low, high, f"{um2.source} with {channels}")


def crossing_ns(kind: Kind, macros: Arrangement) -> float:
    """Time to select a bank and to cross all of them: what an array of their capacity takes more than one of a bank's.

    So much CACTI's own decoders and wires take, in cells of the same kind and with its widest port; beyond the table's
    largest array the time grows with the side, that is with the root of the capacity (our choice).
    """
    largest, widest = capacities(kind)[-1], port_widths(kind)[-1]
    one, all_of_them = (
        interpolated(kind, min(size, largest), widest).row.access_ns * math.sqrt(max(1.0, size / largest))
        for size in (macros.bank_bytes, macros.bank_bytes * (macros.deep - 1) + macros.last_bytes)
    )
    return all_of_them - one
