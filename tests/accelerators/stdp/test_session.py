"""Learning from the command line: phases, what is kept, a run that is killed and goes on, and mistakes in one line."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numba import config
from traces.plastic import cases as plastic_cases

from hwsim.cli import main
from hwsim.traces import read_trace, write_trace
from hwsim.view.terminal.progress import progress_bar

SHIPPED = Path(__file__).resolve().parents[3] / "traces"


@pytest.fixture(scope="module")
def trace_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("traces") / "small.npz"
    write_trace(path, plastic_cases.plastic_trace(n=9))
    return path


def hwsim(*arguments):
    found = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert found.exception is None or isinstance(found.exception, SystemExit), found.exception
    return found


def report(*arguments):
    found = hwsim("simulate", "stdp", *arguments, "--json", "-")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_one_command_learns_and_decides(trace_file):
    found = hwsim("simulate", "stdp", trace_file, "--full")
    assert found.exit_code == 0, found.output
    for text in (
        "train",
        "infer",
        "accuracy",
        "weight updates",
        "weight_memory",
        "held at a limit, all samples: weights at the highest",
    ):
        assert text in found.output


def test_phases_apart_are_phases_together(trace_file, tmp_path):
    both = report(trace_file)
    learned = tmp_path / "learned.npz"
    trained = report(trace_file, "--phase", "train", "--save-trace", learned)
    decided = report(learned, "--phase", "infer")
    assert [run["name"] for run in both["runs"]] == ["train", "infer"]
    assert trained["runs"] == both["runs"][:1]
    assert decided["runs"] == both["runs"][1:]
    assert (both["runs"][0]["accuracy"], trained["runs"][0]["accuracy"]) == (None, None)
    assert len(both["runs"][0]["samples"]["energy_pj"]) == 9
    assert len(both["runs"][1]["samples"]["energy_pj"]) == 3
    assert read_trace(learned).provenance.name == "learned"
    assert "from 9 samples" in hwsim("trace", "info", learned).output
    assert hwsim("trace", "verify", learned).exit_code == 0


def test_what_is_kept_verifies_with_the_machine_s_rest_and_repeats(trace_file, tmp_path):
    for number, settings in enumerate((("rest_steps=5",), ("rest_steps=0", "repeats=0"), ("passes=2",))):
        kept, again = tmp_path / f"{number}.npz", tmp_path / f"{number}-again.npz"
        given = [part for setting in settings for part in ("--set", setting)]
        assert hwsim("simulate", "stdp", trace_file, *given, "--quiet", "--save-trace", kept).exit_code == 0
        verified = hwsim("trace", "verify", kept)
        assert verified.exit_code == 0, verified.output
        # Nothing is left to learn, and what was learned is kept all the same.
        assert hwsim("simulate", "stdp", kept, *given, "--quiet", "--save-trace", again).exit_code == 0
        np.testing.assert_array_equal(read_trace(again).state.weights, read_trace(kept).state.weights)


def test_fewer_samples_and_more_passes(trace_file):
    few = report(trace_file, "--samples", 2, "--set", "passes=3")
    assert [len(run["samples"]["energy_pj"]) for run in few["runs"]] == [6, 2]


@pytest.mark.skipif(config.DISABLE_JIT, reason="what takes a second takes minutes in interpreted kernels")
def test_a_run_that_is_killed_goes_on_to_the_same_weights(tmp_path):
    cells = plastic_cases.neurons(count=100)
    net = plastic_cases.network(None, pixels=300, neuron=cells, learning=plastic_cases.stdp(weight_sum=60.0))
    parts = {name: plastic_cases.part(net, name, n, 3) for name, n in (("train", 1500), ("test", 2))}
    start, kept, rest, whole = (tmp_path / f"{name}.npz" for name in ("start", "kept", "rest", "whole"))
    write_trace(start, plastic_cases.unlearned(net, parts))
    stochastic = ("--set", "weights.rounding=stochastic", "--phase", "train", "--quiet", "--save-trace")
    command = [sys.executable, "-c", "from hwsim.cli import main; main()", "simulate", "stdp", str(start), *stochastic]
    killed = subprocess.Popen([*command, str(kept), "--save-every", "100"])
    try:
        deadline = time.monotonic() + 120
        while not kept.exists() and killed.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
    finally:
        killed.kill()
        killed.wait()
    before = read_trace(kept)
    assert 0 < before.state.samples < 1500, "the run was over before it was killed"
    assert hwsim("simulate", "stdp", kept, *stochastic, rest).exit_code == 0
    assert hwsim("simulate", "stdp", start, *stochastic, whole).exit_code == 0
    resumed, uninterrupted = read_trace(rest), read_trace(whole)
    assert resumed.state.samples == uninterrupted.state.samples == 1500
    np.testing.assert_array_equal(resumed.state.weights, uninterrupted.state.weights)
    np.testing.assert_array_equal(resumed.state.theta, uninterrupted.state.theta)
    np.testing.assert_array_equal(resumed.responses, uninterrupted.responses)
    assert not np.array_equal(before.state.weights, resumed.state.weights)


def test_mistakes_end_in_one_line(trace_file, tmp_path):
    learned = tmp_path / "learned.npz"
    assert hwsim("simulate", "stdp", trace_file, "--phase", "train", "--quiet", "--save-trace", learned).exit_code == 0
    other = SHIPPED / "mnist_ttfs.npz"
    for arguments, message in (
        (("stdp", trace_file, "--phase", "infer"), "has not learned anything"),
        (("stdp", learned, "--phase", "train"), "has learned from 9 samples already"),
        (
            ("stdp_baseline", learned),
            "other settings than the machine's: inhibition.kind direct, the machine has layer, ",
        ),
        (("stdp", learned, "--phase", "infer", "--save-trace", tmp_path / "o.npz"), "--phase: infer learns nothing"),
        (("stdp", trace_file, "--save-trace", "/dev/null"), "/dev/null: cannot be written: is a device"),
        (("stdp", trace_file, "--set", "weights.format=q1.7"), "must be FP32 or a fixed-point format such as Q1.7"),
        (("stdp", trace_file, "--set", "membranes.format=Q4.4"), "v_lowest_mv: wanted a value of Q4.4, found -20"),
        (("stdp", trace_file, "--set", "encoder.bits=16"), "encoder.bits: the trace's coding draws 32 bits"),
        (("stdp", trace_file, "--save-every", 3), "--save-every: needs --save-trace"),
        (("stdp", trace_file, "--save-every", 0), "--save-every"),
        (("stdp", trace_file, "--save-trace", trace_file), "would be overwritten"),
        (("stdp", trace_file, "--timesteps", 4), "--timesteps"),
        (("stdp", trace_file, "--functional"), "--functional: this machine always computes in its own arithmetic"),
        (("stdp", trace_file, "--baseline", "ann"), "--baseline"),
        (("stdp", other), "plays traces of coding plastic"),
        (("ttfs", other, "--phase", "train"), "does not learn"),
        (("ttfs", trace_file), "plays traces of coding ttfs or rate"),
    ):
        found = hwsim("simulate", *arguments)
        assert found.exit_code == 2, arguments
        assert found.stderr.count("\n") == 1
        assert message in found.stderr, found.stderr


def test_the_bar_gives_every_sample_on(capsys):
    assert list(progress_bar(range(3), "learning")) == [0, 1, 2]
    assert list(progress_bar(iter([5, 4]), "learning")) == [5, 4]
    assert capsys.readouterr().out == ""  # standard output is for results
