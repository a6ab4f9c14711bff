"""Rows are what full reports say, whatever was kept before and wherever they are made."""

from __future__ import annotations

import pytest
from accelerators.imc.cases import PLAIN
from contract.families import family_of
from sweeps.cases import alone, of_the_point, report_of, space

from hwsim import accelerators, api, sweep
from hwsim.arch.reads import computed_anew
from hwsim.run.kept_play import PLAYED
from hwsim.sweep.accuracy import COMPUTED
from hwsim.sweep.row import figures_of
from hwsim.sweep.space import Asked

MACHINES = {  # keys whose values change prices, times, structure and exits
    "imc": ("clock.network.gated_fraction=0.5", "neuron.cycles=20", "chip.pes_per_tile=4", "early_exit.threshold=0.4"),
    "digital": ("clock.network.gated_fraction=0.5", "neuron.cycles=20", "array.rows=20"),
    "ttfs": ("clock.network.gated_fraction=0.5",),
    "lstm": ("clock.network.gated_fraction=0.5",),
    "stdp": ("clock.network.gated_fraction=0.5",),
}


def said(report, run):
    """The columns of a row, from a report."""
    found = report.run(run)
    timed = found.latency_ns is not None
    return {
        "run": run,
        "energy_pj": found.energy_pj.value,
        "energy_low_pj": found.energy_pj.low,
        "energy_high_pj": found.energy_pj.high,
        "latency_ns": found.latency_ns.value if timed else None,
        "edp_pj_ns": found.edp_pj_ns.value if timed else None,
        "edp_low_pj_ns": found.edp_pj_ns.low if timed else None,
        "edp_high_pj_ns": found.edp_pj_ns.high if timed else None,
        "area_mm2": report.area_mm2.value,
        "leakage_uw": report.leakage_uw.value,
        "standing_share": (found.clock_pj.value + found.leakage_pj.value) / found.energy_pj.value,
        "timesteps": found.timesteps.value,
    }


@pytest.mark.parametrize("machine", MACHINES)
def test_figures_are_those_of_a_full_report_to_the_last_bit(machine):
    base = api.load_architecture(machine)
    family = family_of(base)
    trace = family.trace(next(iter(family.networks)), 0.2)
    for setting in ("", *MACHINES[machine], "", *MACHINES[machine]):
        design = api.load_architecture(base, [setting] if setting else [])
        report = api.simulate(design, trace, accuracy_samples=0)
        for run in (None, report.runs[0].name):
            found = figures_of(design, trace, Asked(run=run))
            wanted = said(report, run or report.runs[-1].name)
            assert {name: found[name] for name in wanted} == wanted, setting


def test_machines_are_all_looked_at():
    assert set(MACHINES) == set(accelerators.names())


def test_a_sweep_has_the_figures_of_every_point(tmp_path):
    where = space(tmp_path)
    rows = sweep.sweep(where, tmp_path / "out.jsonl", alone())
    assert len(rows) == len(where) == 1 + 3 * 3 * 4
    for row in rows:
        assert row["error"] is None
        report = report_of(where, row)
        wanted = said(report, report.runs[-1].name)
        assert {name: row[name] for name in wanted} == wanted


def test_points_that_cannot_be_are_rows_with_their_reason(tmp_path):
    axes = ("adc.bits=8,99", "chip.crossbar_budget=4,100", "loop_order=timestep_outer,layer_outer")
    where = space(tmp_path, *axes, designs=(PLAIN,), overrides=("chip.replicate=auto", "chip.tiles=1"))
    rows = sweep.sweep(where, tmp_path / "out.jsonl", alone())
    reasons = {row["settings"]: row["error"] for row in rows}
    assert [r for r in reasons.values() if r is None]
    assert reasons["adc.bits=99 chip.crossbar_budget=4 loop_order=timestep_outer"].startswith(
        "--set adc.bits=99: adc.bits:"
    )
    assert "early_exit.threshold must be never" in reasons["adc.bits=8 chip.crossbar_budget=4 loop_order=layer_outer"]
    assert all("\n" not in reason for reason in reasons.values() if reason)
    assert all(row["energy_pj"] is None for row in rows if row["error"])


def test_settings_that_are_a_design_only_together_are_found(tmp_path):
    """Each alone is refused, so that no design can be made of one after the other."""
    where = space(tmp_path, "chip.replicate=none,auto", "chip.crossbar_budget=50,60")
    rows = sweep.sweep(where, tmp_path / "out.jsonl", alone())
    assert [row["error"] is None for row in rows] == [True, False, False, True, True]


@pytest.mark.parametrize(
    ("key", "values", "plays"),
    [
        ("clock.network.gated_fraction", "lin(0.5,0.9,6)", 1),
        ("early_exit.threshold", "log(0.1,0.9,6)", 1),
        ("neuron.cycles", "10:15", 6),
        ("chip.pes_per_tile", "4:9", 6),
    ],
)
def test_only_what_an_axis_changes_is_done_again(tmp_path, key, values, plays):
    where = space(tmp_path, f"{key}={values}", overrides=("early_exit.threshold=0.5",))
    before = computed_anew.copy()
    sweep.sweep(where, tmp_path / "out.jsonl", alone())
    assert computed_anew[PLAYED] - before[PLAYED] <= plays + 1
    assert computed_anew[PLAYED] - before[PLAYED] >= plays


def test_axes_are_ordered_by_what_they_leave(tmp_path):
    """Prices vary fastest whatever the order of options, so that each structure is laid out and played once."""
    structure, price = "chip.pes_per_tile=4:7", "clock.network.gated_fraction=lin(0.5,0.9,5)"
    for axes in ((structure, price), (price, structure)):
        before = computed_anew[PLAYED]
        sweep.sweep(space(tmp_path, *axes), tmp_path / f"{axes[0][:4]}.jsonl", alone())
        assert computed_anew[PLAYED] - before <= 4 + 2


def test_accuracy_is_of_the_machine_on_every_raw_input(tmp_path):
    trace = api.load_trace("traces/mnist_dietsnn.npz")
    for setting in ("adc.bits=8", "adc.bits=6"):
        design = api.load_architecture("imc", [setting])
        found = figures_of(design, trace, Asked(samples=2, accuracy=True, accuracy_samples=60))
        report = api.simulate(design, trace, samples=2, accuracy_samples=60)
        assert found["accuracy"] == report.runs[-1].hardware_accuracy.accuracy
        assert figures_of(design, trace, Asked(samples=2)).get("accuracy") is None


def test_accuracy_is_computed_once_for_what_it_depends_on():
    trace = api.load_trace("traces/mnist_dietsnn.npz")
    asked = Asked(samples=2, accuracy=True, accuracy_samples=20)
    before, found = computed_anew[COMPUTED], []
    for setting in ("adc.bits=8", "neuron.cycles=12", "clock.network.gated_fraction=0.5", "chip.pes_per_tile=4"):
        found.append(figures_of(api.load_architecture("imc", [setting]), trace, asked)["accuracy"])
    assert computed_anew[COMPUTED] - before == 1
    assert len(set(found)) == 1
    figures_of(api.load_architecture("imc", ["adc.bits=5"]), trace, asked)
    assert computed_anew[COMPUTED] - before == 2


def test_a_machine_that_is_exact_has_the_accuracy_of_the_network():
    trace = api.load_trace("traces/mnist_dietsnn.npz")
    design = api.load_architecture("digital")
    report = api.simulate(design, trace, samples=2)
    assert figures_of(design, trace, Asked(samples=2))["accuracy"] == report.runs[-1].accuracy


def test_a_run_is_chosen_by_name(tmp_path):
    where = space(tmp_path, "adc.bits=7,8", run="static")
    rows = sweep.sweep(where, tmp_path / "static.jsonl", alone())
    assert {row["run"] for row in rows} == {"static"}
    where = space(tmp_path, "adc.bits=7,8", run="statics")
    rows = sweep.sweep(where, tmp_path / "none.jsonl", alone())
    assert {row["error"] for row in rows} == {"run: there is no run 'statics', only static"}


def test_rows_are_the_same_from_any_number_of_processes(tmp_path):
    where = space(tmp_path, draws=3)
    one = sweep.sweep(where, tmp_path / "one.jsonl", alone())
    two = sweep.sweep(where, tmp_path / "two.jsonl", sweep.Where(jobs=2))
    assert of_the_point(one) == of_the_point(two)


@pytest.mark.parametrize("machine", ["imc", "ttfs", "lstm"])
def test_rows_have_the_period_and_the_stream_that_a_design_asks_for(machine):
    family = family_of(api.load_architecture(machine))
    trace = family.trace(next(iter(family.networks)), 0.2)
    none = dict.fromkeys(("period_energy_pj", "period_power_uw", "stream_per_s"))
    for settings in ((), ("operating.period_ns=1e9",), ("operating.stream=true",)):
        design = api.load_architecture(machine, settings)
        report, found = api.simulate(design, trace, accuracy_samples=0), figures_of(design, trace, Asked())
        last = report.runs[-1]
        wanted = dict(none)
        if last.period is not None:
            wanted |= {"period_energy_pj": last.period.energy_pj.value, "period_power_uw": last.period.power_uw.value}
        if "operating.stream=true" in settings:
            wanted["stream_per_s"] = pytest.approx(report.run("stream").pipelined_per_s, rel=1e-12)
        assert {**none, **{name: found[name] for name in none if name in found}} == wanted


def test_periods_are_only_priced_anew(tmp_path):
    where = space(tmp_path, "operating.period_ns=1e8,1e9,1e10")
    before = computed_anew[PLAYED]
    as_it_stands, *rows = sweep.sweep(where, tmp_path / "out.jsonl", alone())
    assert computed_anew[PLAYED] - before <= 1
    assert as_it_stands["period_energy_pj"] is None
    energies = [row["period_energy_pj"] for row in rows]
    assert energies == sorted(energies) and energies[0] < energies[-1]
    assert len({row["energy_pj"] for row in rows}) == 1
