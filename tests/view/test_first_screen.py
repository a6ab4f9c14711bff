"""The first screen: at most 45 lines, no wider than the terminal, nothing cut without dots, and what it says is so."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache

import pytest
from accelerators.imc.cases import PLAIN
from contract.families import TRACES, recorded
from numba import config

import hwsim
from hwsim import api, engine
from hwsim.contract.run import RunName
from hwsim.designs import machine_of
from hwsim.traces.direct.synth import synthesize
from hwsim.traces.slicing import first
from hwsim.view.terminal.summary import MOST_LINES, text_of, verdict_lines
from hwsim.view.terminal.summary_parts import MOST_ROWS

compiled = pytest.mark.skipif(config.DISABLE_JIT, reason="minutes in interpreted kernels")
WIDTHS = (80, 100, 160)
RUNS_AND_BASELINES = {"early_exit.overlap": True, "accumulator.bits": 24}


def few(path):
    """The first samples of a shipped trace."""
    trace = api.load_trace(path)
    return first(trace, min(3, trace.n_samples))


def check_form(report, advice=()):
    for width in WIDTHS:
        lines = text_of(report, width, advice).splitlines()
        assert len(lines) <= MOST_LINES
        assert max(map(len, lines)) <= width
        assert "…" not in "".join(lines)


@compiled
@pytest.mark.parametrize(("design", "path"), recorded(), ids=lambda each: getattr(each, "stem", each))
def test_every_design_on_every_shipped_trace_keeps_to_the_form(design, path):
    architecture, trace = api.load_architecture(design), few(path)
    check_form(api.simulate(architecture, trace), hwsim.advise(architecture, trace))


@compiled
@pytest.mark.parametrize(
    ("design", "geometry", "timesteps"),
    [
        ("imc", "vgg16-cifar", 4),
        ("digital", "vgg16-cifar", 4),
        ("digital", "vgg16-imagenet", 1),
        ("imc", "resnet19-cifar", 2),
        ("digital", "mlp:20-12-10", 1000),
        ("imc", "mlp:20-12-10", 1000),
    ],
)
def test_large_networks_and_many_timesteps_keep_to_the_form(design, geometry, timesteps):
    trace = synthesize(geometry, timesteps=timesteps, samples=1, rate=0.1, seed=3)
    check_form(hwsim.simulate(design, trace), hwsim.advise(design, trace))


@cache
def five_runs():
    return hwsim.simulate("imc", "example", set=RUNS_AND_BASELINES, samples=4, baselines=["ann", "qann"])


@compiled
def test_five_runs_keep_to_the_form_and_what_is_left_out_is_named():
    check_form(five_runs())
    narrow, wide = text_of(five_runs(), 80), text_of(five_runs(), 160)
    assert "too narrow for early exit" in narrow and "too narrow" not in wide
    for run in ("static", "early exit", "overlapped", "ann", "qann"):
        assert re.search(rf"^per inference.* {run}\b", wide, re.MULTILINE)


def numbers(line):
    return [float(n) for n in re.findall(r"[-+]?\d+(?:\.\d+)?(?:e[-+]\d+)?", line)]


@cache
def shown():
    report = hwsim.simulate(PLAIN, "example", samples=4)  # one stage limits it from the first timestep on
    return report, text_of(report, 120).splitlines()


def line_of(start, lines):
    (found,) = [line for line in lines if line.startswith(start)]
    return found


@compiled
def test_figures_are_those_of_the_report():
    report, lines = shown()
    for label, field, scale in (("energy, uJ", "energy_pj", 1e-6), ("latency, us", "latency_ns", 1e-3)):
        line = line_of(label, lines).removeprefix(label)
        for (value, error), run in zip(re.findall(r"(\S+) ± (\S+)", line), report.runs, strict=True):
            figure = getattr(run, field)
            assert float(value) == pytest.approx(figure.value * scale, rel=1e-3)
            assert float(error) == pytest.approx(figure.standard_error * scale, rel=0.1)
    allowed = next(line for line in lines if line.startswith("  prices allow"))
    energies = [bound * 1e-6 for run in report.runs for bound in (run.energy_pj.low, run.energy_pj.high)]
    assert numbers(allowed) == pytest.approx(energies, rel=1e-2)
    ratio = report.comparisons[0]
    assert numbers(line_of("early exit / static", lines))[::2] == pytest.approx(
        [ratio.energy.value, ratio.latency.value, ratio.edp.value], rel=1e-3
    )


@compiled
def test_the_verdict_is_what_the_tables_say():
    report, lines = shown()
    run = report.runs[-1]
    busy = {stage.stage: stage.busy_cycles for stage in run.stages}
    limit = line_of("limit", lines)
    assert run.bottleneck.unit in limit
    # Stages are of samples that run to their end; whoever limits there limits early exit as well.
    assert run.bottleneck.unit == max(busy, key=busy.get)
    assert f"{100 * run.bottleneck.busy_share:.1f} %" in limit
    by_component = {}
    for row in run.rows:
        by_component[row.component] = by_component.get(row.component, 0.0) + row.energy_pj
    largest = sorted(by_component, key=by_component.get, reverse=True)
    energy = line_of("energy ", lines)
    shares = re.findall(r"(\w+) ([\d.]+) %(?: \(leakage ([\d.]+) %\))?", energy.removeprefix("energy"))
    assert [name for name, *_ in shares] == largest[:3]
    for name, share, leaks in shares:
        assert float(share) == pytest.approx(100 * by_component[name] / run.energy_pj.value, abs=0.06)
        leaked = sum(row.energy_pj for row in run.rows if (row.component, row.action) == (name, "leakage"))
        assert (leaked > by_component[name] / 2) == bool(leaks)
        assert not leaks or float(leaks) == pytest.approx(100 * leaked / run.energy_pj.value, abs=0.06)
    gated = sum(row.energy_pj for row in run.rows if (row.component, row.action) == ("clock", "cycle"))
    leaked = sum(row.energy_pj for row in run.rows if row.action == "leakage")
    assert numbers(line_of("idle", lines))[0] == pytest.approx(100 * (gated + leaked) / run.energy_pj.value, abs=0.06)


@compiled
def test_a_network_that_does_not_work_on_this_hardware_is_said_to():
    trace = api.load_trace(TRACES / "fashion_dietsnn.npz")
    for settings, works in (({}, True), ({"adc.bits": 4}, False)):
        report = hwsim.simulate("imc", first(trace, 2), set=settings, accuracy_samples=64)
        lines = [line for line in text_of(report).splitlines() if "does not work on this hardware" in line]
        assert bool(lines) != works
        known = report.run("early exit").hardware_accuracy
        if not works:
            assert numbers(lines[0]) == pytest.approx(
                [100 * known.accuracy, 100 * (known.accuracy - known.difference)], abs=0.06
            )


@compiled
def test_where_products_are_not_that_of_the_means_both_stand_there():
    report, lines = shown()
    line = next(line for line in lines if line.startswith("  energy x latency"))
    wanted = [run.energy_pj.value * run.latency_ns.value * 1e-12 for run in report.runs]
    assert numbers(line) == pytest.approx(wanted, rel=1e-3)
    assert not any("energy x latency" in line for line in text_of(hwsim.simulate("digital", "example")).splitlines())


def test_what_is_not_modelled_is_no_zero():
    text = text_of(hwsim.simulate("digital_compute", "example"))
    assert re.search(r"^latency, EDP +not modelled$", text, re.MULTILINE)
    assert "area not modelled; leakage not modelled" in text and "idle" not in text


@compiled
def test_a_unit_of_several_layers_is_named_in_whole_and_fits_any_terminal():
    report = hwsim.simulate("imc", "example", samples=2, accuracy_samples=0)
    unit, busy = max(((row.unit, row.busy_share) for row in report.runs[0].units), key=lambda each: each[1])
    assert " of " in unit and ", " in unit
    report = replace(report, runs=report.runs[:1], comparisons=[])
    for width in (80, 100):
        limit = line_of("limit", text_of(report, width).splitlines()).split()
        assert " ".join(limit).startswith(f"limit {unit}: busy {100 * busy:.1f} %")
        assert ("time;" in limit) == (width == 100)
    for room in (60, 52):
        (text,) = (text for label, text in verdict_lines(report.runs[0], room) if label == "limit")
        assert len(text) <= room and re.match(r"neurons of (conv1 and 2 more|3 layers): busy ", text)


@compiled
def test_nothing_is_full_where_the_busiest_is_not():
    for design, full in (("imc", True), ("digital", False)):
        report = hwsim.simulate(design, "example", accuracy_samples=0)
        assert (report.bottleneck.busy_share >= 0.6) == full
        assert ("nothing is full" in text_of(report)) != full


@compiled
def test_parts_are_the_eight_largest_and_all_others_together():
    _, lines = shown()
    start = next(i for i, line in enumerate(lines) if line.startswith("component"))
    rows = lines[start + 1 : start + 2 + MOST_ROWS]
    assert rows[-1].startswith("the rest")
    shares = [float(re.search(r"(\d+\.\d) %", row).group(1)) for row in rows]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert shares[:-1] == sorted(shares[:-1], reverse=True)


@compiled
def test_layers_begin_and_end_as_the_engine_played_them():
    """Of one sample by the reference engine: the first start and the last done of the layer's jobs."""
    trace = first(api.load_example(), 1)
    architecture = api.load_architecture("imc")
    run = api.simulate(architecture, trace).run("static")
    (batch,) = list(machine_of(architecture).lower(trace).batches)
    (schedule,) = batch.schedules[RunName.STATIC]
    timeline, ns = engine.run(schedule, "simpy"), 1e3 / architecture.spec.clock.frequency_mhz
    for row in run.layers:
        stages = [stage.name for stage in schedule.stages if stage.layer == row.layer]
        if not stages:
            assert (row.begin_ns, row.end_ns) == (None, None)
            continue
        assert row.begin_ns == pytest.approx(ns * min(timeline.start[name].min() for name in stages))
        assert row.end_ns == pytest.approx(ns * max(timeline.done[name].max() for name in stages))


@compiled
def test_learning_and_inference_stand_side_by_side():
    report = hwsim.simulate("stdp", TRACES / "mnist_stdp.npz", samples=3)
    text = text_of(report, 80)
    for words in ("limit, train", "limit, infer", "idle, infer", "train, uJ", "infer, uJ"):
        assert words in text
