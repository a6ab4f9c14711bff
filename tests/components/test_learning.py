"""Parts of a core that learns: sums of published units, widths that the machine fills in, prices given for one."""

from __future__ import annotations

import pytest
from arch.machines import technology

from hwsim.components.learning_engine import LearningEngine
from hwsim.components.memory import Sram
from hwsim.components.plastic_neuron import PlasticNeuron
from hwsim.components.pricing import logic as digital
from hwsim.components.pricing.number import Number
from hwsim.components.pricing.technology import area_factor
from hwsim.components.random_source import RandomSource
from hwsim.components.synaptic_adder import SynapticAdder
from hwsim.components.transposable import TransposableSram
from hwsim.errors import ArchitectureError

FP32 = Number(32, floating=True)
AT = technology()  # 45 nm, 0.9 V, where Horowitz's figures hold as they are
PLAIN = {"source": "test", "law": "logic"}


def adder(**more):
    return SynapticAdder.model_validate({**PLAIN, "lanes": 4} | more)


def neuron(**more):
    return PlasticNeuron.model_validate({**PLAIN, "lanes": 4} | more)


def engine(**more):
    return LearningEngine.model_validate({**PLAIN, "lanes": 4, "divide_cycles": 12} | more)


def test_floats_cost_what_horowitz_says():
    """Aladdin's areas at 2 ns in 40 nm, between those at 5 ns and at 1 ns."""
    for unit, um2, low, high in (
        (digital.float_add(AT), 3007.1, 2063.6, 4361.1),
        (digital.float_multiply(AT), 6153.3, 4889.4, 8967.1),
    ):
        factor = area_factor(45) / area_factor(40)
        found = unit.area_um2.value, unit.area_um2.low, unit.area_um2.high
        assert found == pytest.approx((um2 * factor, low * factor, high * factor))
    assert digital.float_add(AT).energy_pj.value == pytest.approx(0.9, rel=1e-12)
    assert digital.float_multiply(AT).energy_pj.value == pytest.approx(3.7, rel=1e-12)
    for unit in (digital.float_add(AT), digital.float_multiply(AT)):
        assert unit.energy_pj.low <= unit.energy_pj.value <= unit.energy_pj.high
        assert "FP32" in unit.energy_pj.source
    older = technology(65, 1.0)
    assert digital.float_add(older).energy_pj.value == pytest.approx(0.9 * older.energy_factor)


def register_pj(bits):
    return digital.register(AT, bits).energy_pj.value


def compare_pj(bits):
    return digital.compare(AT, bits).energy_pj.value


def select_pj(bits):
    """Two gates a bit."""
    return digital.logic_and(AT, 2 * bits).energy_pj.value


def add_pj(bits):
    """Horowitz: 8 b .03, 32 b .1 pJ."""
    return 0.03 + (0.1 - 0.03) * (bits - 8) / 24


def multiply_pj(bits, other):
    """Horowitz: 8 b .2, 32 b 3.1 pJ."""
    return 0.2 + (3.1 - 0.2) * (bits * other - 64) / (1024 - 64)


def test_adders_of_integers_and_of_floats():
    fixed, floating = adder().of(Number(24)).priced(AT), adder().of(FP32).priced(AT)
    assert fixed.actions["add"].value == pytest.approx(add_pj(24) + register_pj(24))
    assert floating.actions["add"].value == pytest.approx(0.9 + register_pj(32))
    one = adder(lanes=1).of(Number(24)).priced(AT)
    assert fixed.area_um2.value == pytest.approx(4 * one.area_um2.value)
    assert fixed.leakage_uw.value == pytest.approx(4 * one.leakage_uw.value)


def test_neurons():
    found = neuron().of(Number(24), leak_bits=16).priced(AT).actions
    held = compare_pj(24) + select_pj(24) + register_pj(24)
    assert found["update"].value == pytest.approx(multiply_pj(24, 16) + 2 * add_pj(24) + held)
    assert found["inhibit"].value == pytest.approx(add_pj(24) + held)
    assert found["weigh"].value == pytest.approx(multiply_pj(24, 16))
    floating = neuron().of(FP32, leak_bits=16).priced(AT).actions
    held = compare_pj(32) + select_pj(32) + register_pj(32)
    assert floating["update"].value == pytest.approx(3.7 + 2 * 0.9 + held)


def test_learning_engine():
    found = engine().of(Number(8), Number(11), rate_bits=20, factor_bits=16).priced(AT).actions
    limit = compare_pj(8) + select_pj(8)
    assert found["update"].value == pytest.approx(multiply_pj(11, 20) + add_pj(8) + 2 * limit + register_pj(8))
    assert found["decay"].value == pytest.approx(multiply_pj(11, 16) + register_pj(11))
    assert found["scale"].value == pytest.approx(multiply_pj(8, 16) + limit + register_pj(8))
    assert found["sum"].value == pytest.approx(add_pj(24) + register_pj(24))
    assert found["divide"].value == pytest.approx(12 * (add_pj(24) + register_pj(24)))
    floating = engine().of(FP32, FP32, rate_bits=20, factor_bits=16).priced(AT).actions
    limit = compare_pj(32) + select_pj(32)
    assert floating["update"].value == pytest.approx(3.7 + 0.9 + 2 * limit + register_pj(32))
    assert floating["sum"].value == pytest.approx(0.9 + register_pj(32))
    assert floating["divide"].value == pytest.approx(7.1 * 3.7)


def test_random_numbers():
    source = RandomSource.model_validate({**PLAIN, "lanes": 2, "bits": 32})
    gates = digital.logic_and(AT, 12).energy_pj.value
    assert source.priced(AT).actions["draw"].value == pytest.approx(register_pj(32) + gates + add_pj(32))
    wider = RandomSource.model_validate({**PLAIN, "lanes": 2, "bits": 64})
    assert wider.priced(AT).actions["draw"].value > source.priced(AT).actions["draw"].value


@pytest.mark.parametrize("part", [adder(), neuron(), engine()], ids=["adder", "neuron", "engine"])
def test_a_part_without_widths_has_no_price(part):
    with pytest.raises(ArchitectureError, match="what numbers this part computes with"):
        part.priced(AT)


def test_given_prices_hold_for_their_widths_alone():
    at = {"node_nm": 45, "vdd_v": 0.9, "lanes": 4, "bits": 24, "floating": False}
    given = {"at": at, "area_um2": 10.0, "leakage_uw": 1.0, "add_pj": 0.5}
    part = adder(law="given", given=given)
    assert part.of(Number(24)).priced(AT).actions["add"].value == 0.5
    for other in (Number(32), FP32):
        with pytest.raises(ArchitectureError, match="given prices are for other numbers"):
            part.of(other)
    with pytest.raises(ValueError, match="lanes is 8"):
        adder(law="given", given=given, lanes=8)
    with pytest.raises(ArchitectureError, match="what numbers this part computes with"):
        part.priced(AT)
    with pytest.raises(ArchitectureError, match="bits is 20, but the machine computes with 24"):
        adder(bits=20).of(Number(24))
    with pytest.raises(ValueError, match="floats have 32 bits, got 16"):
        Number(16, floating=True)


def test_transposable_cells_cost_more_and_take_no_longer():
    values = {"source": "test", "law": "cacti", "capacity_kib": 64, "port_bits": 128, "ports": "1rw"}
    memory = TransposableSram.model_validate(values)
    plain, crossed = memory.built(transposable=False).priced(AT), memory.built(transposable=True).priced(AT)
    assert plain == memory.priced(AT) == Sram.model_validate(values).priced(AT)
    assert crossed.area_um2.value == pytest.approx(1.26 * plain.area_um2.value)
    for action in ("read", "write"):
        dearer, price = crossed.actions[action], plain.actions[action]
        assert dearer.value == pytest.approx(1.26 * price.value)
        assert (dearer.low, dearer.high) == (pytest.approx(price.low), pytest.approx(2.0 * price.high))
    assert "Koo" in crossed.area_um2.source
    assert crossed.area_um2.high == pytest.approx(1.6 * plain.area_um2.high)
    assert crossed.times_ns == plain.times_ns
