"""Memories smaller than the smallest of the CACTI table: register files."""

from __future__ import annotations

import math

from hwsim.components.pricing import logic
from hwsim.components.pricing.price import Price, Priced
from hwsim.components.pricing.technology import Technology

_SMALL_EXPONENT = 0.58  # of energy in capacity: fit of the CACTI table over all nodes, .56 to .60


def register_file(
    smallest: Priced, smallest_bytes: int, capacity_bytes: float, port_bits: float, technology: Technology
) -> Priced:
    """A memory of `capacity_bytes` < `smallest_bytes`, from the smallest SRAM with that port.

    Value: a line in the logarithms of capacity and price, from one word, which is a register, to the smallest SRAM.  So
    it is continuous at both ends (our choice of what lies between).  Bounds: two other ways to build it.

    - Flip-flops: a register a word; a word is accessed through a decoder and a multiplexer of gates.
    - The SRAM's own trend, energy ~ capacity^0.58 and area ~ capacity.

    Leakage is per area that of the smallest SRAM, and at most that of the flip-flops as logic.
    """
    words = max(1.0, capacity_bytes * 8 / port_bits)
    most = smallest_bytes * 8 / port_bits
    share = math.log(words) / math.log(most) if most > 1 else 1.0
    fill = capacity_bytes / smallest_bytes
    bit, gate = logic.register(technology, 1), logic.logic_and(technology, 1)
    word_pj, word_um2 = bit.energy_pj.scaled(port_bits), bit.area_um2.scaled(port_bits)
    levels = math.ceil(math.log2(words))
    gates = words * levels + port_bits * (2 * words - 1)
    flip_flops = word_um2.scaled(words) + gate.area_um2.scaled(gates)
    chosen = word_pj + gate.energy_pj.scaled(2 * levels)
    reads, writes = chosen + gate.energy_pj.scaled(port_bits * (1 + levels)), chosen

    def between(register: Price, sram: Price, trend: float, built: Price, what: str) -> Price:
        value = register.value ** (1 - share) * sram.value**share
        source = f"{what}, between {register.source} and {sram.source}"
        return Price.among(value, (sram.low * trend, sram.high * trend, built.low, built.high), source)

    size = f"register file of {capacity_bytes:g} B x {port_bits:g} b"
    area = between(word_um2, smallest.area_um2, fill, flip_flops, size)
    dense = smallest.leakage_uw.scaled(1 / smallest.area_um2.value)
    leaking = technology.logic_leakage_uw(flip_flops)
    leakage = Price.among(
        dense.value * area.value,
        (dense.low * smallest.area_um2.value * fill, leaking.low, leaking.high),
        f"{size}: per area that of {smallest.leakage_uw.source}; at most flip-flops, {leaking.source}",
    )
    trend = fill**_SMALL_EXPONENT
    actions = {
        name: between(word_pj, smallest.actions[name], trend, built, size)
        for name, built in (("read", reads), ("write", writes))
    }
    return Priced(actions, area, leakage, smallest.times_ns)
