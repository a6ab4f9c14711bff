"""`capacity_kib: auto` on every machine: a memory as large as the network needs, and nothing else changes."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from click.testing import CliRunner
from contract.families import family_of

from hwsim import api, arch
from hwsim.cli import main
from hwsim.components.memory import BankedSram, Sram
from hwsim.contract.levers import Limits
from hwsim.contract.machine import Accelerator
from hwsim.designs import machine_of
from hwsim.errors import ArchitectureError
from hwsim.sweep.row import Asked, figures_of

DESIGNS = ("digital", "imc", "lstm", "stdp", "ttfs")
BANKS_SHARE = ("digital", "lstm", "ttfs")


def memories(name):
    spec = api.load_architecture(name).spec
    return [key for key in type(spec).model_fields if isinstance(getattr(spec, key), Sram)]


def auto(name, *more):
    return api.load_architecture(name, [*(f"{key}.capacity_kib=auto" for key in memories(name)), *more])


def sized(name, trace):
    return machine_of(auto(name)).sized_for(trace).spec


def traces(name):
    family = family_of(api.load_architecture(name))
    return [family.trace(network, 0.2) for network in list(family.networks)[:3]]


def as_numbers(name, spec):
    return api.load_architecture(name, [f"{key}.capacity_kib={getattr(spec, key).kib!r}" for key in memories(name)])


def figures(report):
    """A report without the name of the design, its overrides and the note on sizes."""
    found = json.loads(report.to_json())
    del found["architecture"], found["options"]
    found["notes"] = {key: value for key, value in found["notes"].items() if not key.startswith("capacity_kib")}
    return found


def test_every_machine_has_memories():
    assert {name: len(memories(name)) for name in DESIGNS} == {"digital": 2, "imc": 5, "lstm": 4, "stdp": 7, "ttfs": 3}


@pytest.mark.parametrize("name", DESIGNS)
def test_sizes_written_as_numbers_give_the_same_report(name):
    for trace in traces(name):
        report = api.simulate(auto(name), trace, accuracy_samples=0)
        written = api.simulate(as_numbers(name, sized(name, trace)), trace, accuracy_samples=0)
        assert figures(report) == figures(written)
        for row in report.storage:
            assert row.used_bits <= row.provided_bits
        said = report.notes["capacity_kib: auto"]
        for key in memories(name):
            assert f"{key} {getattr(sized(name, trace), key).kib:.4g} KiB" in said


def less(memory):
    """The next smaller capacity that there are macros for, 0 for none."""
    wide = math.ceil(memory.port_bits / 128)
    step = memory.port_bits / 8192 if memory.kib <= wide else wide
    smaller = memory.kib - step
    return smaller if smaller * 8192 >= memory.port_bits else 0


@pytest.mark.parametrize("name", DESIGNS)
def test_one_step_less_does_not_do(name):
    """It is refused, or something is spilled or streamed, or there are more memories."""
    tried = 0
    for trace in traces(name):
        spec = sized(name, trace)
        whole = api.simulate(as_numbers(name, spec), trace, accuracy_samples=0)
        taken = {row.component for run in whole.runs for row in run.rows}
        for key in memories(name):
            size = less(getattr(spec, key))
            if not size or key not in taken:
                continue
            numbers = [f"{other}.capacity_kib={getattr(spec, other).kib!r}" for other in memories(name) if other != key]
            design = api.load_architecture(name, [*numbers, f"{key}.capacity_kib={size!r}"])
            tried += 1
            try:
                report = api.simulate(design, trace, accuracy_samples=0)
            except ArchitectureError as error:
                assert f"{key}.capacity_kib" in str(error)
                continue
            more = instances(design, trace, key) > instances(as_numbers(name, spec), trace, key)
            assert more or posted(report) != posted(whole), (key, size)
    assert tried > 3


def instances(design, trace, key):
    return machine_of(design).lower(trace).hardware.instances[key]


def posted(report):
    return [(row.layer, row.component, row.action, row.count) for run in report.runs for row in run.rows]


@pytest.mark.parametrize("name", ["digital", "imc", "lstm"])
def test_a_baseline_has_memories_of_its_own(name):
    trace = traces(name)[0]
    report = api.simulate(auto(name), trace, accuracy_samples=0, baselines=["ann"])
    assert set(report.notes) >= {"capacity_kib: auto", "capacity_kib: auto, ann"}


def test_copies_that_follow_from_times_and_times_that_follow_from_sizes_settle():
    trace = traces("imc")[0]
    copies = "chip.replicate=auto", "chip.crossbar_budget=40"
    design = auto("imc", *copies)
    spec = machine_of(design).sized_for(trace).spec
    again = api.load_architecture(
        "imc", [*copies, *(f"{key}.capacity_kib={getattr(spec, key).kib!r}" for key in memories("imc"))]
    )
    assert figures(api.simulate(design, trace)) == figures(api.simulate(again, trace))


def test_a_chip_of_fixed_size_that_is_too_small_only_for_numbers_holds_it_with_auto():
    trace = traces("imc")[0]
    tiles = machine_of(api.load_architecture("imc")).lower(trace).hardware.instances["noc"]
    fixed = [f"chip.tiles={tiles}", "membrane.capacity_kib=0.0078125", "membrane.port_bits=64"]
    with pytest.raises(ArchitectureError, match=r"membrane\.capacity_kib"):
        api.simulate(api.load_architecture("imc", fixed), trace, accuracy_samples=0)
    fixed[1] = "membrane.capacity_kib=auto"
    assert api.simulate(api.load_architecture("imc", fixed), trace, accuracy_samples=0).runs


def test_banks_are_sized_together():
    for name in BANKS_SHARE:
        spec = sized(name, traces(name)[0])
        needed = machine_of(auto(name)).sized_for(traces(name)[0]).needed_bits(traces(name)[0])
        banked = [key for key in memories(name) if isinstance(getattr(spec, key), BankedSram)]
        assert banked
        for key in banked:
            assert getattr(spec, key).total_bits >= needed[key]


def test_an_unsized_machine_cannot_be_lowered():
    with pytest.raises(ArchitectureError, match=r"capacity_kib: auto is as much as a network needs"):
        machine_of(auto("ttfs")).lower(traces("ttfs")[0])


def test_given_prices_are_for_a_number():
    with pytest.raises(ArchitectureError, match="capacity_kib is auto, but the given prices are for 3"):
        api.load_architecture("imc_spikesim", ["membrane.capacity_kib=auto"])


@pytest.mark.parametrize("name", DESIGNS)
def test_show_says_what_a_network_decides(name):
    options = [f"--set={key}.capacity_kib=auto" for key in memories(name)]
    shown = CliRunner().invoke(main, ["arch", "show", name, *options])
    assert shown.exit_code == 0, shown.output
    assert "capacity_kib: auto, prices of one word" in shown.output
    stated = [f"--set={key}.capacity_kib=64" for key in memories(name)]
    assert "capacity_kib: auto" not in CliRunner().invoke(main, ["arch", "show", name, *stated]).output


def test_show_with_a_trace_says_the_sizes():
    shown = CliRunner().invoke(main, ["arch", "show", "ttfs", "--set=queue.capacity_kib=auto", "--trace=example"])
    assert shown.exit_code == 2  # of another coding
    shown = CliRunner().invoke(main, ["arch", "show", "imc", "--set=membrane.capacity_kib=auto", "--trace=example"])
    kib = machine_of(api.load_architecture("imc", ["membrane.capacity_kib=auto"])).sized_for(api.load_example())
    assert f"membrane {kib.spec.membrane.kib:.4g} KiB" in " ".join(shown.output.split())


def test_shipped_designs_have_numbers_unless_they_are_for_one_network():
    sized_by_the_network = {name for name in arch.shipped() if api.load_architecture(name).spec.auto_memories}
    assert sized_by_the_network == {"digital_on_chip", "lstm", "ttfs"}


@pytest.mark.parametrize("name", ["digital", "imc", "lstm", "ttfs"])
def test_a_point_of_a_sweep_is_sized_too(name):
    trace = traces(name)[0]
    report = api.simulate(auto(name), trace, accuracy_samples=0)
    row = figures_of(auto(name), trace, Asked())
    assert row["energy_pj"] == pytest.approx(report.runs[-1].energy_pj.value, rel=1e-12)
    assert row["area_mm2"] == pytest.approx(report.area_mm2.value, rel=1e-12)


@pytest.mark.parametrize("name", DESIGNS)
def test_auto_is_offered_where_half_of_a_memory_is_free_and_no_more_then(name):
    trace = traces(name)[0]
    limits = Limits(unit="", layer="", energy=dict.fromkeys(memories(name), 1.0), used={})

    def offered(design, used):
        told = replace(limits, used=dict.fromkeys(memories(name), used))
        settings = [setting for lever in machine_of(design).levers(trace, told) for setting in lever.settings]
        return {key for setting in settings for key, value in setting.items() if value == "auto"}

    stated = as_numbers(name, sized(name, trace))
    assert offered(stated, 0.4) <= {f"{key}.capacity_kib" for key in memories(name)}
    assert offered(stated, 0.4)
    assert not offered(stated, 0.6)
    assert not offered(auto(name), 0.4)


def test_a_machine_that_does_not_say_what_it_needs_refuses():
    class Silent(type(machine_of(api.load_architecture("ttfs")))):
        needed_bits = Accelerator.needed_bits

    with pytest.raises(ArchitectureError, match="does not say what a network needs, so capacity_kib must be a number"):
        Silent(auto("ttfs").spec).sized_for(traces("ttfs")[0])
