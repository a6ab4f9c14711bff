"""Advice was computed: each printed gain is that of simulating the printed line on all samples."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from accelerators.imc.cases import PLAIN
from click.testing import CliRunner
from contract.families import TRACES
from numba import config

import hwsim
from hwsim import accelerators, api
from hwsim.advice import LEAST_GAIN, limits_of
from hwsim.cli import main
from hwsim.traces.slicing import first

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="minutes in interpreted kernels")
PLAYED = (
    ("imc", "fashion_dietsnn"),
    ("imc_isaac", "fashion_dietsnn"),
    ("imc_sram", "mnist_dietsnn"),
    ("imc_spikesim", "mnist_dietsnn"),
    ("digital", "fashion_dietsnn"),
    ("digital_compute", "fashion_dietsnn"),
    ("ttfs", "mnist_ttfs"),
    ("lstm", "keywords_lstm"),
    ("stdp", "mnist_stdp"),
)


@cache
def trace_of(name):
    trace = api.load_trace(TRACES / f"{name}.npz")
    return first(trace, min(trace.n_samples, 64))


@cache
def advice_of(design, name):
    return hwsim.advise(design, trace_of(name))


def ratios(new, old):
    place = 0 if old.runs[0].name.learns else -1
    fields = ("energy_pj", "latency_ns", "edp_pj_ns")
    pairs = [(getattr(new.runs[place], field), getattr(old.runs[place], field)) for field in fields]
    return [None if above is None else above.value / below.value for above, below in pairs]


@pytest.mark.parametrize(("design", "name"), PLAYED)
def test_gains_are_those_of_the_line_on_all_samples(design, name):
    before = hwsim.simulate(design, trace_of(name), accuracy_samples=0)
    for advice in advice_of(design, name):
        after = hwsim.simulate(design, trace_of(name), set=advice.settings, accuracy_samples=0)
        energy, latency, edp = ratios(after, before)
        assert advice.energy == pytest.approx(energy, rel=0.05)
        assert advice.latency == (None if latency is None else pytest.approx(latency, rel=0.05))
        assert advice.edp == (None if edp is None else pytest.approx(edp, rel=0.1))  # a product of two
        areas = after.area_mm2.value, before.area_mm2.value
        assert advice.area == (pytest.approx(areas[0] / areas[1]) if areas[1] else 1)
        assert min(advice.energy, advice.latency or 1) <= 1 - LEAST_GAIN


TUNED = ("imc_sram",)  # chosen by `hwsim tune` over what advice offers: nothing may be left


@pytest.mark.parametrize(("design", "name"), PLAYED)
def test_every_machine_has_something_to_offer_in_order(design, name):
    found = advice_of(design, name)
    assert found or design in TUNED
    assert [each.merit for each in found] == sorted(each.merit for each in found)
    assert len({each.what for each in found}) == len(found)


def results(design, settings, trace):
    """Everything that a design decides: its own spikes and logits, or what it learned."""
    architecture = api.load_architecture(design, settings)
    machine = accelerators.machine(architecture.machine)(architecture.spec).sized_for(trace)
    if machine.decides(trace) == "in its own way":
        run = machine.functional(trace, 16).trace
        recorded = run.spikes if hasattr(run, "spikes") else run.times
        return [np.asarray(getattr(each, "words", each)) for each in recorded.values()]
    report = api.simulate(architecture, trace)
    return [np.asarray([run.accuracy or 0.0 for run in report.runs]), np.asarray(list(report.spike_rates.values()))]


@pytest.mark.parametrize(("design", "name"), PLAYED)
def test_no_lever_of_a_machine_changes_a_result(design, name):
    """Every step of every lever that can be built, offered for what limits, not only what was found to help."""
    trace = first(trace_of(name), 4)
    architecture = api.load_architecture(design)
    machine = accelerators.machine(architecture.machine)(architecture.spec).sized_for(trace)
    limits = limits_of(api.simulate(architecture, trace, accuracy_samples=0))
    before, tried = results(design, (), trace), 0
    for lever in machine.levers(trace, limits):
        for setting in lever.settings[:2]:
            try:
                after = results(design, setting, trace)
            except hwsim.HwsimError:
                continue
            tried += 1
            for mine, theirs in zip(after, before, strict=True):
                np.testing.assert_array_equal(mine, theirs, err_msg=str(setting))
    assert tried


def test_the_command_prints_lines_that_can_be_repeated():
    printed = CliRunner().invoke(main, ["simulate", str(PLAIN), "example", "--accuracy-samples", "0"]).stdout
    lines = printed.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("what would help"))
    assert lines[start + 1].startswith("first layer digital: energy 0.")
    assert lines[start + 2] == "  --set direct_input=digital  # was every_step"
    none = (
        CliRunner().invoke(main, ["simulate", str(PLAIN), "example", "--accuracy-samples", "0", "--no-advice"]).stdout
    )
    assert "what would help" not in none and none == "\n".join(lines[: start - 1]) + "\n"


def test_advice_is_the_same_for_any_number_of_processes():
    printed = {
        CliRunner().invoke(main, ["simulate", "imc", "example", "--accuracy-samples", "0", "--jobs", jobs]).stdout
        for jobs in ("1", "2")
    }
    assert len(printed) == 1


def test_a_sample_that_is_more_work_than_is_spent_unasked_has_none(monkeypatch):
    from hwsim import advice

    monkeypatch.setattr(advice, "JOBS", 16)
    assert hwsim.advise("imc", "example") == []
