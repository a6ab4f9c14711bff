"""Flip-flops of single parts, counted by hand from their widths."""

from __future__ import annotations

import pytest
from arch.machines import technology

from hwsim.components import Accumulator, Mac, Neuron, SigmaE, Sram
from hwsim.components.adc import Adc
from hwsim.components.bucket_sorter import BucketSorter
from hwsim.components.clock import Clock, ClockNetwork
from hwsim.components.elementwise import Elementwise
from hwsim.components.first_spike_pe import FirstSpikePe
from hwsim.components.learning_engine import LearningEngine
from hwsim.components.offset_corrector import OffsetCorrector
from hwsim.components.plastic_neuron import PlasticNeuron
from hwsim.components.pricing import logic
from hwsim.components.random_source import RandomSource
from hwsim.components.registers import Registers
from hwsim.components.silence_detector import SilenceDetector
from hwsim.components.spike_detector import SpikeDetector
from hwsim.components.synaptic_adder import SynapticAdder
from hwsim.errors import ArchitectureError

AT = technology(45, 0.9)


class Delayed(Accumulator):
    cycles: int


class DelayedNeuron(Neuron):
    cycles: int


def logical(part, **sizes):
    return part(source="t", law="logic", **sizes)


def sram(bits, port_bits, ports="1rw"):
    return Sram(source="t", law="cacti", capacity_kib=bits / 8192, port_bits=port_bits, ports=ports)


SIGMA_E = {"exponent_entries": 64, "exponent_bits": 12, "logarithm_entries": 64, "logarithm_bits": 10}
ENGINE = {"lanes": 4, "divide_cycles": 8, "rate_bits": 8, "factor_bits": 16}


@pytest.mark.parametrize(
    ("part", "flip_flops"),
    [
        (logical(Accumulator, bits=24), 24),  # a sum
        (logical(Delayed, bits=24, cycles=3), 3 * 24),  # one a stage
        (logical(Delayed, bits=24, cycles=0), 24),
        (logical(Mac, input_bits=8, weight_bits=4, sum_bits=32), 8 + 4 + 32),
        (logical(Neuron, lanes=8, membrane_bits=24, leak_bits=8), 8 * (24 + 1)),  # membrane and spike
        (logical(DelayedNeuron, lanes=8, membrane_bits=24, leak_bits=8, cycles=2), 2 * 8 * 25),
        (logical(Registers, bits=24), 24),
        (logical(Elementwise, lanes=7, state_bits=24, value_bits=8), 24),  # an instance is a lane
        (logical(FirstSpikePe, slope_bits=18, potential_bits=24, time_bits=10), 18 + 24 + 24 + 10 + 2),
        (logical(BucketSorter, buckets=32, pointer_bits=12), 32 * (2 * 12 + 1) + 12),
        (logical(SpikeDetector, bits=64), 64 + 6),
        (logical(SilenceDetector, rows=64, cycles=0), 1),
        (logical(OffsetCorrector, rows=64, bits=20), 7 + 20),  # a count from 0 to 64
        (logical(RandomSource, lanes=2, bits=16), 2 * 16),
        (logical(SynapticAdder, lanes=4, bits=20, floating=False), 4 * 20),
        (logical(SynapticAdder, lanes=4, bits=32, floating=True), 4 * 3 * 32),  # three stages
        (logical(PlasticNeuron, lanes=4, bits=20, leak_bits=8, floating=False), 4 * 21),
        (logical(LearningEngine, weight_bits=8, trace_bits=10, floating=False, **ENGINE), 4 * (10 + 8 + 16)),
        (
            logical(SigmaE, accumulator_bits=24, fifo_depth=10, cycles_per_class=2, latency_cycles=6, **SIGMA_E),
            10 * 12 + 2 * 24 + 10,
        ),
        (Adc(source="t", law="sar", bits=8, columns_per_adc=8), 8 + 3),
        (sram(8192, 64), 7 + 64),  # 128 words
        (sram(8192, 64, "1r1w"), 2 * 7 + 64),
        (sram(1024, 16), 1024 + 6 + 16),  # flip-flops up to here
        (sram(1040, 16), 7 + 16),  # 65 words
        (sram(2560 * 8192, 64), 19 + 64),  # of many macros one is accessed
    ],
)
def test_registers_by_hand(part, flip_flops):
    assert part.register_bits == flip_flops
    assert part.priced(AT).flip_flops == flip_flops


def test_registers_of_units_are_in_their_area_once():
    """The area of a sum three cycles deep is that of an adder and three registers."""
    part = logical(Delayed, bits=24, cycles=3).priced(AT)
    wanted = logic.add(AT, 24).area_um2.value + logic.register(AT, 72).area_um2.value
    assert part.area_um2.value == pytest.approx(wanted)
    assert part.actions["add"].value == pytest.approx(logical(Accumulator, bits=24).priced(AT).actions["add"].value)


def test_an_array_element_like_that_of_eyeriss_has_at_least_its_registers():
    """12 and 24 words of 16 bits in registers, 576 flip-flops, and 224 words of SRAM beside a 16-bit multiplier."""
    files = [sram(words * 16, 16, "1r1w") for words in (12, 24)]
    element = [*files, sram(224 * 16, 16), logical(Mac, input_bits=16, weight_bits=16, sum_bits=16)]
    found = sum(part.priced(technology(65, 1.0)).flip_flops for part in element)
    assert sum(each.capacity_bits for each in files) == 576
    assert found == 576 + (2 * 4 + 16) + (2 * 5 + 16) + (8 + 16) + 48 == 698
    # What the clock of that costs a cycle, beside 6.3 pJ of all that Eyeriss spends whether elements work or not.
    clock = Clock(source="t", frequency_mhz=200, network=ClockNetwork(source="t", gated_fraction=0, law="flip_flops"))
    cycle = clock.part(technology(65, 1.0)).actions["cycle"]
    per_element = [698 * each for each in (cycle.low, cycle.value, cycle.high)]
    assert per_element == pytest.approx([3.24, 5.06, 7.29], abs=0.01)


@pytest.mark.parametrize("bits", [1, 5])
def test_more_registers_take_area_and_leakage(bits):
    part = logical(Accumulator, bits=8).priced(AT)
    more = logic.with_registers(part, AT, bits)
    assert more.flip_flops == 8 + bits
    register = logic.register(AT, bits)
    assert more.area_um2.value == pytest.approx(part.area_um2.value + register.area_um2.value)
    assert more.leakage_uw.value == pytest.approx(AT.logic_leakage_uw(more.area_um2).value)
    assert more.actions == part.actions


def test_a_memory_without_a_size_has_no_count():
    memory = Sram(source="t", law="cacti", capacity_kib="auto", port_bits=8, ports="1rw")
    with pytest.raises(ArchitectureError, match="capacity_kib: auto"):
        _ = memory.register_bits
