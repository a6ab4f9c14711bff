"""What layers ask of units, beside the report's own counts and cycles."""

from __future__ import annotations

from functools import cache

import pytest
from contract.families import family_of

import hwsim
from hwsim import api, arch
from hwsim.components.dram import Dram
from hwsim.components.memory import Sram
from hwsim.components.registers import Registers
from hwsim.traces.direct.synth import synthesize


@cache
def simulated(name, *settings):
    """A design and its report on a small trace of its coding."""
    design = api.load_architecture(name, settings)
    family = family_of(design)
    return design, hwsim.simulate(design, family.trace(next(iter(family.networks))), accuracy_samples=0)


def bits_of(part):
    match part:
        case Sram():
            return part.port_bits
        case Dram():
            return part.burst_bytes * 8
        case Registers():
            return part.bits
    return None


@pytest.mark.parametrize("name", arch.shipped())
def test_layers_hold_all_operations_conversions_and_bytes(name):
    design, report = simulated(name)
    for run in report.runs:
        wanted = run.operations.get("AC", 0.0) + 2 * run.operations.get("MAC", 0.0)
        assert sum(load.operations for load in run.loads) == pytest.approx(wanted, rel=1e-12)
        layers = {load.layer: load for load in run.loads}
        moved, converted = {}, {}
        for row in run.rows:
            bits = bits_of(getattr(design.spec, row.component, None))
            if row.layer in layers and bits is not None and row.action in ("read", "write"):
                key = row.layer, row.component
                moved[key] = moved.get(key, 0.0) + row.count * bits / 8
            if (row.component, row.action) == ("adc", "convert"):
                converted[row.layer] = converted.get(row.layer, 0.0) + row.count
        assert {k: v for load in run.loads for k, v in pairs(load)} == pytest.approx(moved, rel=1e-12)
        assert {name: load.conversions for name, load in layers.items() if load.conversions} == pytest.approx(
            {name: n for name, n in converted.items() if n}, rel=1e-12
        )


def pairs(load):
    return [((load.layer, memory), n) for memory, n in load.bytes_by_memory.items()]


def test_a_unit_is_as_long_at_work_for_a_layer_as_the_stages_that_share_it():
    design, report = simulated("digital")
    run, cycle_ns = report.runs[0], 1e3 / design.spec.clock.frequency_mhz
    busy = {row.stage: row.busy_cycles * cycle_ns for row in run.stages}
    assert len(run.loads) > 2
    for load in run.loads:
        known = {each.unit: each for each in load.loaded}
        assert [each.busy_ns for each in load.loaded] == sorted((u.busy_ns for u in load.loaded), reverse=True)
        buffer = busy[f"{load.layer}.buffer"] + busy[f"{load.layer}.store"]
        dram = busy[f"{load.layer}.dram"] + busy[f"{load.layer}.spill"]
        memory = next(each for each in load.loaded if each.bound == "memory")
        assert memory.busy_ns == pytest.approx(max(buffer, dram))
        assert memory.unit == ("global_buffer" if buffer >= dram else "dram")
        compute = max(busy[load.layer], busy.get(f"{load.layer}.neuron", 0.0))
        assert known[next(each.unit for each in load.loaded if each.bound == "compute")].busy_ns == pytest.approx(
            compute
        )


def test_slow_memories_and_slow_links_bind():
    trace = synthesize("mlp:256-256-256-10", timesteps=2, samples=2, rate=0.2, seed=1)
    slow = hwsim.simulate("digital", trace, set={"dram.gigabytes_per_s": 0.01}, accuracy_samples=0)
    assert {(each.loaded[0].bound, each.loaded[0].unit) for each in slow.runs[0].loads} == {("memory", "dram")}
    few = {"chip.crossbars_per_pe": 1, "chip.pes_per_tile": 1, "noc.flit_bits": 1}
    mesh = hwsim.simulate("imc", trace, set={**few, "noc.wire.law": "wire"}, accuracy_samples=0)
    bounds = [load.loaded[0] for load in mesh.runs[0].loads]
    assert any(each.bound == "traffic" and each.unit.startswith("link ") for each in bounds)


@pytest.mark.parametrize("name", arch.shipped())
def test_all_work_of_every_layer_is_on_some_tile(name):
    _, report = simulated(name)
    shares: dict[str, float] = {}
    for tile in report.tiles:
        for layer, share in tile.shares.items():
            shares[layer] = shares.get(layer, 0.0) + share
    assert all(total == pytest.approx(1.0) for total in shares.values())
    if report.tiles:
        assert {load.layer for load in report.runs[0].loads} <= shares.keys()
        places = {tile.tile: (tile.row, tile.column) for tile in report.tiles}
        assert len(set(places.values())) == len(places)
    most = report.notes.get("flits a link and timestep, busiest")
    assert most is None or max((link.flits for link in report.links), default=0) == most


def test_older_reports_say_nothing_of_it(tmp_path):
    _, report = simulated("digital")
    document = report.to_dict() | {"report_version": 3}
    del document["tiles"], document["links"]
    for run in document["runs"]:
        del run["loads"], run["occupancy"]
    file = tmp_path / "old.json"
    import json

    file.write_text(json.dumps(document))
    old = hwsim.load_report(file)
    assert (old.tiles, old.links, old.runs[0].loads, old.runs[0].occupancy) == ([], [], [], None)
    assert old.report_version == report.report_version
