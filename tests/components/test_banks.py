"""Memories of several macros, register files, and what holds for capacities, ports and nodes of all of them."""

from __future__ import annotations

import math
from itertools import pairwise, product

import pytest
from arch.machines import technology

from hwsim.components import Sram, Wire
from hwsim.components.banks import AREA_MARGIN, CHANNEL_UM, MACRO_BYTES
from hwsim.components.memory import BankedSram
from hwsim.components.pricing import logic
from hwsim.components.pricing.cacti import capacities, interpolated, port_widths, table
from hwsim.components.pricing.devices import device
from hwsim.components.pricing.memory_scaling import memory_scaling
from hwsim.errors import ArchitectureError

KINDS = sorted({kind[1:] for kind in table() if kind.cell != "hp"})
NODES_NM = (22, 28, 32, 45, 65)


def sram(capacity_kib, port_bits, ports="1rw", kind=Sram, **more):
    values = {"source": "t", "law": "cacti", "capacity_kib": capacity_kib, "port_bits": port_bits, "ports": ports}
    return kind(**values | more)


CORNERS = {"lstp": "low_leakage", "lop": "standard"}


def at(node_nm=45, cell="lstp", temperature_k=300):
    """The technology that CACTI priced: at the supply of its cells."""
    corner = CORNERS[cell]
    return technology(node_nm, device(corner, node_nm).vdd_v, corner=corner, temperature_k=temperature_k)


def figures(priced):
    prices = {**priced.actions, "area": priced.area_um2, "leakage": priced.leakage_uw}
    return {name: price.value for name, price in prices.items()} | dict(priced.times_ns)


def test_the_macro_is_the_size_of_least_energy_within_the_margin_of_area():
    """Geometric means over nodes, kinds and ports of a bit's silicon over that of the densest size, and of energies."""
    denser, energies = {}, {}
    for kind in table():
        if kind.cell == "hp":
            continue
        per_bit = {}
        for size in capacities(kind):
            rows = [interpolated(kind, size, port).row for port in port_widths(kind)]
            areas = [(math.sqrt(row.area_mm2 * 1e6) + CHANNEL_UM * kind.node_nm / 45) ** 2 / (8 * size) for row in rows]
            per_bit[size] = sum(map(math.log, areas)) / len(areas)
            energies.setdefault(size, []).extend(math.log(row.read_pj) for row in rows)
        for size, area in per_bit.items():
            denser.setdefault(size, []).append(area - min(per_bit.values()))
    within = [size for size, logs in denser.items() if math.exp(sum(logs) / len(logs)) <= AREA_MARGIN]
    assert min(within, key=lambda size: sum(energies[size])) == MACRO_BYTES
    assert min(denser) < MACRO_BYTES  # the margin decides, not the table's smallest size


def test_ten_banks_by_hand():
    """45 nm lstp, 320 KiB x 128 b: ten macros of 32 KiB, choice of one by four bits of the address, and wires."""
    there = at()
    one, ten = sram(32, 128).priced(there), sram(320, 128).priced(there)
    gate = logic.logic_and(there, 1)
    side_um = math.sqrt(10) * (math.sqrt(one.area_um2.value) + 20)
    words_bits = math.ceil(math.log2(320 * 8192 / 128))
    bit_mm = Wire(law="wire", source="t").priced(there).actions["bit_mm"].value
    wires_pj = (128 + words_bits) * side_um / 1000 * (1 - 1 / math.sqrt(10)) * bit_mm
    decoder_pj, multiplexer_pj = 2 * 4 * gate.energy_pj.value, 128 * 5 * gate.energy_pj.value
    gates_um2 = gate.area_um2.value * (10 * 4 + 128 * 19)
    read, write = ten.actions["read"], ten.actions["write"]
    assert read.value == pytest.approx(one.actions["read"].value + wires_pj + decoder_pj + multiplexer_pj)
    assert write.value == pytest.approx(one.actions["write"].value + wires_pj + decoder_pj)
    assert ten.area_um2.value == pytest.approx(side_um**2 + gates_um2)
    density = one.leakage_uw.value / one.area_um2.value
    assert ten.leakage_uw.value == pytest.approx(10 * one.leakage_uw.value + density * gates_um2)
    assert ten.leakage_uw.high >= 10 * one.leakage_uw.high + there.logic_leakage_uw(gate.area_um2).high
    assert "10 of 32 KiB" in read.source
    assert "10 of 32 KiB" in ten.area_um2.source
    assert 30 < read.value < 45  # an array of that capacity and port takes 92
    # A single array of 128 KiB takes .62 ns longer than one of 32, which is what choice and wires of four banks take.
    four = sram(128, 128).priced(there).times_ns
    across = [interpolated(_kind(there), kib * 1024, 128).row.access_ns for kib in (32, 128)]
    for name, ns in one.times_ns.items():
        assert four[name] - ns == pytest.approx(across[1] - across[0])


def _kind(there, ports="1rw"):
    return memory_scaling(there, None, ports).kind


def test_what_is_left_of_a_capacity_is_a_macro_of_its_own():
    there = at()
    full, rest, both = (sram(kib, 64).priced(there) for kib in (32, 8, 40))
    channel = (math.sqrt(full.area_um2.value) + 20) ** 2 + (math.sqrt(rest.area_um2.value) + 20) ** 2
    gates = logic.logic_and(there, 1).area_um2.value * (2 + 64 * 3)
    assert both.area_um2.value == pytest.approx(channel + gates)
    assert both.leakage_uw.value == pytest.approx(full.leakage_uw.value + rest.leakage_uw.value, rel=0.02)
    assert both.actions["read"].value > full.actions["read"].value
    assert "1 of 32 KiB and 1 of 8 KiB" in both.actions["read"].source


@pytest.mark.parametrize("port_bits", [8, 16, 64, 128])
@pytest.mark.parametrize(("cell", "temperature_k", "ports"), KINDS)
def test_a_register_file_begins_as_a_register_and_ends_as_the_smallest_sram(cell, temperature_k, ports, port_bits):
    there = at(45, cell, temperature_k)
    word = logic.register(there, port_bits)
    least = sram(port_bits / 8192, port_bits, ports).priced(there)
    assert least.actions["read"].value == pytest.approx(word.energy_pj.value)
    assert least.area_um2.value == pytest.approx(word.area_um2.value)
    below, smallest = (sram(kib, port_bits, ports).priced(there) for kib in (1 - 2**-30, 1.0))
    assert figures(below) == pytest.approx(figures(smallest), rel=1e-6)
    half = sram(math.sqrt(port_bits / 8192), port_bits, ports).priced(there)
    for name in ("read", "area"):
        ends = figures(least)[name] * figures(smallest)[name]
        assert figures(half)[name] == pytest.approx(math.sqrt(ends))


def test_bounds_of_a_register_file_hold_both_other_ways_to_build_it():
    """448 B of 16 b at 65 nm, as in a PE of Eyeriss: 224 registers behind gates, or the trend of SRAM."""
    there = technology(65, 1.0, corner="low_leakage")
    file, smallest = (sram(kib, 16).priced(there) for kib in (448 / 1024, 1))
    gate, word = logic.logic_and(there, 1), logic.register(there, 16)
    written = word.energy_pj.value + 2 * 8 * gate.energy_pj.value
    registers = {
        "read": written + 16 * 9 * gate.energy_pj.value,
        "write": written,
        "area": 224 * word.area_um2.value + gate.area_um2.value * (224 * 8 + 16 * 447),
    }
    trend = {"read": (448 / 1024) ** 0.58, "write": (448 / 1024) ** 0.58, "area": 448 / 1024}
    prices = {**file.actions, "area": file.area_um2}
    for name, price in prices.items():
        assert price.low <= registers[name] <= price.high
        assert price.low <= figures(smallest)[name] * trend[name] <= price.high
        assert price.low < price.value < price.high
    density = smallest.leakage_uw.value / smallest.area_um2.value
    assert file.leakage_uw.value == pytest.approx(density * file.area_um2.value)
    assert "register file of 448 B x 16 b" in file.actions["read"].source


CAPACITIES_KIB = [2 ** (step / 2) * 1.1 for step in range(-18, 23)]
WIDTHS_BITS = (1, 7, 8, 12, 32, 48, 64, 96, 128, 129, 192, 256, 300, 512)


@pytest.mark.parametrize(("cell", "temperature_k", "ports"), KINDS)
def test_prices_and_times_rise_with_capacity_width_and_node(cell, temperature_k, ports):
    """Exceptions: leakage may rise with a newer node, whose cells decide, and falls with width by 16 % at most; where a
    port takes one macro more side by side, each is smaller, so that anything may fall by up to 40 %.
    """
    found = {}
    for node_nm in NODES_NM:
        there = at(node_nm, cell, temperature_k)
        for kib, bits in product(CAPACITIES_KIB, WIDTHS_BITS):
            if kib * 8192 >= bits:
                found[node_nm, kib, bits] = figures(sram(kib, bits, ports).priced(there))
    axes, compared = (NODES_NM, CAPACITIES_KIB, WIDTHS_BITS), 0
    for axis, points in enumerate(axes):
        for less, more in pairwise(points):
            for place, values in found.items():
                if place[axis] != more or (before := (*place[:axis], less, *place[axis + 1 :])) not in found:
                    continue
                steps = axis == 2 and math.ceil(less / 128) != math.ceil(more / 128)
                for name, value in values.items():
                    if name == "leakage" and axis == 0:
                        continue
                    fall = 0.4 if steps else 0.16 if name == "leakage" and axis == 2 else 1e-9
                    assert value >= found[before][name] * (1 - fall), (name, before, place)
                    compared += 1
    assert compared > 25_000


@pytest.mark.parametrize("port_bits", [1, 8, 48, 64, 128, 129, 512, 1000])
def test_auto_is_the_least_that_there_are_macros_for(port_bits):
    memory, wide = sram("auto", port_bits), -(-port_bits // 128)
    for bits in (0, 1, port_bits, port_bits + 1, 5000, 8192 * wide, 8192 * wide + 1, 300_000, 5_000_000):
        held, needed = memory.holding(bits), max(1, math.ceil(bits / port_bits)) * port_bits
        assert held.capacity_bits >= needed
        step = port_bits if held.capacity_bits <= 8192 * wide else 8192 * wide
        assert held.capacity_bits % step == 0
        assert held.capacity_bits - step < needed
        assert held.holding(held.capacity_bits // port_bits * port_bits) == held
        assert held.priced(at()).area_um2.value > 0
    assert memory.holding(5000) is memory.holding(math.ceil(5000 / port_bits) * port_bits)


def test_banks_share_what_is_needed():
    memory = sram("auto", 64, kind=BankedSram, banks=4)
    assert memory.holding(4 * 3 * 8192 - 5).kib == 3
    assert memory.holding(4 * 3 * 8192 + 1).kib == 4


def test_auto_cannot_be_priced_nor_be_endless():
    with pytest.raises(ArchitectureError, match="capacity_kib: auto is as much as a network needs"):
        sram("auto", 64).priced(at())
    with pytest.raises(ArchitectureError, match="capacity_kib: auto: the network needs 1048577 KiB, at most 1048576"):
        sram("auto", 64).holding((1 << 33) + 1)
