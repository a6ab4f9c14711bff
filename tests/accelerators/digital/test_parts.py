"""Prices of the parts that only the digital machine has: units, detectors, DRAM; and what bounds of time follow."""

from __future__ import annotations

import pytest
from accelerators.digital import cases as digital
from arch.machines import technology
from pydantic import ValidationError

from hwsim import api
from hwsim.accelerators.digital.parts import parts_of
from hwsim.components.dram import Dram
from hwsim.components.mac import Mac
from hwsim.components.pricing.logic import add, logic_and, multiply, register
from hwsim.components.spike_detector import SpikeDetector
from hwsim.errors import ArchitectureError


def dram(**changes):
    values = {
        "source": "test",
        "capacity_mib": 512,
        "burst_bytes": 64,
        "gigabytes_per_s": 12.8,
        "latency_ns": 50,
        "background_uw": 441,
        "law": "lpddr4",
    }
    return Dram.model_validate(values | changes)


@pytest.mark.parametrize(
    ("law", "per_bit"),
    [("lpddr4", (13, 14)), ("horowitz", (10, 20.3)), ("prosperity", (12.45, 12.45)), ("hbm", (7, 7))],
)
def test_a_burst_costs_its_bits(law, per_bit):
    for size in (32, 64):
        part = dram(law=law, burst_bytes=size).priced(technology())
        for action in ("read", "write"):
            price = part.actions[action]
            assert (price.low, price.high) == pytest.approx((per_bit[0] * 8 * size, per_bit[1] * 8 * size))
            assert price.low <= price.value <= price.high
    assert part.leakage_uw.value == 441
    assert part.area_um2.value == 0


def test_energy_per_bit_does_not_depend_on_the_chip():
    assert dram().priced(technology(45)).actions == dram().priced(technology(28, 0.8)).actions


def test_given_prices_hold_for_one_burst():
    given = {"at": {"node_nm": 45, "vdd_v": 0.9, "burst_bytes": 32}, "read_pj": 1, "write_pj": 2}
    given |= {"area_um2": 0, "leakage_uw": 3}
    assert dram(law="given", burst_bytes=32, given=given).priced(technology()).actions["write"].value == 2
    with pytest.raises(ValidationError, match="burst_bytes is 64, but the given prices are for 32"):
        dram(law="given", given=given)


def test_a_burst_takes_bytes_over_bandwidth():
    assert dram().burst_ns == 5.0
    assert dram().burst_bits == 512
    assert dram().capacity_bits == 2**32


def test_a_mac_is_a_multiplier_an_adder_and_registers():
    tech = technology(28, 0.9)
    mac = Mac(source="test", input_bits=8, weight_bits=4, sum_bits=24, law="logic")
    parts = multiply(tech, 8, 4), add(tech, 24), register(tech, 24)
    assert mac.priced(tech).actions["mac"].value == pytest.approx(sum(part.energy_pj.value for part in parts))
    there = (*parts, register(tech, 8 + 4))  # operands
    assert mac.priced(tech).area_um2.value == pytest.approx(sum(part.area_um2.value for part in there))
    narrow = mac.of_inputs(3)
    assert (narrow.input_bits, narrow.weight_bits) == (3, 4)
    assert narrow.priced(tech).actions["mac"].value < mac.priced(tech).actions["mac"].value


def test_a_detector_has_two_gates_a_bit():
    found = SpikeDetector(source="test", bits=64, law="logic").priced(technology()).actions["scan"].value
    assert found == pytest.approx(logic_and(technology(), 128).energy_pj.value)


def test_published_operation_energies():
    """FP32 at 45 nm and 0.9 V: a product and a sum 4.6 pJ, a sum 0.9 pJ."""
    parts = api.components(api.load_architecture("digital_compute"))
    assert parts["mac"].actions["mac"].value == pytest.approx(3.7 + 0.9)
    assert parts["ac"].actions["add"].value == 0.9
    assert set(parts) == {"mac", "ac", "clock"}
    assert all(price.value == 0 for price in parts["clock"].actions.values())


def test_an_error_begins_with_the_key_of_its_part():
    with pytest.raises(ArchitectureError, match=r"^mac: the technology's node_nm is 32, but the given prices"):
        parts_of(api.load_architecture("digital_compute", ["technology.node_nm=32"]).spec)


@pytest.mark.parametrize("order", ["layer_outer", "timestep_outer"])
def test_a_membrane_is_held_in_the_pe_or_read_and_written(order):
    actions = parts_of(digital.variant(loop_order=order))["neuron"].actions
    assert set(actions) == ({"update", "hold"} if order == "layer_outer" else {"update"})
