"""The command line as a user meets it: what it prints, what it writes, and how it ends on bad input."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys

import pytest
from accelerators.imc.cases import PLAIN
from click.testing import CliRunner

from hwsim.arch import shipped_folder
from hwsim.cli import main
from hwsim.designs import load_architecture
from hwsim.traces import read_trace

WRONG = [
    "x y",
    "[]",
    "{a: 1}",
    "-1e9",
    "'4'",
    "null",
    "1e400",
    ".nan",
    "*a",
    "&a 4",
    "!!str 4",
    "010",
    "1e-3",
    "0",
    "on",
]


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    path = tmp_path_factory.mktemp("traces") / "small.npz"
    result = run("trace", "synth", "mlp:20-12-5", path, "--timesteps", 3, "--samples", 2, "--rate", 0.3, "--seed", 4)
    assert result.exit_code == 0
    return path


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(result):
    """The one line of a command that ended in a user's error."""
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("hwsim: ")
    assert "Traceback" not in line
    return line


def test_help_needs_no_heavy_library():
    """What makes `hwsim --help` fast: nothing that takes long to import is imported."""
    heavy = ("numpy", "numba", "simpy", "pydantic", "rich")
    code = f"import sys, hwsim.cli; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_simulate_prints_what_the_report_holds(trace):
    result = run("simulate", "imc", trace, "--full")
    assert result.exit_code == 0
    for word in (
        "energy",
        "latency",
        "EDP",
        "area",
        "leakage",
        "fc1",
        "starved",
        "membrane",
        "one inference at a time",
    ):
        assert word in result.stdout


def test_a_path_and_a_name_mean_the_same(trace):
    by_name, by_path = (run("simulate", a, trace, "--json", "-").stdout for a in ("imc", shipped_folder() / "imc.yaml"))
    assert json.loads(by_name) == json.loads(by_path)


def test_json_and_csv_files(trace, tmp_path):
    as_json, as_csv = tmp_path / "r.json", tmp_path / "r.csv"
    result = run("simulate", "imc", trace, "--json", as_json, "--csv", as_csv, "--quiet")
    assert (result.exit_code, result.stdout) == (0, "")
    rows = json.loads(as_json.read_text())["runs"][0]["rows"]
    assert len(as_csv.read_text().splitlines()) == 1 + len(rows)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv", "r.json"]


def test_same_inputs_same_bytes(trace):
    first, second = (run("simulate", "imc", trace, "--json", "-").stdout for _ in range(2))
    assert first == second


def test_trace_commands(trace):
    assert "12" in run("trace", "info", trace).stdout
    verified = run("trace", "verify", trace)
    assert (verified.exit_code, "bit for bit" in verified.stdout) == (0, True)


def test_arch_commands():
    listed = run("arch", "list").stdout
    assert "imc" in listed
    assert all(len(line) <= 100 for line in listed.splitlines())
    for name in ("digital", "imc", "imc_spikesim", "stdp_baseline"):
        assert load_architecture(name).spec.description in " ".join(listed.split())
    shown = run("arch", "show", "imc").stdout
    assert "Stillmaker" in shown
    assert "our choice" in shown
    assert "all in order" in run("arch", "check", "imc").stdout
    assert json.loads(run("arch", "schema").stdout)["properties"]["adc"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("imk",), "did you mean 'imc'?"),
        (("imc", "--set", "adc.bit=6"), "did you mean 'adc.bits'?"),
        (("imc", "--set", "adc.bits=12"), "adc: law 'sar' covers 4 to 10 bits, got 12"),
        (("imc", "--set", "adc.bits"), "--set adc.bits"),
        (("imc", "--set", "crossbar.columns=0"), "crossbar.columns: must be at least 1, got 0"),
        (("imc", "--set", "rows_per_read=65"), "rows_per_read must be at most crossbar.rows = 64, got 65"),
        (("imc", "--set", "loop_order=layer_outer"), "early_exit.threshold must be never"),
        (("imc", "--set", "early_exit.threshold=2"), "early_exit.threshold"),
        (("imc", "--set", "neuron.membrane_bits=8"), "neuron.membrane_bits: fc1 needs 24, the machine has 8"),
        (("imc", "--samples", "3"), "must be between 1 and the trace's 2, got 3"),
        (("imc", "--timesteps", "0"), "must be between 1 and the trace's 3, got 0"),
        (("imc", "--json", "no/such/folder/r.json"), "cannot be written"),
    ],
)
def test_errors_say_what_to_do(trace, arguments, said):
    architecture, *options = arguments
    assert said in refused(run("simulate", architecture, trace, *options))


def test_a_chip_that_is_too_small_is_refused_with_the_numbers(trace):
    options = ("--set", "chip.tiles=1", "--set", "chip.pes_per_tile=1", "--set", "chip.crossbars_per_pe=1")
    line = refused(run("simulate", str(PLAIN), trace, *options))
    assert "1 tiles of 1 PEs are too few: the network's 2 crossbars take 2 PEs, so 2 tiles" in line


def test_bad_traces_end_in_one_line_and_write_nothing(trace, tmp_path):
    """The readers' own tests go through a thousand bad files; here the commands that use them."""
    content, broken, out = trace.read_bytes(), tmp_path / "broken.npz", tmp_path / "r.json"
    rng = random.Random(3)
    for i in range(60):
        if i % 2:
            broken.write_bytes(content[: rng.randrange(len(content))])
        else:
            broken.write_bytes(rng.randbytes(rng.randrange(400)))
        for command in (
            ("simulate", "imc", broken, "--json", out),
            ("trace", "info", broken),
            ("trace", "verify", broken),
        ):
            assert str(broken) in refused(run(*command))
    assert not out.exists()
    refused(run("simulate", "imc", tmp_path / "none.npz"))
    assert "directory" in refused(run("simulate", "imc", tmp_path))


@pytest.mark.parametrize(
    "arguments", [("simulat",), ("simulate",), ("simulate", "imc", "x", "--engin", "a"), ("--foo",)]
)
def test_bad_usage_is_one_line_too(arguments):
    refused(run(*arguments))


@pytest.mark.no_kernel
def test_broken_shipped_design_is_refused_or_sound(tmp_path):
    """Every value of the shipped design replaced by wrong and unusual ones: one line or success, nothing else."""
    lines = (shipped_folder() / "imc.yaml").read_text().splitlines()
    keyed = [i for i, line in enumerate(lines) if ":" in line and not line.lstrip().startswith("#")]
    path, n_refused, rng = tmp_path / "broken.yaml", 0, random.Random(5)
    cases = [(i, value) for i in keyed for value in WRONG]
    for i, value in rng.sample(cases, 500):
        path.write_text("\n".join([*lines[:i], f"{lines[i].partition(':')[0]}: {value}", *lines[i + 1 :]]))
        result = run("arch", "check", path)
        if result.exit_code != 0:
            assert str(path) in refused(result)
            n_refused += 1
    assert n_refused > 350


def test_unwritable_trace_leaves_nothing(tmp_path):
    line = refused(
        run("trace", "synth", "mlp:4-3-2", tmp_path / "no" / "t.npz", "--timesteps", 1, "--samples", 1, "--rate", 0.5)
    )
    assert "no/t.npz" in line
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rate", ["x", "2", "-0.1", "fc9=0.1", "nan"])
def test_bad_rates_are_refused(tmp_path, rate):
    out = tmp_path / "t.npz"
    refused(run("trace", "synth", "mlp:4-3-2", out, "--timesteps", 1, "--samples", 1, "--rate", rate))
    assert not out.exists()


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_an_output_never_overwrites_an_input(trace, tmp_path, option):
    before = trace.read_bytes()
    assert "would be overwritten" in refused(run("simulate", "imc", trace, option, trace, "--quiet"))
    own = tmp_path / "own.yaml"
    own.write_text((shipped_folder() / "imc.yaml").read_text())
    assert "would be overwritten" in refused(run("simulate", own, trace, option, own, "--quiet"))
    assert trace.read_bytes() == before
    assert own.read_text() == (shipped_folder() / "imc.yaml").read_text()


def test_two_outputs_are_two_files(trace, tmp_path):
    out = tmp_path / "out"
    assert "would be overwritten" in refused(run("simulate", "imc", trace, "--json", out, "--csv", out, "--quiet"))
    assert not out.exists()


def test_prices_beyond_all_numbers_are_refused(trace):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        line = refused(run("simulate", str(PLAIN), trace, "--set", "crossbar.r_on_ohm=1e-300", "--quiet"))
    assert "is no number" in line


def test_keys_are_those_that_set_takes():
    """Every key that is listed can be set to what it is, which changes nothing."""
    shown = CliRunner().invoke(main, ["arch", "keys", "imc"]).stdout.splitlines()
    assert all(len(line) <= 100 for line in shown)
    lines = [line for line in shown if not line.startswith(" ")]  # others go on with what a key may be
    assert lines[0].split() == ["key", "value", "may", "be"]
    assert len(lines) > 100
    found = {line.split()[0]: line.split()[1] for line in lines[1:]}
    assert (found["adc.bits"], found["early_exit.metric"], found["dac.coding"]) == ("8", "entropy", "-")
    for key, value in found.items():
        if value != "-":
            done = CliRunner().invoke(main, ["arch", "check", "imc", "--set", f"{key}={value}"])
            assert done.exit_code == 0, done.stderr
    some = CliRunner().invoke(main, ["arch", "keys", "imc", "adc."]).stdout.splitlines()
    assert some[1:] and all(line.startswith("adc.") for line in some[1:])
    none = CliRunner().invoke(main, ["arch", "keys", "imc", "adc.bit_"])
    assert (none.exit_code, none.stderr) == (
        2,
        "hwsim: START: no key begins with 'adc.bit_'; did you mean 'adc.bits'?\n",
    )


def test_a_design_and_a_trace_in_the_other_order_are_told_apart():
    done = CliRunner().invoke(main, ["simulate", "x.npz", "imc"])
    assert done.exit_code == 2
    assert done.stderr == "hwsim: the design comes first, then the trace: hwsim simulate imc x.npz\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("simulate", "imc"), "Missing argument 'TRACE': hwsim simulate [OPTIONS] ARCH TRACE"),
        (("sweep", "imc", "example"), "Missing option '--out': hwsim sweep [OPTIONS] ARCH|SWEEP.yaml [TRACE.npz]"),
        (("simulate", "imc", "exampel"), "exampel: no such file; did you mean 'example'?"),
    ],
)
def test_what_is_missing_comes_with_how_it_is_written(words, said):
    assert CliRunner().invoke(main, words, prog_name="hwsim").stderr == f"hwsim: {said}\n"


def test_a_trace_that_a_machine_does_not_play_names_those_that_do():
    done = CliRunner().invoke(main, ["simulate", "ttfs", "example"])
    assert done.exit_code == 2
    assert "is of coding direct, which machines digital and imc play" in done.stderr


def test_more_samples_than_there_are_is_no_accuracy():
    done = CliRunner().invoke(main, ["simulate", "digital", "example", "--accuracy-samples", "5000"])
    assert (done.exit_code, done.stderr) == (
        2,
        "hwsim: --accuracy-samples: the trace has 64 raw inputs, got 5000\n",
    )


def test_a_drawn_network_with_other_neurons_is_run_and_played(tmp_path):
    words = ("--with", "events", "--with", "votes=2", "--with", "reset=hard")
    out = tmp_path / "t.npz"
    result = run("trace", "synth", "mlp:20-12-5", out, *words, "--rate", "input=0.3", "--seed", 2)
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{out}: mlp:20-12-5+events+votes=2+reset=hard, 4 samples, T = 4")
    again = read_trace(out)
    assert again.coding == "events"
    assert 0.2 < again.inputs.values.mean() < 0.4
    assert "--rate input=0.3" in again.provenance.command
    assert "equal, bit for bit" in run("trace", "verify", out).output
    assert run("simulate", "digital", out, "--no-advice").exit_code == 0


def test_every_word_stands_in_the_help():
    from hwsim.traces.network.variants import WORDS, usage

    said = " ".join(run("trace", "synth", "--help").output.split()).replace("- ", "-")
    assert [word for word in map(usage, WORDS) if word not in said] == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mlp:4-3-2", "--steady"), "--steady: needs --rate"),
        (("lstm:4x4-5-3", "--with", "events", "--rate", "0.1"), "--with: sequence traces have no such form"),
        (("mlp:4-3-2", "--with", "event"), "--with: wanted one of events, .*did you mean 'events'"),
        (("mixd",), "geometry: wanted one of .*did you mean 'mixed'"),
        (("lstm",), "geometry: wanted one of .* or an LSTM such as lstm:28x28-128-10, found 'lstm'"),
    ],
)
def test_networks_that_cannot_be_drawn_are_refused(tmp_path, arguments, message):
    name, *options = arguments
    line = refused(run("trace", "synth", name, tmp_path / "t.npz", *options))
    assert re.search(message, line), line


def test_a_period_and_a_stream_are_short_for_settings(tmp_path):
    for options, settings in (
        (["--period", "20ms"], ["operating.period_ns=20000000.0"]),
        (["--stream"], ["operating.stream=true"]),
        (["--stream", "--period", "1s"], ["operating.stream=true", "operating.period_ns=1000000000.0"]),
    ):
        file = tmp_path / "report.json"
        done = run("simulate", "imc", "example", *options, "--json", file, "--quiet", "--accuracy-samples", 0)
        assert done.exit_code == 0, done.output
        sets = [part for setting in settings for part in ("--set", setting)]
        same = tmp_path / "same.json"
        done = run("simulate", "imc", "example", *sets, "--json", same, "--quiet", "--accuracy-samples", 0)
        assert done.exit_code == 0, done.output
        assert file.read_text() == same.read_text()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("imc", "--period", "1 mile"), "hwsim: --period: wanted a time such as 20ms"),
        (("imc", "--period", "1ns"), "operating.period_ns: 1 ns is shorter than an inference"),
        (("digital", "--stream"), "operating.stream: samples cannot overlap: layers run one after another"),
    ],
)
def test_what_cannot_be_kept_up_is_one_line(options, line):
    design, *others = options
    assert line in refused(run("simulate", design, "example", *others, "--quiet"))
