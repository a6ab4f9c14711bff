"""Memories built of macros: how many of what size, and what choosing among them and wires between them cost.

A macro is an SRAM of the CACTI table.  Rule: the macro that takes least energy to read among the sizes of the table
whose silicon a bit, channels included, is at most `AREA_MARGIN` times that of the densest size, on the average over all
nodes, cells and ports (geometric means).  That is 32 KiB everywhere, so that prices rise with capacity, width and node
alike.  A smaller memory is one macro of its own capacity, a larger one as many as it fills and one, of 1 KiB at
least, for what is left; an access is priced as one of a full macro.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from hwsim.components.htree import Wire
from hwsim.components.pricing import logic
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology
from hwsim.components.register_file import register_file

KIB = 1024
SMALLEST_BYTES, LARGEST_BYTES, WIDEST_BITS = KIB, 512 * KIB, 128  # of the CACTI table
Array = Callable[[float, float], Priced]
"""Prices of one array of the table by its capacity in bytes and its port in bits."""
MACRO_BYTES = 32 * KIB
AREA_MARGIN = 1.2
"""A fifth, our choice: published cores have macros of 4 to 64 KiB (banks of Eyeriss 4, ODIN 32, ReckOn 64)."""
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


def arrange(capacity_bytes: float, port_bits: int) -> Arrangement:
    """The macros of a capacity and port."""
    wide = math.ceil(port_bits / WIDEST_BITS)
    each = capacity_bytes / wide
    deep = max(1, math.ceil(each / MACRO_BYTES))
    if deep == 1:
        return Arrangement(wide, 1, each, each, port_bits / wide)
    return Arrangement(wide, deep, MACRO_BYTES, max(each - (deep - 1) * MACRO_BYTES, SMALLEST_BYTES), port_bits / wide)


def rounded_bits(bits: int, port_bits: int) -> int:
    """The least capacity of at least `bits`, and a word, that there are macros for (our choice).

    Register files have any number of words; macros, of which each has 1 KiB at least, have whole KiB.
    """
    words = max(1, math.ceil(bits / port_bits)) * port_bits
    kib = math.ceil(port_bits / WIDEST_BITS) * KIB * 8  # a KiB in each of the macros side by side
    return words if words <= kib else math.ceil(words / kib) * kib


def built(macros: Arrangement, array: Array, words: float, technology: Technology) -> Priced:
    """A memory of `words`, from the prices of single arrays.

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
    bank, last = (_macro(array, size, macros.macro_bits, technology) for size in (macros.bank_bytes, macros.last_bytes))
    if n == 1:
        return bank if wide == 1 else _times(bank, wide, how)
    port_bits, levels = round(wide * macros.macro_bits), math.ceil(math.log2(n))
    gate = logic.logic_and(technology, 1)
    gates_um2 = gate.area_um2.scaled(n * levels + port_bits * (2 * n - 1), f"selection of one of {n} banks")
    full_um2, last_um2 = (_with_channel(each.area_um2, technology.node_nm) for each in (bank, last))
    macros_um2 = full_um2.scaled(wide * (n - 1)) + last_um2.scaled(wide)
    length_mm = math.sqrt(macros_um2.value) * 1e-3 * (1 - 1 / math.sqrt(n))
    carried = port_bits + math.ceil(math.log2(words))
    bit_mm = _WIRE.by_law(technology).actions["bit_mm"]
    wires = bit_mm.scaled(carried * length_mm, f"{carried} b over {length_mm:.3g} mm")
    as_logic = technology.logic_leakage_uw(gates_um2)
    gates_uw = Price.among(
        bank.leakage_uw.value / bank.area_um2.value * gates_um2.value,
        (as_logic.low, as_logic.high),
        f"selection of one of {n} banks, per area as its macros; bounds: {as_logic.source}",
    )
    macros_uw = bank.leakage_uw.scaled(wide * (n - 1)) + last.leakage_uw.scaled(wide)
    beside = {name: 2 * levels + (name == "read") * port_bits * (1 + levels) for name in bank.actions}  # gates
    actions = {
        name: price.scaled(wide, how) + wires + gate.energy_pj.scaled(beside[name], f"choice of one of {n} banks")
        for name, price in bank.actions.items()
    }
    across_ns = _crossing_ns(array, macros)
    return Priced(
        actions,
        replace(macros_um2, source=f"{full_um2.source}, {how}") + gates_um2,
        replace(macros_uw, source=f"{bank.leakage_uw.source}, {how}") + gates_uw,
        {name: ns + across_ns for name, ns in bank.times_ns.items()},
    )


def _macro(array: Array, capacity_bytes: float, port_bits: float, technology: Technology) -> Priced:
    """One macro, or a register file."""
    if capacity_bytes >= SMALLEST_BYTES:
        return array(capacity_bytes, port_bits)
    return register_file(array(SMALLEST_BYTES, port_bits), SMALLEST_BYTES, capacity_bytes, port_bits, technology)


def _times(macro: Priced, wide: int, how: str) -> Priced:
    """Macros that are accessed together."""
    actions = {name: price.scaled(wide, how) for name, price in macro.actions.items()}
    return Priced(actions, macro.area_um2.scaled(wide, how), macro.leakage_uw.scaled(wide, how), macro.times_ns)


def _with_channel(um2: Price, node_nm: int) -> Price:
    """Area of a macro with its share of the channels around it."""
    value, low, high = (
        (math.sqrt(area) + channel_um * node_nm / CHANNEL_NM) ** 2
        for area, channel_um in ((um2.value, CHANNEL_UM), (um2.low, NARROW_CHANNEL_UM), (um2.high, CHANNEL_UM))
    )
    channels = f"channels of {CHANNEL_UM:g} um at {CHANNEL_NM} nm (OpenROAD-flow-scripts)"
    return Price(value, low, high, f"{um2.source}; with {channels}")


def _crossing_ns(array: Array, macros: Arrangement) -> float:
    """Time to select a bank and to cross all of them: what an array of their capacity takes more than one of a bank's.

    So much CACTI's own decoders and wires take, in cells of the same kind and with its widest port; beyond the table's
    largest array the time grows with the side, that is with the root of the capacity (our choice).
    """
    whole = macros.bank_bytes * (macros.deep - 1) + macros.last_bytes
    one_ns, whole_ns = (
        array(min(size, LARGEST_BYTES), WIDEST_BITS).times_ns["access"] * math.sqrt(max(1.0, size / LARGEST_BYTES))
        for size in (macros.bank_bytes, whole)
    )
    return whole_ns - one_ns
