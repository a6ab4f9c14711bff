"""Whose accuracy a report prints: that of the machine's own arithmetic beside the exact network's, never mixed."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accelerators.imc import cases
from accelerators.imc.functional_cases import live_trace
from click.testing import CliRunner
from numba import config

import hwsim
from hwsim.accelerators.imc import Machine
from hwsim.accelerators.imc.exit.uncertainty import exit_timesteps, uncertainty
from hwsim.cli import main
from hwsim.contract.judged import OPERATIONS, Judged, samples_to_judge
from hwsim.errors import UsageError
from hwsim.report.judgement import judge
from hwsim.traces.accuracy import fraction_error
from hwsim.traces.direct.synth import synthesize

TRACES = Path(__file__).resolve().parents[2] / "traces"
compiled = pytest.mark.skipif(config.DISABLE_JIT, reason="minutes without the compiler")


def simulated(trace, *overrides, **options):
    return hwsim.simulate(hwsim.load_architecture("imc", overrides), trace, **options)


@compiled
def test_a_converter_of_four_bits_loses_the_network_and_the_first_screen_says_so():
    """Ten classes: about 10 % is no better than a guess.  Counts and energies alone would praise the design."""
    command = ["simulate", "imc", str(TRACES / "fashion_dietsnn.npz"), "--set", "adc.bits=4"]
    lines = CliRunner().invoke(main, command).stdout.splitlines()
    (own,) = [line for line in lines if line.startswith("accuracy here, %, n = 128")]
    static, early = (float(part.split()[-1]) for part in own.split(" ±")[:2])
    assert 7 < static < 13
    assert 7 < early < 13
    (less,) = [line for line in lines if line.startswith("  less the exact network's")]
    assert all(float(part.split()[-1]) < -75 for part in less.split(" ±")[:2])


@compiled
@pytest.mark.parametrize(("bits", "percent"), [(4, 10.0), (7, 56.3), (8, 92.6)])
def test_on_every_raw_input_it_is_the_accuracy_of_the_functional_mode(bits, percent):
    trace = hwsim.load_trace(TRACES / "fashion_dietsnn.npz")
    beside = simulated(trace, f"adc.bits={bits}", samples=2, accuracy_samples=1000).run("static")
    own = simulated(trace, f"adc.bits={bits}", samples=2, functional=True)
    assert beside.hardware_accuracy == own.run("static").hardware_accuracy
    assert beside.hardware_accuracy.samples == 1000
    assert 100 * beside.hardware_accuracy.accuracy == pytest.approx(percent, abs=1e-9)
    assert own.run("static").accuracy == beside.hardware_accuracy.accuracy
    assert (own.accuracy_of.whose, beside.accuracy) == ("this hardware", trace.static_accuracy()[0])


def test_the_difference_is_of_pairs():
    here, exact = np.array([1, 1, 0, 0, 1, 0], bool), np.array([1, 0, 1, 0, 1, 1], bool)
    judged = Judged(here, exact)
    assert judged.difference == pytest.approx(-1 / 6)
    gained, lost = 1.5 / 8, 2.5 / 8  # half a sample more in each of the four cells
    assert judged.difference_standard_error == pytest.approx(math.sqrt((gained + lost - (gained - lost) ** 2) / 8))
    assert (judged.accuracy, judged.exact_accuracy) == (3 / 6, 4 / 6)
    assert judged.standard_error == pytest.approx((1 / math.sqrt(1 + 1 / 6)) * math.sqrt(0.25 / 6))
    assert Judged(here[:1], exact[:1]).difference_standard_error is None


def test_errors_of_fractions_are_half_of_wilsons_interval():
    """Its ends are the fractions p whose own deviation, the root of p (1 - p) / n, is their distance."""
    for right, n in ((0, 64), (64, 64), (10, 64), (1, 2), (931, 1000)):
        ends = np.roots([1 + 1 / n, -(2 * right / n + 1 / n), (right / n) ** 2])
        assert fraction_error(right / n, n) == pytest.approx((ends.max() - ends.min()) / 2, rel=1e-9)
    alike = Judged(np.ones(64, bool), np.ones(64, bool))
    assert 0 < alike.difference_standard_error < alike.standard_error * 2


def test_where_samples_leave_early_each_does_by_the_logits_of_its_arithmetic():
    trace = live_trace(cases.chain, samples=2, timesteps=3, extra=30)
    spec = cases.small(adc__bits=4, early_exit__threshold=0.7, devices__conductance_variation=0.6)
    machine = Machine(spec)
    own = machine.functional(trace).trace
    exits = machine.lower(trace).exits
    judged = machine.judge(trace, own, exits)
    for run, wanted in (("static", None), ("early exit", 0.7)):
        right = []
        for side in (own, trace):
            logits = side.logits["test"]
            totals = np.cumsum(logits.values.astype(np.int64), axis=1)
            left = np.full(len(totals), 3)
            if wanted is not None:
                known = uncertainty(totals, logits.scale, spec.early_exit.logits == "mean")
                left = exit_timesteps(known.leaves(spec.early_exit.metric, wanted))
            right.append([totals[i, t - 1].argmax() == logits.labels[i] for i, t in enumerate(left)])
        np.testing.assert_array_equal(judged[run].here, right[0])
        np.testing.assert_array_equal(judged[run].exact, right[1])
    assert (judged["static"].here != judged["static"].exact).any()


def test_raw_inputs_are_run_up_to_bounds_of_work_never_of_time():
    assert samples_to_judge(None, 1000, 1) == 128
    assert samples_to_judge(None, 90, 1) == 90
    assert samples_to_judge(None, 1000, OPERATIONS // 5) == 5
    assert samples_to_judge(None, 1000, OPERATIONS + 1) == 0
    assert samples_to_judge(700, 1000, OPERATIONS) == 700
    assert samples_to_judge(2000, 1000, OPERATIONS) == 1000
    assert samples_to_judge(0, 1000, 1) == 0


def notes(trace, design="imc", **options):
    report = hwsim.simulate(hwsim.load_architecture(design), trace, **options)
    assert report.run("static").hardware_accuracy is None
    return report.accuracy_of.whose, report.accuracy_of.note


def test_what_is_not_known_is_said():
    trace = live_trace(cases.chain, samples=2, timesteps=2, extra=3)
    unknown = "of the exact network; this hardware's is not known: "
    bare = replace(trace, inputs=None)
    workload = Machine(cases.small()).lower(trace)
    assert judge(Machine(cases.small()), bare, workload, None, None)[1].note == unknown + "the trace has no raw inputs"
    assert notes(trace, accuracy_samples=0) == ("exact network", unknown + "no samples were to be run for it")
    assert notes(trace, "digital") == ("both", "this hardware computes what the exact network computes")
    drawn = synthesize("mlp:20-10-5", timesteps=2, samples=2, rate=0.2)
    assert notes(drawn) == ("exact network", "not known: the spikes are synthetic")
    with pytest.raises(UsageError, match=r"^accuracy_samples: must be at least 0, got -1$"):
        simulated(trace, accuracy_samples=-1)


def test_the_number_of_samples_is_reported_and_processes_change_no_byte():
    trace = live_trace(cases.chain, samples=3, timesteps=2, extra=20)
    texts = {simulated(trace, "adc.bits=4", accuracy_samples=9, jobs=jobs).to_json() for jobs in (1, 2)}
    assert len(texts) == 1
    report = simulated(trace, "adc.bits=4", accuracy_samples=9)
    assert report.run("static").hardware_accuracy.samples == 9
    assert "9 of 23 raw inputs" in report.accuracy_of.note


def test_an_exit_curve_says_whose_accuracy_it_is():
    trace = live_trace(cases.chain, samples=2, timesteps=3, extra=5)
    for functional, whose in ((False, "exact network"), (True, "this hardware")):
        report = simulated(trace, "early_exit.threshold=0.5", exit_thresholds=True, functional=functional)
        assert report.exit_curve.accuracy_of == whose
