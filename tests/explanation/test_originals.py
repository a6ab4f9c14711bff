"""Reports explained: their designs and traces found again by their digests, or asked for."""

from __future__ import annotations

import json
import shutil

import pytest
from cli.commands import refused, run
from contract.families import TRACES

import hwsim
from hwsim import arch
from hwsim.errors import UsageError
from hwsim.example import EXAMPLE


@pytest.fixture
def away(tmp_path, monkeypatch):
    """A working folder without traces and designs, and a folder of reports beside it."""
    here, reports = tmp_path / "here", tmp_path / "reports"
    here.mkdir()
    reports.mkdir()
    monkeypatch.chdir(here)
    return reports


def written(folder, design="imc", trace=EXAMPLE, **options):
    report = hwsim.simulate(design, trace, **options)
    report.to_json(folder / "r.json")
    return report, folder / "r.json"


@pytest.mark.parametrize(
    ("design", "trace", "options"),
    [
        ("imc", EXAMPLE, {"samples": 3, "timesteps": 2, "set": {"clock.frequency_mhz": 200}}),
        ("imc", EXAMPLE, {"samples": 2, "functional": True}),
        ("digital", EXAMPLE, {"samples": 2, "baselines": ["ann"], "period": "20ms"}),
        ("ttfs", TRACES / "mnist_ttfs.npz", {"samples": 2}),
        ("lstm", TRACES / "mnist_lstm.npz", {"samples": 2}),
    ],
)
def test_a_report_is_simulated_again_as_it_was(away, design, trace, options):
    before, file = written(away, design, trace, **options)
    (away / "traces").mkdir()
    shutil.copy(trace, away / "traces" / "under_another_name.npz")
    found = hwsim.explain(file)
    assert found.differs == ""
    now = found.report
    for run_before, run_now in zip([*before.runs, *before.baselines], [*now.runs, *now.baselines], strict=True):
        assert (run_now.name, run_now.energy_pj) == (run_before.name, run_before.energy_pj)
        assert run_now.samples == run_before.samples
    assert now.architecture == before.architecture


def test_a_phase_is_learned_again_as_it_was(away):
    from hwsim.traces.plastic.session import Session

    trace = TRACES / "mnist_stdp.npz"
    before, file = written(away, "stdp", trace, samples=12, session=Session(phase="train"))
    shutil.copy(trace, away)
    found = hwsim.explain(file)
    assert [each.name for each in found.report.runs] == ["train"]
    assert found.report.run("train").energy_pj == before.run("train").energy_pj


def test_a_trace_that_is_not_found_is_asked_for(away):
    _, file = written(away, "ttfs", TRACES / "mnist_ttfs.npz", samples=1)
    line = refused(run("explain", file, "energy"))
    assert line.startswith("hwsim: REPORT: its trace 'MNIST TTFS 800-10' (sha256 ")
    assert line.endswith("is not found; name the file with --trace")
    assert run("explain", file, "energy", "--trace", TRACES / "mnist_ttfs.npz").exit_code == 0
    line = refused(run("explain", file, "energy", "--trace", EXAMPLE))
    assert "is not the trace of the report: sha256 " in line


def test_a_design_that_has_changed_is_asked_for(away):
    design = away / "mine.yaml"
    design.write_text("extends: imc\nclock:\n  frequency_mhz: 100\n")
    _, file = written(away, design, EXAMPLE, samples=1)
    kept = away.parent / "kept.yaml"
    shutil.copy(design, kept)
    assert hwsim.explain(file).differs == ""
    design.write_text("extends: imc\nclock:\n  frequency_mhz: 101\n")
    line = refused(run("explain", file, "latency"))
    assert line.startswith("hwsim: REPORT: its design mine.yaml (sha256 ")
    assert line.endswith("name the file with --arch")
    assert run("explain", file, "latency", "--arch", kept).exit_code == 0
    assert "is not the design of the report: sha256 " in refused(run("explain", file, "latency", "--arch", "imc"))


def test_a_report_whose_names_lead_elsewhere_finds_nothing_there(away):
    """The name of the design is that of a file in the folders that are looked into, and no path."""
    _, file = written(away, samples=1)
    document = json.loads(file.read_text())
    document["architecture"]["file"] = "../../../../etc/passwd"
    file.write_text(json.dumps(document))
    assert refused(run("explain", file, "energy")).startswith("hwsim: REPORT: its design passwd (sha256 ")


def test_a_report_of_other_energies_says_so(away):
    _, file = written(away, samples=1)
    document = json.loads(file.read_text())
    document["runs"][0]["energy_pj"]["value"] *= 2
    file.write_text(json.dumps(document))
    result = run("explain", file, "energy")
    assert "the report has" in result.output
    assert "which is what is explained" in " ".join(result.output.split())


def test_an_explanation_can_be_made_of_a_report_in_memory(away):
    report = hwsim.simulate("imc", EXAMPLE, samples=1)
    assert hwsim.explain(report).energy()
    with pytest.raises(UsageError, match="trace: a design is explained on a trace"):
        hwsim.explain("imc")


@pytest.mark.parametrize("design", [name for name in arch.shipped() if not name.startswith(("lstm", "stdp", "ttfs"))])
def test_every_design_of_the_example_explains_in_a_hundred_columns(design):
    for words in (["energy"], ["area"], ["latency"], ["latency", "--all"]):
        result = run("explain", design, "example", *words, "--samples", 1)
        if result.exit_code:
            assert "equation of energy" in result.stderr
            continue
        lines = result.output.splitlines()
        assert max(map(len, lines)) <= 100
        assert not any("\u2026" in line for line in lines), "a cell does not fit its column"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["imc", "example"], "wanted energy, latency or area after REPORT or ARCH TRACE"),
        (
            ["imc", "example", "enrgy"],
            "wanted energy, latency or area after REPORT or ARCH TRACE; did you mean 'energy'?",
        ),
        (["imc", "latency"], "REPORT: imc is no report (.json); of a design, its trace comes after it"),
        (["a", "b", "c", "energy"], "wanted REPORT or ARCH TRACE, then energy, then at most one name"),
        (
            ["imc", "example", "energy", "adc", "htree"],
            "wanted REPORT or ARCH TRACE, then energy, then at most one name",
        ),
        (["imc", "example", "energy", "--trace", "x.npz"], "--trace: is of a report"),
        (["r.json", "energy", "--set", "adc.bits=6"], "--set: is of a design and a trace"),
        (["imc", "example", "energy", "--sample", "0"], "--sample: is of a latency"),
        (["x.npz", "imc", "energy"], "the design comes first, then the trace: hwsim explain imc x.npz"),
        (["nowhere.json", "energy"], "nowhere.json: cannot be read: No such file or directory"),
    ],
)
def test_what_cannot_be_explained_is_refused_in_one_line(words, message):
    assert refused(run("explain", *words)) == f"hwsim: {message}"


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("architecture", "file", None, "architecture.file: wanted a text, found None"),
        ("architecture", "overrides", [1], "architecture.overrides: wanted a list of texts, found [1]"),
        ("trace", "sha256", 7, "trace.sha256: wanted a text, found 7"),
        ("options", "samples", "all", "options.samples: wanted a whole number, found 'all'"),
        ("options", "functional", 1, "options.functional: wanted true or false, found 1"),
    ],
)
@pytest.mark.parametrize("command", ["explain", "compare"])
def test_a_report_that_leaves_out_what_it_is_of_is_refused(away, command, section, key, value, message):
    _, file = written(away, "digital", samples=1)
    document = json.loads(file.read_text())
    document[section][key] = value
    file.write_text(json.dumps(document))
    words = [file, "energy"] if command == "explain" else [file, file]
    assert refused(run(command, *words)) == f"hwsim: not a report of hwsim: {message}"


def test_a_report_without_runs_or_with_samples_that_contradict_each_other_is_refused(away):
    _, file = written(away, "digital", samples=2)
    document = json.loads(file.read_text())
    document["runs"][0]["samples"]["energy_pj"][0].pop()
    file.write_text(json.dumps(document))
    assert "samples.energy_pj: wanted as many timesteps of each sample" in refused(run("compare", file, file))
    document["runs"] = []
    file.write_text(json.dumps(document))
    assert "runs: there is none" in refused(run("explain", file, "energy"))
    assert "runs: there is none" in refused(run("compare", file, file))
