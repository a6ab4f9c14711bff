"""Laws that the parts of every machine share: one corner for logic and memories, V^2, delays and the clock."""

from __future__ import annotations

from itertools import pairwise

import pytest

import hwsim
from hwsim.components import Sram, SramCrossbar
from hwsim.components.pricing.scaling import NODES_NM, energy_factor
from hwsim.contract.clock_limit import slowest
from hwsim.designs import components, load_architecture, machine_of
from hwsim.errors import ArchitectureError
from hwsim.traces.direct.synth import synthesize

GIVEN = ("digital_compute", "imc_isaac", "imc_spikesim")  # designs with prices for one supply
DESIGNS = tuple(name for name in hwsim.arch.shipped() if name not in GIVEN)
SLOW = ("clock.frequency_mhz=1",)
# RRAM is read at 0.1 V whatever the supply, and its rows are driven at 1.1 V.
STATED_V = {("imc", "crossbar", action): 0.5 for action in ("read_cell", "read_level", "read")}
STATED_V[("imc", "crossbar", "drive_row")] = 1.0
# A level shifter: 238 F of transistors at the supply, 456 F at the 1.1 V of the rows (`RowDriver`).
STATED_V[("imc", "row_driver", "drive")] = (238 * 0.5**2 + 456 * 1.1**2) / (238 * 1.0**2 + 456 * 1.1**2)
V_SQUARED = {"htree", "clock", "row_driver"}  # beside memories; `noc` has hops of logic and a link of wire
NOT_OF_THE_SUPPLY = {"dram", "io"}  # another chip, and pads with a supply of their own
CONVERTERS = {"adc", "adc_reference"}  # with the laws of `test_adc`


def memories_of(spec):
    return {key for key in type(spec).model_fields if isinstance(getattr(spec, key), Sram)}


@pytest.mark.parametrize("design", hwsim.arch.shipped())
def test_logic_and_memories_leak_alike(design):
    """Leakage per area of the parts that follow the corner, memory cells of analog crossbars included."""
    loaded = load_architecture(design)
    densities = {}
    for name, part in components(loaded).items():
        stated = getattr(getattr(loaded.spec, name, None), "law", "") == "given"
        if not stated and part.leakage_uw.value and part.area_um2.value:
            densities[name] = part.leakage_uw.value / part.area_um2.value
    assert len(densities) >= (2 if design not in ("digital_compute", "imc_spikesim") else 0)
    if densities:
        assert max(densities.values()) < 10 * min(densities.values()), densities


def test_a_corner_sets_both():
    for corner, least in (("standard", 50), ("fast", 1000)):
        before, after = (
            components(load_architecture("digital", settings))
            for settings in (SLOW, (*SLOW, f"technology.corner={corner}"))
        )
        for name in ("mac", "global_buffer"):
            assert after[name].leakage_uw.value > least * before[name].leakage_uw.value


@pytest.mark.parametrize("design", DESIGNS)
def test_half_of_the_supply_takes_a_quarter_of_the_energy(design):
    """V^2 for memories, wires and clocks, the polynomial and below 0.6 V V^2 for logic.

    Exceptions: voltages that the file states, what has another supply, and converters. Memories lie between both laws:
    few gates choose among macros, and the smallest are registers.
    """
    full_v, half_v = 1.0, 0.5
    at = {volts: load_architecture(design, (*SLOW, f"technology.vdd_v={volts}")) for volts in (full_v, half_v)}
    node = at[full_v].spec.technology.node_nm
    logic = energy_factor(node, half_v) / energy_factor(node, full_v)
    assert 0.2 < logic < 0.45
    parts = {volts: components(loaded) for volts, loaded in at.items()}
    memories = memories_of(at[full_v].spec)
    seen = 0
    for name, part in parts[full_v].items():
        for action, price in part.actions.items():
            if not price.value or name in NOT_OF_THE_SUPPLY | CONVERTERS:
                continue
            ratio = parts[half_v][name].actions[action].value / price.value
            if name in memories:
                assert min(0.25, logic) * (1 - 1e-3) <= ratio <= max(0.25, logic) * (1 + 1e-3), (name, action)
            else:
                quarter = name in V_SQUARED | {"crossbar"} or (name, action) == ("noc", "link")
                law = STATED_V.get((design, name, action), 0.25 if quarter else logic)
                assert ratio == pytest.approx(law, rel=1e-6), (name, action)
            seen += 1
    assert seen >= 10


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("technology.node_nm", NODES_NM),
        ("technology.vdd_v", (1.3, 1.1, 0.9, 0.7, 0.6, 0.5, 0.4)),
    ],
)
def test_energy_falls_with_node_and_supply(design, key, values):
    """And area with the node, of all that is no memory: those are scanned size by size in `test_memory_scaling`."""
    steps = [load_architecture(design, (*SLOW, f"{key}={value}")) for value in values]
    kept = memories_of(steps[0].spec) | CONVERTERS
    parts = [components(loaded) for loaded in steps]
    for before, after in pairwise(parts):
        for name, part in before.items():
            if name in kept:
                continue
            more = 1.0001
            assert after[name].area_um2.value <= part.area_um2.value * more
            for action, price in part.actions.items():
                assert after[name].actions[action].value <= price.value * more, (name, action)


@pytest.mark.parametrize("design", DESIGNS)
def test_every_part_of_logic_and_memory_has_a_delay(design):
    without = {name for name, part in components(load_architecture(design)).items() if part.delay_ns is None}
    assert without <= {"clock", "crossbar", "row_driver"} | CONVERTERS | NOT_OF_THE_SUPPLY


@pytest.mark.parametrize(
    ("design", "settings", "part"),
    [
        ("imc", ("clock.frequency_mhz=10000",), "offset"),
        ("ttfs", ("clock.frequency_mhz=500", "technology.vdd_v=0.6"), "weights"),
        ("lstm", ("technology.vdd_v=0.7",), "neuron"),
        ("digital", ("array.latency_cycles=1", "clock.frequency_mhz=450"), "mac"),
    ],
)
def test_a_clock_beyond_the_slowest_part_is_refused(design, settings, part):
    with pytest.raises(ArchitectureError, match=f"too fast: {part} takes .*; at most [0-9.]+ MHz"):
        components(load_architecture(design, settings))
    if design in ("imc", "digital"):
        with pytest.raises(ArchitectureError, match=f"too fast: {part} takes"):
            hwsim.simulate(design, synthesize("mlp:20-12-5", timesteps=2, samples=1, rate=0.3, seed=1), set=settings)


@pytest.mark.parametrize("design", DESIGNS)
def test_the_highest_clock_is_the_highest(design):
    limit = slowest(components(load_architecture(design)))
    assert limit is not None
    components(load_architecture(design, [f"clock.frequency_mhz={limit.highest_mhz * 0.9999}"]))
    with pytest.raises(ArchitectureError, match=f"{limit.component} takes"):
        components(load_architecture(design, [f"clock.frequency_mhz={limit.highest_mhz * 1.0001}"]))


def test_a_pipeline_takes_as_many_cycles_as_it_has_stages():
    one, two = (components(load_architecture("imc", [f"neuron.cycles={n}"]))["neuron"] for n in (1, 2))
    assert one.delay_ns == two.delay_ns
    assert one.period_ns == 2 * two.period_ns
    assert components(load_architecture("imc", ["neuron.cycles=0"]))["neuron"].cycles == 1


def test_memories_that_are_waited_for_do_not_limit_the_clock():
    parts = components(load_architecture("stdp"))
    assert parts["weight_memory"].cycles == 0
    assert parts["weight_memory"].period_ns is None
    assert parts["weight_memory"].delay_ns == parts["weight_memory"].times_ns["cycle"]


def test_given_prices_limit_nothing():
    assert slowest(components(load_architecture("digital_compute"))) is None


def test_cells_of_an_analog_crossbar_leak_as_memories_do():
    spec = load_architecture("imc_sram").spec
    assert isinstance(spec.crossbar, SramCrossbar)
    cold, warm = (components(load_architecture("imc_sram", [f"technology.temperature_k={k}"])) for k in (300, 360))
    ratios = {
        name: warm[name].leakage_uw.value / cold[name].leakage_uw.value for name in ("crossbar", "membrane", "neuron")
    }
    assert ratios["crossbar"] == pytest.approx(ratios["membrane"])
    assert ratios["crossbar"] == pytest.approx(ratios["neuron"])


@pytest.mark.parametrize("design", hwsim.arch.shipped())
def test_every_design_states_its_corner(design):
    assert "technology.corner" in load_architecture(design).places
    assert machine_of(load_architecture(design)).clock_mhz > 0
