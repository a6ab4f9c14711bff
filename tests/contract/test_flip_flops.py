"""Flip-flops of every design: counted from parts and instances, running while their units work."""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import pytest
from click.testing import CliRunner
from contract.families import family_of

import hwsim
from hwsim.cli import main
from hwsim.components.pricing.price import Price, Priced
from hwsim.contract.flip_flops import flip_flops_of, total_of
from hwsim.contract.hardware import Hardware
from hwsim.designs import components, load_architecture, machine_of
from hwsim.errors import ArchitectureError
from hwsim.traces import write_trace

DESIGNS = hwsim.arch.shipped()
GONE = {
    "imc": ("chip.flip_flops_per_pe", "chip"),
    "digital": ("array.flip_flops_per_pe", "array"),
    "ttfs": ("array.flip_flops_per_pe", "array"),
    "lstm": ("clock.flip_flops_per_engine", "clock"),
    "stdp": ("clock.flip_flops_per_unit", "clock"),
}
NOTHING = Price.exact(0.0, "by hand")


@cache
def built(name):
    """Hardware and parts of a design for a small network."""
    design = load_architecture(name)
    family = family_of(design)
    trace = family.trace(next(iter(family.networks)), samples=2)
    machine = machine_of(design).sized_for(trace)
    workload = machine.lower(trace)
    return trace, workload, machine.components(workload)


@pytest.mark.parametrize("name", DESIGNS)
def test_stages_keep_parts_running_that_are_there(name):
    _, workload, parts = built(name)
    stages = {
        stage.name for batch in workload.batches.lower(range(1)).runs.values() for stage in batch.schedules[0].stages
    }
    assert workload.hardware.clocked.keys() <= stages
    for shares in workload.hardware.clocked.values():
        assert shares.keys() <= parts.keys()
        assert all(0 < share <= 1 for share in shares.values())


@pytest.mark.parametrize("name", DESIGNS)
def test_no_more_run_than_there_are(name):
    """Cycles of flip-flops that run, by row of the report, beside all cycles of all flip-flops."""
    trace, workload, parts = built(name)
    report = hwsim.simulate(name, trace, accuracy_samples=0)
    total = total_of(workload.hardware, parts)
    assert report.notes["flip-flops"] == total > 0
    for run in report.runs:
        rows = [row for row in run.rows if row.component == "clock"]
        (every,) = [row.count for row in rows if row.action == "cycle"]
        running = sum(row.count for row in rows if row.action == "active_cycle")
        assert 0 <= running <= every
        if run.makespan_ns is not None:
            cycles = run.makespan_ns * load_architecture(name).spec.clock.frequency_mhz / 1e3
            assert every == pytest.approx(total * cycles)


def test_counts_by_hand():
    parts = {
        name: Priced({}, NOTHING, NOTHING, flip_flops=n) for name, n in {"pe": 7, "buffer": 10, "clock": 0}.items()
    }
    clocked = {"array": {"pe": Fraction(1, 3), "buffer": Fraction(1)}, "store": {"buffer": Fraction(1, 4)}}
    hardware = Hardware({"pe": 4, "buffer": 1, "clock": 1}, clocked, {}, {})
    found = flip_flops_of(hardware, parts)
    assert found.total == 4 * 7 + 10
    assert found.running == {"array": 9 + 10, "store": 2}  # a third of 28 and a quarter of 10, rounded down
    stated = flip_flops_of(hardware, parts | {"clock": Priced({}, NOTHING, NOTHING, flip_flops=380)})
    assert stated.total == 380
    assert stated.running == {"array": 190, "store": 20}


@pytest.mark.parametrize("name", ["imc", "digital"])
def test_a_stated_number_takes_the_place_of_the_counted_one(name):
    trace, workload, parts = built(name)
    counted = total_of(workload.hardware, parts)
    plain, twice = (
        hwsim.simulate(name, trace, set=settings, accuracy_samples=0).runs[0].clock_pj.value
        for settings in ([], [f"clock.network.flip_flops={2 * counted}"])
    )
    assert twice == pytest.approx(2 * plain, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "before", "after", "more"),
    [
        ("imc", "accumulator.bits=16", "accumulator.bits=40", 24),
        ("imc", "dac.bits=1", "dac.bits=2", 64),  # a bit for each of 64 rows
        ("digital", "mac.sum_bits=32", "mac.sum_bits=40", 8),
        ("digital", "array.latency_cycles=2", "array.latency_cycles=4", 2 * 16),  # of a product of 8 x 8 bits
        ("ttfs", "pe.potential_bits=20", "pe.potential_bits=24", 2 * 4),  # and its threshold
        ("lstm", "state.bits=16", "state.bits=24", 8),
    ],
)
def test_wider_registers_are_more_flip_flops(name, before, after, more):
    part = {"dac": "crossbar", "array": "mac"}.get(key := before.partition(".")[0], key)
    one, other = (components(load_architecture(name, [each]))[part] for each in (before, after))
    assert other.flip_flops - one.flip_flops == more
    assert other.area_um2.value > one.area_um2.value


@pytest.mark.parametrize("name", GONE)
def test_a_number_that_was_chosen_is_refused_with_what_to_write(name):
    key, section = GONE[name]
    with pytest.raises(ArchitectureError, match=f"{section}: {key.partition('.')[2]} is no key any more: leave it out"):
        load_architecture(name, [f"{key}=64"])


def test_arch_show_has_them(tmp_path):
    trace, workload, parts = built("digital")
    assert workload.hardware.instances["mac"] == 8 * 16
    write_trace(tmp_path / "small.npz", trace)
    shown = CliRunner().invoke(main, ["arch", "show", "digital", "--trace", str(tmp_path / "small.npz")]).stdout
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "flip-flops 64" in lines[lines.index("mac") :]  # operands, a product, a sum: 16 + 16 + 32
    total = total_of(workload.hardware, parts)
    assert f"{total:,} in all; counted: mac {128 * 64:,}, " in " ".join(lines)
    stated = CliRunner().invoke(main, ["arch", "show", "imc_spikesim"]).stdout
    assert "flip-flops 1 stated, in all" in [" ".join(line.split()) for line in stated.splitlines()]
