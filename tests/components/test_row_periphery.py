"""Drivers of rows and references of converters, by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
from arch.machines import technology

from hwsim import api
from hwsim.components.adc import Adc
from hwsim.components.reference_buffer import ReferenceBuffer
from hwsim.components.row_driver import RowDriver
from hwsim.errors import ArchitectureError

AT_32 = technology(32, 0.9)


def driver(law, load_ff=16.5, driver_v=1.1, **more):
    return RowDriver(source="t", law=law, **more).driving(load_ff, driver_v)


def test_inverters_switch_a_third_of_the_line():
    priced = driver("inverters", driver_v=0.9).priced(AT_32)
    stages = sum(16.5 / 4**stage for stage in range(1, 30))
    assert priced.actions["drive"].value == pytest.approx(stages * 0.81e-3)
    assert priced.area_um2.value == pytest.approx(170 / 1024)
    assert priced.leakage_uw == AT_32.logic_leakage_uw(priced.area_um2)


def test_a_level_shifter_switches_its_low_and_its_high_transistors():
    found = driver("level_shifter").priced(AT_32).actions["drive"]
    low_um = 0.032 * 2 * (15 + 20 * 2 + 2 * 32)
    high_um = 0.032 * 2 * (64 + 82 * 2)
    assert found.value == pytest.approx(1e-3 * (low_um * 0.9**2 + high_um * 1.1**2))
    assert (found.low, found.high) == (found.value / 2, found.value * 2)


def test_drivers_of_neurram_take_21_percent_of_its_core_in_its_technology():
    um2 = driver("level_shifter").priced(AT_32).area_um2
    core_mm2 = 768 * um2.value * (0.13 / 0.032) ** 2 * 1e-6 / 0.21
    assert core_mm2 == pytest.approx(1.16)
    assert um2.high == pytest.approx(3 * um2.value)
    assert um2.low == pytest.approx(170 / 1024)


@pytest.mark.parametrize("law", ["inverters", "level_shifter"])
def test_drivers_grow_with_node_supply_and_line(law):
    nodes = [driver(law).priced(technology(node, 0.9)) for node in (7, 14, 16, 20, 22, 28, 32, 45, 65)]
    assert all(a.area_um2.value < b.area_um2.value for a, b in pairwise(nodes))
    assert all(a.actions["drive"].value <= b.actions["drive"].value for a, b in pairwise(nodes))
    half, full = (driver(law, driver_v=v).priced(technology(32, v)).actions["drive"].value for v in (0.6, 1.2))
    assert full == pytest.approx(4 * half)
    loads = [driver(law, load_ff).priced(AT_32).actions["drive"].value for load_ff in (5, 50, 500)]
    assert loads == sorted(loads)


def test_references_are_shares_of_their_converter():
    adc = Adc(source="t", bits=8, columns_per_adc=8, sample_rate_mhz=250.0, law="sar").priced(AT_32)
    priced = ReferenceBuffer(source="t", law="share").beside(adc).priced(AT_32)
    convert, settle = adc.actions["convert"], priced.actions["settle"]
    assert settle.value == pytest.approx(convert.value * 4 / 34)
    assert (settle.low, settle.high) == (0, pytest.approx(convert.high * 8 / 34))
    assert priced.area_um2.value == pytest.approx(adc.area_um2.value * 11 / 13)
    for bound in ("low", "value", "high"):
        assert getattr(priced.leakage_uw, bound) == pytest.approx(getattr(adc.leakage_uw, bound) * 11 / 13)


def test_sizes_that_the_file_states_are_kept():
    assert RowDriver(source="t", law="inverters", load_ff=3.0).driving(16.5, 1.1).load_ff == 3.0
    adc = Adc(source="t", bits=8, columns_per_adc=8, law="sar").priced(AT_32)
    stated = ReferenceBuffer(source="t", law="share", convert_pj=34.0).beside(adc)
    assert stated.priced(AT_32).actions["settle"].value == pytest.approx(4)


def test_what_no_machine_sizes_is_refused():
    with pytest.raises(ArchitectureError, match="load_ff is missing"):
        RowDriver(source="t", law="inverters").priced(AT_32)
    with pytest.raises(ArchitectureError, match="convert_pj is missing"):
        ReferenceBuffer(source="t", law="share").priced(AT_32)


def test_a_part_that_a_design_says_it_does_not_have_is_not_there():
    for name in ("imc_isaac", "imc_spikesim"):
        assert not {"row_driver", "adc_reference"} & api.components(api.load_architecture(name)).keys()
    for name in ("imc", "imc_sram"):
        assert {"row_driver", "adc_reference"} <= api.components(api.load_architecture(name)).keys()
    with pytest.raises(ArchitectureError, match="row_driver: must be"):
        api.load_architecture("imc", ["row_driver=nothing"])
