"""What a chip that ships must be: balanced, driven by its spikes, not mostly clock and leakage, and right."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from accelerators.imc import cases
from contract.families import TRACES
from numba import config

import hwsim
from hwsim.accelerators.imc import Machine
from hwsim.designs import load_architecture, machine_of
from hwsim.errors import ArchitectureError
from hwsim.sweep.row import figures_of
from hwsim.sweep.space import Asked
from hwsim.traces.network.layers import Conv2d, Linear
from hwsim.traces.slicing import first

compiled = pytest.mark.skipif(config.DISABLE_JIT, reason="minutes in interpreted kernels")
DESIGNS = ("imc", "imc_isaac", "imc_sram")
RUNS = ("static", "early exit")
BEFORE_PJ = {"static": 8.908e6, "early exit": 3.146e6}  # of `cases.PLAIN` on 64 samples
BEFORE_PJ_NS = {"static": 4.484e12, "early exit": 0.804e12}


@cache
def fashion():
    return hwsim.load_trace(TRACES / "fashion_dietsnn.npz")


@cache
def report(design, samples=16):
    return hwsim.simulate(design, fashion(), samples=samples, accuracy_samples=0)


def weighted(run):
    """Busy cycles of the stage of each layer with weights."""
    names = {layer.name for layer in fashion().network if isinstance(layer, Conv2d | Linear)}
    found = {stage.stage: stage.busy_cycles for stage in run.stages if stage.stage in names}
    assert found.keys() == names
    return list(found.values())


@compiled
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("design", DESIGNS)
def test_no_layer_is_much_busier_than_the_others(design, run):
    """Stages of one run are told over the same cycles, so busy cycles are in the ratio of utilisations."""
    busy = weighted(report(design).run(run))
    assert max(busy) <= 3 * sum(busy) / len(busy)
    plain = weighted(report(cases.PLAIN).run(run))
    assert max(plain) > 3 * sum(plain) / len(plain)


@compiled
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("design", DESIGNS)
def test_clock_and_leakage_are_less_than_two_fifths(design, run):
    rows = report(design).run(run).rows
    standing = sum(row.energy_pj for row in rows if row.component == "clock" or row.action == "leakage")
    assert standing < 0.4 * sum(row.energy_pj for row in rows)


@compiled
@pytest.mark.parametrize("gated_fraction", [0.8, 0.98])
def test_however_well_idle_parts_are_gated(gated_fraction):
    """The share that gating reaches is a choice; what is concluded does not hang on it."""
    found = hwsim.simulate(
        "imc", fashion(), samples=4, accuracy_samples=0, set={"clock.network.gated_fraction": gated_fraction}
    )
    for run in found.runs:
        assert run.clock_pj.value + run.leakage_pj.value < 0.4 * run.energy_pj.value


@compiled
@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("design", DESIGNS)
def test_without_spikes_it_costs_at_most_three_fifths(design, run):
    """The same network, input and exits, with every spike of every layer taken out."""
    silent = replace(
        fashion(),
        spikes={name: packed.each(np.zeros_like) for name, packed in fashion().spikes.items()},
        sha256="",
    )
    assert not any(packed.words.any() for packed in silent.spikes.values())
    before, after = report(design).run(run), hwsim.simulate(design, silent, samples=16, accuracy_samples=0).run(run)
    assert after.timesteps.value == before.timesteps.value
    assert after.energy_pj.value <= 0.6 * before.energy_pj.value


@compiled
def test_accuracy_is_within_a_point_of_the_exact_network_on_all_raw_inputs():
    for design in DESIGNS:
        for run in hwsim.simulate(design, fashion(), samples=1, accuracy_samples=1000).runs:
            assert run.hardware_accuracy.samples == 1000
            assert abs(run.hardware_accuracy.difference) <= 0.01


@compiled
def test_energy_and_its_product_with_time_are_below_those_of_before():
    """Shares are not met by raising the rest."""
    for run in report("imc", 64).runs:
        assert run.energy_pj.value <= BEFORE_PJ[run.name]
        assert run.edp_pj_ns.value <= BEFORE_PJ_NS[run.name]
    for run in report(cases.PLAIN, 64).runs:
        assert run.energy_pj.value == pytest.approx(BEFORE_PJ[run.name], rel=1e-3)
        assert run.edp_pj_ns.value == pytest.approx(BEFORE_PJ_NS[run.name], rel=1e-3)


@compiled
def test_no_value_beside_its_own_is_better_within_its_bounds():
    """What the command beside the file searches, one knob at a time: the file stands where it ends."""
    knobs = dict(machine_of(load_architecture("imc")).sized_for(fashion()).knobs(fashion()))
    knobs |= {
        "neuron.lanes": "4,8,16,32",
        "first_layer_mac.lanes": "16,32,64,128",
        "membrane.port_bits": "128,256,512",
        "membrane.ports": "1rw,1r1w",
        "membrane.capacity_kib": "2,4,8",
    }
    trace = first(fashion(), 8)
    own = figures(trace)
    assert own["area_mm2"] <= 3
    for key, values in knobs.items():
        for value in values.split(","):
            try:
                found = figures(trace, f"{key}={value}")
            except ArchitectureError:
                continue
            kept = found["area_mm2"] <= 3 and found["standing_share"] <= 0.4
            assert not kept or found["edp_pj_ns"] >= own["edp_pj_ns"], f"{key}={value}"


def figures(trace, *settings):
    return figures_of(load_architecture("imc", settings), trace, Asked(samples=8))


def hardware(**changes):
    return Machine(cases.small(**changes)).lower(cases.random_trace(cases.convolutions())).hardware


@pytest.mark.parametrize("packing", ["none", "layers"])
@pytest.mark.parametrize("pes_per_tile", [2, 8, 20])
def test_spare_crossbars_are_those_left_on_the_tiles_that_one_of_each_layer_needs(packing, pes_per_tile):
    """What `auto` copies onto a chip of as many tiles as a network without copies takes, which is not one tile more."""
    sizes = {"packing": packing, "chip__pes_per_tile": pes_per_tile}
    tiles = hardware(**sizes).instances["htree"]
    found = hardware(**sizes, chip__replicate="spare")
    assert found.instances["htree"] == tiles
    assert found.crossbars == hardware(**sizes, chip__replicate="auto", chip__tiles=tiles).crossbars
    assert sum(found.crossbars.values()) <= tiles * pes_per_tile * 3


def test_a_large_tile_has_room_for_copies():
    once, copied = (hardware(chip__pes_per_tile=20, packing="layers", chip__replicate=x) for x in ("none", "spare"))
    assert sum(copied.crossbars.values()) > sum(once.crossbars.values())


def test_a_budget_is_of_auto_alone():
    with pytest.raises(ArchitectureError, match=r"chip\.crossbar_budget: bounds the copies that chip\.replicate: auto"):
        load_architecture("imc", ["chip.crossbar_budget=300"])
