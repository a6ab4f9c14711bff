"""The tool that trains by format: figures are those of the machine, lines are kept, mistakes end in one line."""

import json

import pytest
import sweep_stdp
from traces.plastic import cases as plastic_cases

from hwsim import accelerators, api
from hwsim.traces import write_trace
from hwsim.traces.plastic.run import learn
from hwsim.traces.plastic.session import Session


@pytest.fixture
def trace_file(tmp_path):
    path = tmp_path / "small.npz"
    write_trace(path, plastic_cases.plastic_trace(n=6))
    return path


def run(*arguments):
    return sweep_stdp.main([str(argument) for argument in arguments])


def test_figures_are_those_of_the_machine_and_computed_once(trace_file, tmp_path, capsys):
    out = tmp_path / "found.jsonl"
    wanted = (trace_file, "--formats", "FP32", "Q1.5", "--rounding", "stochastic", "--at", 4, 9, "--out", out)
    assert run(*wanted) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(line["weights"], line["rounding"], line["samples"]) for line in lines] == [
        *(("FP32", "", samples) for samples in (4, 9)),
        *(("Q1.5", "stochastic", samples) for samples in (4, 9)),
    ]
    design = api.load_architecture("stdp", ("weights.format=Q1.5", "weights.rounding=stochastic"))
    machine, trace = accelerators.machine("stdp")(design.spec), api.load_trace(trace_file)
    for line in lines[2:]:
        learned = learn(machine.network_of(trace), trace, Session(passes=2, until=line["samples"]))
        assert line["accuracy"] == learned.accuracy
        assert line["n_test"] == 3
    assert lines[2]["updates_a_sample"] == learned.phases["train"].updates[:4].mean()
    assert lines[3]["updates_a_sample"] == learned.phases["train"].updates[4:].mean()
    assert "Q1.5 stochastic 9" in capsys.readouterr().out
    assert run(*wanted) == 0
    assert len(out.read_text().splitlines()) == 4
    assert run(*wanted, "--at", 4, 6, 9) == 0
    assert [json.loads(line)["samples"] for line in out.read_text().splitlines()] == [4, 9, 4, 9, 6, 6]
    before = out.read_text()
    assert run(*wanted, "--architecture", "stdp_baseline", "--formats", "FP32") == 0
    assert out.read_text().startswith(before)
    assert len(out.read_text().splitlines()) == 8


def test_mistakes_end_in_one_line(trace_file, tmp_path, capsys):
    out = ("--out", tmp_path / "found.jsonl")
    for arguments, message in (
        ((trace_file, "--at", 0, *out), "--jobs and --at: must be at least 1"),
        ((trace_file, "--architecture", "imc", *out), "wanted a learning network on a machine that learns"),
        ((trace_file, "--formats", "Q99", *out), "weights.format"),
        ((tmp_path / "none.npz", *out), "none.npz"),
    ):
        assert run(*arguments) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert message in error
    assert not (tmp_path / "found.jsonl").exists()
