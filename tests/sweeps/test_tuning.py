"""Tuning: as good as the best of all combinations, within its budget, and each change told with what it bought."""

from __future__ import annotations

import math

import pytest
from accelerators.imc.cases import PLAIN
from sweeps.cases import alone, space, trace_file

from hwsim import api, sweep
from hwsim.errors import HwsimError, UsageError
from hwsim.sweep.pareto import feasible
from hwsim.traces import write_trace
from hwsim.traces.direct.synth import synthesize


@pytest.fixture(scope="module")
def convolutional(tmp_path_factory):
    path = tmp_path_factory.mktemp("tuning") / "conv.npz"
    write_trace(path, synthesize("vgg9-cifar", 2, 1, 0.1, 1))
    return path


def test_it_finds_the_best_of_all_combinations_within_its_budget(tmp_path):
    trace = trace_file(tmp_path)
    axes = ("adc.columns_per_adc=1,2,4,8,16,32", "crossbar.rows=32,64,128", "chip.pes_per_tile=1,2,4,8")
    grid = sweep.sweep(space(tmp_path, *axes), tmp_path / "grid.jsonl", alone())
    third = sorted(row["area_mm2"] for row in grid)[len(grid) // 3]
    bound = sweep.parse_constraint(f"area_mm2 <= {third!r}")
    best = min(feasible(grid, [bound]), key=lambda row: row["edp_pj_ns"])
    tuned = sweep.tune("imc", trace, [bound], vary=axes)
    assert tuned.best["area_mm2"] <= third
    assert tuned.best["edp_pj_ns"] <= best["edp_pj_ns"]
    assert tuned.tried < 2000


def test_its_figures_are_those_of_a_simulation_and_the_changes_lead_there(convolutional):
    bound = sweep.parse_constraint("area_mm2 <= 60")
    tuned = sweep.tune("imc", convolutional, [bound], vary=("chip.crossbars_per_pe=9", "chip.pes_per_tile=8"))
    trace = api.load_trace(convolutional)
    design = tuned.space.designs[0]
    changed = api.load_architecture(design, tuned.space.settings(tuned.space.point(tuned.best["point"])))
    run = api.simulate(changed, trace, accuracy_samples=0).runs[-1]
    assert (run.energy_pj.value, run.edp_pj_ns.value) == (tuned.best["energy_pj"], tuned.best["edp_pj_ns"])
    stands = api.simulate(api.load_architecture("imc"), trace, accuracy_samples=0).runs[-1]
    assert stands.edp_pj_ns.value == tuned.reference["edp_pj_ns"]
    assert tuned.best["edp_pj_ns"] < 0.5 * tuned.reference["edp_pj_ns"]
    assert tuned.changes[-1].after == tuned.best
    assert tuned.changes[0].before["edp_pj_ns"] == tuned.reference["edp_pj_ns"]
    steps = [change.after["edp_pj_ns"] / change.before["edp_pj_ns"] for change in tuned.changes]
    assert math.isclose(math.prod(steps), tuned.best["edp_pj_ns"] / tuned.reference["edp_pj_ns"])


def test_budgets_that_cannot_be_kept_and_machines_without_knobs(tmp_path):
    trace = trace_file(tmp_path)
    with pytest.raises(
        UsageError, match=r"no design that was tried keeps area_mm2 <= 0.001; the nearest has area_mm2 0\."
    ):
        sweep.tune("imc", trace, [sweep.parse_constraint("area_mm2 <= 0.001")])
    with pytest.raises(UsageError, match="a machine 'digital' has no knobs of its own; give some with --vary"):
        sweep.tune("digital", trace, [])
    with pytest.raises(UsageError, match="tune: edp_pj_ns of this design is not known"):
        sweep.tune("digital_compute", trace, [], vary=("clock.frequency_mhz=100,200",))
    for other in ("lstm", "ttfs", "stdp"):
        with pytest.raises(
            UsageError, match=rf"{other}\.yaml: plays traces of coding .*, which machines digital and imc"
        ):
            sweep.tune(other, trace, [], vary=("clock.frequency_mhz=100,200",))
    small = ("chip.tiles=1", "chip.pes_per_tile=1", "chip.crossbars_per_pe=1")
    with pytest.raises(HwsimError, match=r"chip\.tiles: 1 tiles of 1 PEs are too few"):
        sweep.tune(PLAIN, trace, [], overrides=small)
    own = tmp_path / "own.yaml"
    own.write_text("extends: digital\n")
    assert sweep.tune(own, trace, [], vary=("array.rows=4,8",)).space.names == (str(own),)
    tuned = sweep.tune("digital", trace, [], vary=("array.rows=4,8,16,32",))
    assert tuned.best["edp_pj_ns"] <= tuned.reference["edp_pj_ns"]
