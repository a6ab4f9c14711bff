"""Reports as others take them: JSON of this version and older ones, rows, one line, tables, a notebook's HTML."""

from __future__ import annotations

import csv
import json
import math
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

import hwsim
from hwsim.cli import main
from hwsim.errors import UsageError
from hwsim.report.report import VERSION
from hwsim.traces import write_trace
from hwsim.traces.direct.synth import synthesize

CASES = Path(__file__).resolve().parents[1] / "cases"


@cache
def report(design="imc"):
    trace = synthesize("mlp:20-12-10", timesteps=2, samples=2, rate=0.2, seed=1)
    settings = {"early_exit.threshold": 0.5, "accumulator.bits": 24} if design == "imc" else None
    return hwsim.simulate(design, trace, set=settings, baselines=["ann"])


def test_the_json_keeps_to_the_published_schema_and_another_does_not():
    schema = json.loads(CliRunner().invoke(main, ["report", "schema"]).stdout)
    document = json.loads(report().to_json())
    jsonschema.validate(document, schema)
    assert document == report().to_dict()
    del document["runs"][0]["rows"][0]["count"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)


def test_a_file_reads_back_and_shows_the_same_first_screen(tmp_path):
    file = tmp_path / "r.json"
    file.write_text(report().to_json())
    assert hwsim.load_report(file) == report()
    assert CliRunner().invoke(main, ["report", "show", str(file)]).stdout == report().to_table()
    assert "Energy by component and action" in CliRunner().invoke(main, ["report", "show", str(file), "--full"]).stdout


@pytest.mark.parametrize("design", ["imc", "digital"])
def test_a_report_of_the_first_version_is_read(design):
    """Written before reports had a version, at the prices of then: what was counted and timed is the same today."""
    path = CASES / f"report_0_{design}.json"
    old, said = hwsim.load_report(path), json.loads(path.read_text())
    now = CASES / "imc_plain.yaml" if design == "imc" else design
    new = hwsim.simulate(now, synthesize("mlp:20-12-10", timesteps=2, samples=2, rate=0.2, seed=1))
    assert old.report_version == VERSION
    assert old.energy.value == said["runs"][0]["energy_pj"]["value"]
    counts = [
        {
            (row.layer, row.component, row.action): row.count
            for row in each.run("static").rows
            if row.component != "clock"
        }
        for each in (old, new)
    ]  # of the clock domains were counted then
    assert counts[0].items() <= counts[1].items() and len(counts[0]) > 10
    assert math.fsum(row.energy_pj for row in old.run("static").layers) == pytest.approx(old.energy.value)
    assert old.bottleneck.busy_share == pytest.approx(new.bottleneck.busy_share)
    assert {row.begin_ns for row in old.run("static").layers} == {None}
    assert old.to_table()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"report_version": 99}', "report_version: wanted at most 4, found 99: a newer hwsim wrote this report"),
        ('{"report_version": "x"}', "report_version: wanted at most 4, found 'x'"),
        ('{"runs": [{"rows": [{"a": 1}]}]}', "not a report of hwsim: 'layer'"),
        ("[]", "not a report of hwsim: wanted an object"),
        ("{", "not a report of hwsim: wanted JSON, as hwsim simulate --json writes it: "),
    ],
)
def test_what_is_no_report_is_refused_by_the_file(text, message, tmp_path):
    file = tmp_path / "r.json"
    file.write_text(text)
    with pytest.raises(UsageError) as raised:
        hwsim.load_report(file)
    assert str(raised.value).startswith(f"{file}: {message}"[:60]) and message in str(raised.value)
    file.write_bytes(b"PK\xb1")
    with pytest.raises(UsageError, match="wanted JSON, as hwsim simulate --json writes it: is no text"):
        hwsim.load_report(file)
    with pytest.raises(UsageError, match="cannot be read"):
        hwsim.load_report(tmp_path / "nowhere.json")


def test_rows_and_summaries_are_those_of_the_csv_files(tmp_path):
    file = tmp_path / "t.npz"
    write_trace(file, synthesize("mlp:20-12-10", timesteps=2, samples=2, rate=0.2, seed=1))
    names = [tmp_path / "rows.csv", tmp_path / "runs.csv"]
    settings = ("early_exit.threshold=0.5", "accumulator.bits=24")
    options = ["--baseline", "ann", *(word for each in settings for word in ("--set", each))]
    command = ["simulate", "imc", file, "--quiet", "--csv", names[0], "--csv-summary", names[1], *options]
    assert CliRunner().invoke(main, [str(word) for word in command]).exit_code == 0
    for name, mine in zip(names, (report().rows(), report().summaries()), strict=True):
        with name.open() as text:
            read = list(csv.DictReader(text))
        as_text = [{key: "" if each is None else str(each) for key, each in row.items()} for row in mine]
        assert read == as_text
    runs = report().runs + report().baselines
    assert [row["run"] for row in report().summaries()] == [run.name for run in runs]
    for run, summary in zip(runs, report().summaries(), strict=True):
        own = [row for row in report().rows() if row["run"] == run.name]
        assert sum(row["energy_pj"] for row in own) == pytest.approx(summary["energy_pj"], rel=1e-12)
        assert {row["latency_ns"] for row in own} == {summary["latency_ns"]}
    assert report().summary() == report().summary("early exit") == report().summaries()[1]


def test_the_accuracy_of_a_summary_is_that_of_the_first_screen():
    trace = hwsim.load_example()
    one = hwsim.simulate("imc", trace, accuracy_samples=20)
    row, run = one.summary("static"), one.run("static")
    known = run.hardware_accuracy
    assert [row[f"accuracy{part}"] for part in ("", "_standard_error", "_samples", "_of")] == [
        known.accuracy,
        known.standard_error,
        20,
        "this hardware",
    ]
    exact = [row[f"exact_accuracy{part}"] for part in ("", "_standard_error", "_samples")]
    assert exact == [run.accuracy, run.accuracy_standard_error, trace.static_accuracy()[1]]
    own = hwsim.simulate("imc", trace, functional=True).summary("static")
    assert (own["accuracy_of"], own["exact_accuracy"]) == ("this hardware", None)
    both = hwsim.simulate("digital", trace).summary()
    assert (both["accuracy_of"], both["accuracy"]) == ("both", both["exact_accuracy"])


def test_json_goes_into_a_file_that_is_named(tmp_path):
    assert report().to_json(tmp_path / "r.json") == (tmp_path / "r.json").read_text() == report().to_json()
    assert hwsim.load_report(tmp_path / "r.json") == report()
    with pytest.raises(UsageError, match=r"^path: wanted a path, got 3"):
        report().to_json(3)
    with pytest.raises(UsageError, match="No such file or directory"):
        report().to_json(tmp_path / "nowhere" / "r.json")


def test_figures_are_at_hand():
    last = report().runs[-1]
    assert (report().energy, report().latency, report().edp) == (last.energy_pj, last.latency_ns, last.edp_pj_ns)
    assert float(report().energy) == last.energy_pj.value
    assert report().bottleneck == last.bottleneck
    assert str(report().bottleneck).startswith(f"{last.units[0].unit}: busy ")
    assert report("digital_compute").bottleneck is None


@pytest.mark.parametrize("name", ["early exit", "EarlyExit", "EARLY-EXIT", "early_exit"])
def test_a_run_is_found_however_it_is_spelt(name):
    assert report().run(name) is report().runs[1]
    assert report().run("ann") is report().baselines[0]


def test_a_run_that_there_is_not_gets_a_guess():
    with pytest.raises(UsageError, match=r"^run: wanted 'static' or 'early exit' or 'ann', got 'statik'; did you mean"):
        report().run("statik")
    with pytest.raises(UsageError, match=r"^name: wanted the name of a run, got 1"):
        report().run(1)


def test_it_looks_well_in_a_shell_and_in_a_notebook():
    assert repr(report()).startswith("<Report imc.yaml on mlp:20-12-10: static ")
    assert len(repr(report())) < 300
    html = report()._repr_html_()
    assert html.startswith("<pre") and html.endswith("</pre>") and "prices allow" in html
    for width in (80, 100):
        assert max(map(len, report().to_table(width).splitlines())) <= width
