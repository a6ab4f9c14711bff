"""What a report says of settings: those without effect, sources that speak of other values, what is at fault."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import numpy as np
import pytest
from accelerators.imc import cases as imc
from accelerators.imc.functional_cases import live_trace
from click.testing import CliRunner
from contract.families import FAMILY
from pydantic import ValidationError

import hwsim
from hwsim import api
from hwsim.cli import main
from hwsim.components.memory import Sram
from hwsim.errors import ArchitectureError, UsageError
from hwsim.report.file import to_csv
from hwsim.traces import write_trace
from hwsim.traces.direct.synth import synthesize


def report(design, trace, *settings, **options):
    return hwsim.simulate(hwsim.load_architecture(design, settings), trace, **options)


def chain():
    return synthesize("mlp:20-12-5", timesteps=3, samples=2, rate=0.3, seed=4)


@pytest.mark.parametrize(
    ("design", "settings", "idle"),
    [
        ("imc", ("psum_buffer.port_bits=64", "direct_input=every_step"), ["psum_buffer.port_bits=64"]),
        ("imc", ("psum_buffer.port_bits=64",), []),  # which keeps what the multipliers of the first layer found
        ("imc", ("devices.seed=5",), ["devices.seed=5"]),
        ("imc", ("early_exit.metric=confidence", "adc.bits=9"), ["early_exit.metric=confidence"]),
        ("imc", ("adc.bits=8",), ["adc.bits=8"]),  # what the file says already
        ("imc", ("baseline.ann_bits=4",), ["baseline.ann_bits=4"]),
        ("digital", ("skip=gate", "detector.bits=32"), ["detector.bits=32"]),
        ("digital", ("global_buffer.corner=standard", "clock.frequency_mhz=100"), []),
    ],
)
def test_settings_that_change_nothing_are_named_and_no_others(design, settings, idle):
    assert report(design, chain(), *settings).options["without_effect"] == idle


def test_a_setting_of_the_baseline_has_an_effect_where_there_is_one():
    assert report("imc", chain(), "baseline.ann_bits=4", baselines=["ann"]).options["without_effect"] == []


def test_variation_of_devices_has_an_effect_on_what_is_computed():
    trace = imc_trace()
    settings = ("devices.conductance_variation=0.4", "devices.seed=5")
    assert report("imc", trace, *settings).options["without_effect"] == []


def imc_trace():
    return live_trace(imc.chain, samples=2, timesteps=2, extra=3)


def test_the_terminal_says_so(tmp_path):
    file = tmp_path / "t.npz"
    write_trace(file, chain())
    command = ["simulate", "imc", str(file), "--set", "devices.seed=5", "--set", "adc.bits=9", "--full"]
    printed = CliRunner().invoke(main, command).stdout
    assert "without effect in this configuration: devices.seed=5" in printed
    assert "sources beside them speak of other values: adc.bits, devices.seed" in " ".join(printed.split())


def test_a_value_that_was_changed_does_not_keep_the_source_beside_it(tmp_path):
    loaded = api.load_architecture("imc", ["crossbar.rows=128"])
    assert dict(loaded.overridden) == {"crossbar.rows": "--set crossbar.rows=128"}
    child = tmp_path / "child.yaml"
    child.write_text("extends: imc\nadc:\n  bits: 6\ncrossbar:\n  rows: 128\n  source: ours\n")
    grandchild = tmp_path / "grandchild.yaml"
    grandchild.write_text(f"extends: {child}\nadc:\n  source: another\nmembrane:\n  capacity_kib: 2\n")
    assert {key: place.rpartition("/")[2] for key, place in api.load_architecture(child).overridden.items()} == {
        "adc.bits": "child.yaml:3"
    }
    found = api.load_architecture(grandchild, ["noc.cycles=3"]).overridden
    assert {key: place.rpartition("/")[2] for key, place in found.items()} == {
        "membrane.capacity_kib": "grandchild.yaml:5",
        "noc.cycles": "--set noc.cycles=3",
    }
    assert not api.load_architecture("imc").overridden
    shown = CliRunner().invoke(main, ["arch", "show", str(child)]).stdout
    assert "overridden: adc.bits by" in shown and "overridden: crossbar.rows" not in shown
    assert report(child, chain()).architecture["overridden"].keys() == {"adc.bits"}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["adc.bits=12"], "--set adc.bits=12: adc: law 'sar' covers 4 to 10 bits"),
        (["technology.vdd_v=0.5"], "--set technology.vdd_v=0.5: clock.frequency_mhz: 250 MHz is too fast: "),
        (["psum_buffer.port_bits=64", "technology.vdd_v=0.5"], "--set technology.vdd_v=0.5: clock.frequency_mhz: "),
        (["membrane.capacity_kib=0.01"], "--set membrane.capacity_kib=0.01: arch/imc.yaml:"),
        (["rows_per_read=99"], "--set rows_per_read=99: arch/imc.yaml:10: rows_per_read must be at most"),
        (["ADC.bits=4"], "--set ADC.bits=4: unknown key 'ADC'; did you mean 'adc'?"),
        (["Adc.Bits=4"], "--set Adc.Bits=4: unknown key 'Adc'; did you mean 'adc'?"),
        (["adc.Bits=4"], "--set adc.Bits=4: unknown key 'adc.Bits'; did you mean 'adc.bits'?"),
        (
            ["technology.node_nm=55"],
            "--set technology.node_nm=55: technology.node_nm: must be one of 130, 90, 65, 45, 40",
        ),
        (
            ["chip.crossbar_budget=50"],
            "--set chip.crossbar_budget=50: arch/imc.yaml:10: chip.crossbar_budget: bounds the copies that",
        ),
    ],
)
def test_the_override_at_fault_is_named(settings, message):
    with pytest.raises(ArchitectureError) as caught:
        api.components(api.load_architecture("imc", settings))
    before, _, after = message.partition("arch/")
    assert str(caught.value).startswith(before)
    assert after in str(caught.value)


def test_no_node_that_is_offered_is_refused():
    """All have memories, logic and wires; some are too slow for the clock of another."""
    with pytest.raises(ArchitectureError) as caught:
        api.load_architecture("imc", ["technology.node_nm=55"])
    offered = str(caught.value).split("must be one of ")[1].split(" nm")[0].split(", ")
    assert len(offered) >= 5
    for node in offered:
        api.components(api.load_architecture("digital", ["clock.frequency_mhz=50", f"technology.node_nm={node}"]))


def test_a_file_cannot_change_the_machine_of_the_one_it_extends(tmp_path):
    child = tmp_path / "child.yaml"
    child.write_text("extends: imc\nmachine: digital\n")
    with pytest.raises(
        ArchitectureError, match=r"child\.yaml:2: machine: this file extends .*imc\.yaml, whose machine"
    ):
        api.load_architecture(child)
    child.write_text("extends: imc\nmachine: imc\n")
    api.load_architecture(child)


@pytest.mark.parametrize("kind", ["x", "ANN", ""])
def test_baselines_that_there_are_not_are_refused(kind):
    with pytest.raises(UsageError, match=r"^baselines: wanted ann or qann, got '"):
        report("digital", chain(), baselines=[kind])


def test_more_cores_than_layers_are_refused():
    trace = FAMILY["ttfs"].trace("perceptron")
    layers = len(trace.network.weighted())
    report("ttfs", trace, f"cores={layers}")
    with pytest.raises(ArchitectureError, match=rf"cores: {layers} layers have weights, so at most as many"):
        report("ttfs", trace, f"cores={layers + 1}")


def test_a_memory_holds_a_word():
    sram = {"source": "test", "port_bits": 128, "ports": "1rw", "law": "cacti"}
    Sram.model_validate(sram | {"capacity_kib": 0.015625})
    with pytest.raises(ValidationError, match="at least one word"):
        Sram.model_validate(sram | {"capacity_kib": 0.0156})


def test_one_recorded_sample_has_no_standard_error():
    one, two = (report("imc", chain(), samples=n).run("static") for n in (1, 2))
    for figure in ("energy_pj", "latency_ns", "edp_pj_ns", "edp_of_means_pj_ns", "timesteps"):
        assert getattr(one, figure).standard_error is None
        assert getattr(two, figure).standard_error is not None


def test_a_count_times_its_price_is_its_energy_in_every_row():
    for design in ("imc", "digital", "digital_compute", "imc_spikesim"):
        architecture = api.load_architecture(design)
        found = report(design, chain())
        parts = api.components(architecture)
        rows = csv.DictReader(io.StringIO(to_csv(found)))
        for row in rows:
            if row["action"] == "leakage":
                continue
            price = parts[row["component"]].actions[row["action"]]
            assert float(row["count"]) * price.value == pytest.approx(float(row["energy_pj"]), rel=1e-12, abs=1e-300)


def test_accumulates_are_counted_whole():
    """Depthwise spikes reach fractions of their fan-out by the published equation: 220.5 accumulates at 0.9 pJ."""
    trace = hwsim.load_trace(Path(__file__).resolve().parents[1] / "cases" / "dw.npz")
    (row,) = [
        row
        for row in report("digital_compute", trace).run("static").rows
        if (row.layer, row.component, row.action) == ("dw", "ac", "add")
    ]
    assert row.count == 220.5
    assert row.energy_pj == pytest.approx(198.45, rel=1e-12)


def test_an_equation_of_energy_has_no_time(tmp_path):
    found = report("digital_compute", chain(), baselines=["ann"])
    run, base = found.run("static"), found.baselines[0]
    for each in (run, base):
        known = (each.latency_ns, each.edp_pj_ns, each.edp_of_means_pj_ns, each.latency_percentiles_ns, each.power_uw)
        assert known == (None,) * 5
        assert (each.makespan_ns, each.one_at_a_time_per_s, each.pipelined_per_s) == (None, None, None)
        assert each.samples.latency_ns == []
    (ratio,) = found.baseline_ratios
    assert (ratio.latency, ratio.edp) == (None, None) and ratio.energy.value > 0
    file = tmp_path / "t.npz"
    write_trace(file, chain())
    printed = CliRunner().invoke(main, ["simulate", "digital_compute", str(file), "--baseline", "ann", "--full"])
    assert all(word not in printed.stdout for word in ("latency", "EDP", "rate,"))
    figures, ratios = hwsim.simulate("digital_compute", file, baselines=["ann"]).to_table().split("\nratio")
    assert re.search(r"latency, EDP +not modelled", figures) and "EDP, " not in figures and "ann / static" in ratios


def test_the_rate_of_a_full_pipeline_is_that_of_its_busiest_unit():
    found = report("imc", chain()).run("static")
    clock_hz = 1e6 * api.load_architecture("imc").spec.clock.frequency_mhz
    busiest = max(found.stages, key=lambda stage: stage.busy_cycles)
    assert found.busiest == busiest.stage
    assert found.pipelined_per_s == pytest.approx(clock_hz / busiest.busy_cycles, rel=1e-12)
    assert found.one_at_a_time_per_s == pytest.approx(1e9 / found.makespan_ns, rel=1e-12)
    assert found.pipelined_per_s > found.one_at_a_time_per_s


def test_samples_in_a_stream_come_faster_than_one_by_one_and_no_faster_than_the_busiest_unit():
    trace = FAMILY["ttfs"].trace("perceptron", samples=24)
    found = report("ttfs", trace, "operating.stream=true", "cores=2")
    alone, stream = found.run("static"), found.run("stream")
    assert stream.one_at_a_time_per_s is None
    assert alone.one_at_a_time_per_s < stream.pipelined_per_s <= alone.pipelined_per_s
    assert stream.makespan_ns == pytest.approx(1e9 / stream.pipelined_per_s, rel=1e-12)


def test_machines_whose_samples_cannot_overlap_have_no_such_rate():
    assert report("digital", chain()).run("static").pipelined_per_s is None


@pytest.mark.parametrize("timesteps", [1, 8, 9, 100, 1000])
def test_energy_by_timestep_fits_a_terminal_at_any_number_of_them(timesteps, tmp_path):
    trace = synthesize("mlp:6-5-3", timesteps=timesteps, samples=1, rate=0.3, seed=4)
    file = tmp_path / "t.npz"
    write_trace(file, trace)
    lines = CliRunner().invoke(main, ["simulate", "digital", str(file), "--full"]).stdout.splitlines()
    if timesteps == 1:
        assert not [line for line in lines if line.startswith("Energy by timestep")]
        return
    start = next(i for i, line in enumerate(lines) if line.startswith("Energy by timestep"))
    head, values = lines[start + 1], lines[start + 2]
    assert len(head) <= 100
    columns = head.split("  ")
    assert len([column for column in columns if column.strip()]) == min(timesteps, 8)
    # The ranges cover every timestep once, and their energies are all of the energy.
    names = [column.strip() for column in columns if column.strip()]
    bounds = [tuple(int(n) for n in name.replace("t = ", "").split(" to ")) for name in names]
    covered = [t for bound in bounds for t in range(bound[0], bound[-1] + 1)]
    assert covered == list(range(1, timesteps + 1))
    assert values.startswith("static")


def test_ranges_of_timesteps_add_up_to_the_whole():
    found = report("digital", synthesize("mlp:6-5-3", timesteps=30, samples=2, rate=0.3, seed=4)).run("static")
    assert np.sum(found.energy_by_timestep_pj) == pytest.approx(found.energy_pj.value, rel=1e-12)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (("early_exit.threshold=never",), "early_exit.threshold is never"),
        (("early_exit.threshold=always",), "early_exit.threshold is always"),
        ((), "early_exit.threshold is calibrated, and the trace has no logits 'calibration' of held-out samples"),
    ],
)
def test_early_exit_that_did_not_run_says_why_in_one_line(settings, why, tmp_path):
    assert report("imc", chain(), *settings).no_early_exit.startswith(why)
    file = tmp_path / "t.npz"
    write_trace(file, chain())
    command = ["simulate", "imc", str(file), *(word for setting in settings for word in ("--set", setting))]
    printed = " ".join(CliRunner().invoke(main, command).stdout.split())
    assert f"no early exit: {why}" in printed


def test_early_exit_that_ran_needs_no_reason():
    assert report("imc", chain(), "early_exit.threshold=0.5").no_early_exit == ""
    assert report("digital", chain()).no_early_exit == ""


def test_foreign_files_and_layers_are_told_as_what_they_are(tmp_path):
    foreign = tmp_path / "x.npz"
    np.savez(foreign, x_train=np.zeros(3), y_train=np.zeros(3))
    result = CliRunner().invoke(main, ["trace", "info", str(foreign)])
    assert result.exit_code == 2
    assert "is no trace: a trace has an array 'manifest'" in result.stderr
    assert "found x_train, y_train" in result.stderr
