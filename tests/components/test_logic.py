"""Digital operators and the units made of them: accumulator, neuron, sigma-E, clock."""

from __future__ import annotations

from itertools import pairwise

import pytest
from arch.machines import technology
from pydantic import ValidationError

from hwsim.components import Accumulator, ClockNetwork, Neuron, SigmaE
from hwsim.components.clock import Clock
from hwsim.components.pricing import logic as digital

AT_45 = technology(45, 0.9)
AT_28 = technology(28, 0.9)


def neuron(**more):
    return Neuron(**{"source": "t", "lanes": 1, "membrane_bits": 16, "leak_bits": 8, "law": "logic", **more})


def sigma_e(**more):
    sizes = {"exponent_entries": 64, "exponent_bits": 12, "logarithm_entries": 64, "logarithm_bits": 12}
    rest = {"accumulator_bits": 24, "fifo_depth": 10, "cycles_per_class": 3, "latency_cycles": 4}
    return SigmaE(**{"source": "t", "law": "logic", **sizes, **rest, **more})


@pytest.mark.parametrize(("bits", "pj"), [(8, 0.03), (32, 0.1), (16, 0.03 + 0.07 / 3)])
def test_adds_are_horowitz_and_a_line_between(bits, pj):
    assert digital.add(AT_45, bits).energy_pj.value == pytest.approx(pj)


@pytest.mark.parametrize(("a", "b", "pj"), [(8, 8, 0.2), (32, 32, 3.1), (16, 16, 0.2 + 2.9 * 192 / 960), (4, 16, 0.2)])
def test_multiplies_are_horowitz_and_follow_the_product_of_widths(a, b, pj):
    assert digital.multiply(AT_45, a, b).energy_pj.value == pytest.approx(pj)
    assert digital.multiply(AT_45, b, a).energy_pj.value == pytest.approx(pj)


@pytest.mark.parametrize(
    ("operator", "um2", "mw"),
    [
        (digital.add(AT_28, 8), 22.2, 0.0169),
        (digital.multiply(AT_28, 8, 8), 101.5, 0.0821),
        (digital.register(AT_28, 8), 34.3, 0.0125),
        (digital.compare(AT_28, 8), 15.5, 0.0091),
        (digital.logic_and(AT_28, 8), 6.7, 0.00235),
    ],
)
def test_areas_are_satas_and_its_energies_bound_the_value(operator, um2, mw):
    assert operator.area_um2.value == pytest.approx(um2)
    sata_pj = mw * 1e-3 / 400e6 * 1e12
    assert operator.energy_pj.low <= sata_pj * (1 + 1e-9)
    assert sata_pj <= operator.energy_pj.high * (1 + 1e-9)
    assert operator.energy_pj.value < sata_pj


def test_the_energy_of_units_horowitz_lacks_takes_satas_ratio():
    assert digital.compare(AT_45, 8).energy_pj.value == pytest.approx(0.03 * 0.0091 / 0.0169)
    assert digital.register(AT_45, 8).energy_pj.value == pytest.approx(0.03 * 0.0125 / 0.0169)
    assert digital.logic_and(AT_45, 8).energy_pj.value == pytest.approx(0.03 * 0.00235 / 0.0169)


def test_everything_scales_with_the_technology():
    small = technology(32, 0.9)
    for operator in (digital.add, digital.compare, digital.register, digital.logic_and):
        assert operator(small, 8).energy_pj.value == pytest.approx(operator(AT_45, 8).energy_pj.value * 0.654, rel=1e-3)
        assert operator(small, 8).area_um2.value == pytest.approx(operator(AT_45, 8).area_um2.value * 0.46)


def test_prices_rise_with_the_bits():
    for operator in (digital.add, digital.compare, digital.register, digital.logic_and):
        prices = [operator(AT_45, bits) for bits in range(1, 65)]
        for numbers in ([p.energy_pj.value for p in prices], [p.area_um2.value for p in prices]):
            assert all(a < b for a, b in pairwise(numbers))
            assert numbers[0] > 0
    products = [digital.multiply(AT_45, bits, 1).energy_pj.value for bits in range(1, 65)]
    assert products == sorted(products)
    assert products[0] > 0


def test_a_table_of_gates_by_hand():
    gate = digital.logic_and(AT_45, 1)
    table = digital.lookup(AT_45, 64, 12)
    assert table.energy_pj.value == pytest.approx((12 * (2 + 6) + 2) * gate.energy_pj.value)
    assert table.energy_pj.high == pytest.approx(64 * 13 * gate.energy_pj.high)
    assert table.area_um2.value == pytest.approx(64 * 13 * gate.area_um2.value)


def test_an_accumulator_is_an_adder_and_a_register():
    priced = Accumulator(source="t", bits=8, law="logic").priced(AT_45)
    assert priced.actions["add"].value == pytest.approx(0.03 + 0.03 * 0.0125 / 0.0169)
    assert Accumulator(source="t", bits=8, law="logic").priced(AT_28).area_um2.value == pytest.approx(22.2 + 34.3)
    assert priced.leakage_uw.value == pytest.approx(AT_45.logic_leakage_uw(priced.area_um2).value)


def test_a_neuron_update_by_hand():
    multiply = 0.2 + 2.9 / 960 * (16 * 8 - 64)
    add = 0.03 + 0.07 / 24 * 8
    compare = add * 0.0091 / 0.0169
    register = 0.03 / 8 * 16 * 0.0125 / 0.0169
    priced = neuron().priced(AT_45)
    assert priced.actions["update"].value == pytest.approx(multiply + 2 * add + compare + register)
    assert priced.actions["hold"].value == pytest.approx(2 * register)
    without_leak = neuron(leak_bits=0).priced(AT_45)
    assert without_leak.actions["update"].value == pytest.approx(2 * add + compare + register)


def test_lanes_multiply_area_and_leakage_but_not_an_update():
    one, eight = neuron().priced(AT_45), neuron(lanes=8).priced(AT_45)
    assert eight.area_um2.value == pytest.approx(8 * one.area_um2.value)
    assert eight.leakage_uw.high == pytest.approx(8 * one.leakage_uw.high)
    assert eight.actions["update"].value == one.actions["update"].value


def test_sources_name_the_parts_and_the_citation_once():
    source = neuron().priced(AT_45).actions["update"].source
    assert "multiply of 16 x 8 b" in source
    assert source.count("Horowitz") == 1


def test_the_sigma_e_unit():
    priced = sigma_e().priced(AT_45)
    assert set(priced.actions) == {"exponent", "logarithm", "multiply", "add", "fifo"}
    assert priced.actions["add"].value == pytest.approx(digital.add(AT_45, 24).energy_pj.value)
    assert priced.actions["multiply"].value == pytest.approx(digital.multiply(AT_45, 12, 24).energy_pj.value)
    assert priced.actions["fifo"].value == pytest.approx(2 * digital.register(AT_45, 12).energy_pj.value)
    parts = [
        2 * digital.lookup(AT_45, 64, 12).area_um2.value,
        digital.multiply(AT_45, 12, 24).area_um2.value,
        2 * digital.add(AT_45, 24).area_um2.value,
        digital.register(AT_45, 10 * 12 + 2 * 24 + 12).area_um2.value,  # the FIFO, two sums, a logarithm
    ]
    assert priced.area_um2.value == pytest.approx(sum(parts))
    assert sigma_e().cycles(10) == 34


def test_the_clock_of_a_flip_flop_by_hand():
    network = ClockNetwork(source="t", gated_fraction=0.75, law="flip_flops")
    priced = network.priced(technology(28, 1.0))
    tick = priced.actions["tick"]
    assert tick.value == pytest.approx(1.25e-15 * 2.5 * 1e12)
    assert (tick.low, tick.high) == (pytest.approx(2e-3), pytest.approx(4.5e-3))
    assert priced.actions["tick_gated"].value == pytest.approx(tick.value / 4)
    assert "recalled" in tick.source
    half = network.priced(technology(14, 0.8)).actions["tick"]
    assert half.value == pytest.approx(tick.value * 0.5 * 0.64)


def test_running_and_gated_cycles_are_a_whole_one_together():
    clock = Clock(source="t", frequency_mhz=100, network=ClockNetwork(source="t", gated_fraction=0.9, law="flip_flops"))
    part, tick = clock.part(AT_45), clock.network.priced(AT_45).actions["tick"].value
    assert part.actions["cycle"].value == pytest.approx(tick / 10)
    assert part.actions["cycle"].value + part.actions["active_cycle"].value == pytest.approx(tick)
    assert part.flip_flops == 0  # the machine counts them


def test_given_prices_of_a_network_are_shared_by_its_flip_flops():
    given = {"at": {"node_nm": 45, "vdd_v": 0.9, "flip_flops": 8}, "tick_pj": 4.0, "tick_gated_pj": 1.0}
    given |= {"area_um2": 0.0, "leakage_uw": 0.0}
    network = {"source": "t", "gated_fraction": 0.75, "law": "given", "given": given}
    part = Clock(source="t", frequency_mhz=100, network=ClockNetwork(**network, flip_flops=8)).part(AT_45)
    assert (part.actions["cycle"].value, part.actions["active_cycle"].value) == (1 / 8, 3 / 8)
    assert part.flip_flops == 8
    with pytest.raises(ValidationError, match="flip_flops: given prices are of the whole network"):
        ClockNetwork(**network)
    with pytest.raises(ValidationError, match="flip_flops is 9, but the given prices are for 8"):
        ClockNetwork(**network, flip_flops=9)


# --- depths


def fo4(operator):
    return operator.delay_ns / AT_45.fo4_ns


@pytest.mark.parametrize(
    ("operator", "depth"),
    [
        (digital.add(AT_45, 1), 4),  # a full adder
        (digital.add(AT_45, 32), 2 * (5 + 2)),
        (digital.compare(AT_45, 24), 2 * (5 + 2)),
        (digital.register(AT_45, 24), 3),
        (digital.logic_and(AT_45, 24), 1.5),
        (digital.logic_and(AT_45, 24).deep(5), 7.5),
        (digital.multiply(AT_45, 8, 8), 1.5 + 4 * 4 + 2 * (4 + 2)),  # 8, 6, 4, 3, 2 rows
        (digital.multiply(AT_45, 32, 3), 1.5 + 4 * 1 + 2 * (6 + 2)),
        (digital.count_ones(AT_45, 64), 4 * 10 + 2 * (3 + 2)),  # 64 43 29 20 14 10 7 5 4 3 2
    ],
)
def test_depths_by_hand(operator, depth):
    assert fo4(operator) == pytest.approx(depth)


def test_depths_add_up_in_series_and_not_side_by_side():
    adder, register = digital.add(AT_45, 16), digital.register(AT_45, 16)
    assert fo4(digital.total(adder, register)) == pytest.approx(fo4(adder) + fo4(register))
    assert fo4(adder.times(5)) == fo4(adder)
    assert fo4(adder.times(2, in_series=True)) == 2 * fo4(adder)


def test_delays_do_not_fall_with_the_width():
    for make in (
        lambda bits: digital.add(AT_45, bits),
        lambda bits: digital.compare(AT_45, bits),
        lambda bits: digital.multiply(AT_45, bits, bits),
        lambda bits: digital.multiply(AT_45, bits, 8),
        lambda bits: digital.count_ones(AT_45, bits),
        lambda bits: digital.register(AT_45, bits),
    ):
        units = [make(bits) for bits in range(1, 65)]
        for read in (lambda unit: unit.delay_ns, lambda unit: unit.energy_pj.value, lambda unit: unit.area_um2.value):
            numbers = [read(unit) for unit in units]
            assert numbers == sorted(numbers)
    tables = [digital.lookup(AT_45, 1 << n, 8) for n in range(1, 12)]
    assert [unit.delay_ns for unit in tables] == sorted(unit.delay_ns for unit in tables)


def test_a_part_is_as_slow_as_its_slowest_action():
    unit = Accumulator(source="t", bits=20, law="logic").priced(AT_45)
    assert unit.delay_ns == pytest.approx((2 * (5 + 2) + 3) * AT_45.fo4_ns)
    assert unit.cycles == 1
