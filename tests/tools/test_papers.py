"""What documents show of the papers: as it was kept, of designs, traces and files that are those of today."""

import json
import re
from functools import cache
from pathlib import Path

import learned_stdp
import pytest
import reproduce
from numba import config
from reproduction import dietsnn, dtsnn, fspinn, page, slstm, ttfs
from reproduction.designs import DATA, design, digest
from reproduction.early_exit import chips, savings, script
from reproduction.kept import kept, stale, to_json

import hwsim

ROOT = Path(__file__).resolve().parents[2]
each_paper = pytest.mark.parametrize("name", reproduce.PAPERS)
compiled = pytest.mark.skipif(config.DISABLE_JIT, reason="minutes in interpreted kernels")


@cache
def papers():
    return {name: found.paper for name, found in kept().items()}


def rows(name):
    return {row.what: row for section in papers()[name].sections for row in section.rows}


def same(ours, kept_section):
    assert ours.title == kept_section.title
    assert [row.what for row in ours.rows] == [row.what for row in kept_section.rows]
    for now, then in zip(ours.rows, kept_section.rows, strict=True):
        assert dict(now.numbers) == pytest.approx(dict(then.numbers), rel=1e-6), now.what


def test_all_papers_are_kept():
    assert tuple(kept()) == reproduce.PAPERS


@each_paper
def test_nothing_that_tables_were_made_from_has_changed(name):
    assert stale(kept()[name].used) == [], "tools/reproduce.py --all --write"


def test_what_has_changed_is_told(monkeypatch):
    used = kept()["ttfs"].used
    from hwsim.components import clock

    monkeypatch.setattr(clock, "_FF_NM", 29)
    assert any(line.startswith("design ttfs") for line in stale(used))
    assert stale({"designs": [], "traces": {"mnist_ttfs.npz": "0"}, "data": {"nothing.json": "0"}}) == [
        "trace mnist_ttfs.npz",
        "file nothing.json",
    ]


def test_documents_show_what_is_kept():
    for path, text in page.documents(papers()).items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: tools/reproduce.py --all --write"


def test_what_is_kept_is_read_back_as_it_was():
    assert to_json(kept()) == (DATA / "papers.json").read_text(encoding="utf-8")


@compiled
def test_some_tables_are_found_today_as_they_are_kept():
    same(slstm.trained(), papers()["slstm"].sections[0])
    same(script.script(), papers()["dtsnn"].sections[5])
    same(dietsnn.operations(), papers()["dietsnn"].sections[3])
    same(dietsnn.levels(), papers()["dietsnn"].sections[6])


@each_paper
def test_every_paper_ends_with_an_objection_and_figures_against_it(name):
    paper = papers()[name]
    assert paper.objection.endswith(".")
    assert len(re.findall(r"\d+\.\d+", paper.answer)) >= 3
    assert any(row.headline for section in paper.sections for row in section.rows)


def test_answers_are_made_of_the_figures_that_are_kept():
    asked = {
        "dtsnn": dtsnn._objection,
        "dietsnn": dietsnn._objection,
        "ttfs": lambda tables: ttfs._objection(tables[0], tables[2], tables[3]),
        "slstm": lambda tables: slstm._objection(tables[0]),
        "fspinn": lambda tables: fspinn._objection(tables[0], tables[1], tables[4]),
    }
    for name, paper in papers().items():
        assert asked[name](paper.sections) == (paper.objection, paper.answer), name


def test_yoso_is_headed_for_what_it_is():
    assert papers()["ttfs"].title.startswith("A design study, not a reproduction")


def test_trained_networks_come_first():
    for name in ("dietsnn", "slstm"):
        assert papers()[name].sections[0].title.startswith("Trained networks")


def test_rates_and_laws_that_were_derived_from_claims_say_so():
    assert all("solved" in row.what or "measured" in row.what for row in papers()["dietsnn"].sections[4].rows)
    assert "derived from the claim" in " ".join(papers()["fspinn"].sections[0].notes)


def test_nothing_recalled_stands_as_a_papers_figure():
    """Cells of the column `paper` have only what could be read or derived; these are all of them."""
    read = {
        "dtsnn": {"4.9x", "8x", "4.9x, 8x", "45 %", "25 %", "0.20", "0.16", "0.20 at 1.46", "15.907 uJ", "8.43 mm2"},
        "ttfs": {"1.46x lower", "0.751 mW", "47.71 ms", "35.8 uJ"},
        "slstm": {"4.1x", "94.75 % (T = 2)"},
        "fspinn": {"7.5x", "3.5x / 1.8x", "no loss"},
    }
    for name, cells in read.items():
        found = {row.paper for section in papers()[name].sections for row in section.rows}
        assert found - {"", "-"} <= cells, name
    memory = {row.what for row in papers()["dietsnn"].sections[5].rows}  # its left column is of ours, and says so
    claims = {row.paper for what, row in rows("dietsnn").items() if what not in memory} - {"", "-"}
    assert claims <= {"6x to 18x", "6x", "12x", "18x", "5.7 %", "3.384e+08, 0.52 %", "1.547e+10, 0.56 %"}


def test_one_configuration_for_all_rows():
    """Every play of the first two tables has the settings of its configuration, but for copies and thresholds."""
    used = kept()["dtsnn"].used["designs"]
    wanted = set(chips.SPIKESIM.settings)
    spikesim = [set(settings) for name, settings, _ in used if name == "imc_spikesim" and settings]  # else its script's
    deviating = [each for each in spikesim if not wanted <= each or not any("replicate" in key for key in each)]
    assert len(spikesim) > 5
    assert len(deviating) == 1, "only the row of growth that says so has one copy"


def test_large_networks_learned_from_more_than_five_thousand_samples():
    lines = learned_stdp.kept(DATA / "stdp-learned.jsonl")
    assert {(line.network, line.counting) for line in lines} == {
        (network, counting) for network in learned_stdp.NETWORKS for counting in learned_stdp.COUNTINGS
    }
    for line in lines:
        assert line.neurons == 4900
        assert line.learned >= 5000
        assert line.told >= 100
        assert line.digest == digest(design(line.design, line.settings)), "tools/learned_stdp.py"


def test_the_ablation_is_that_of_its_page():
    text = (ROOT / "docs" / "training" / "dietsnn.md").read_text(encoding="utf-8")
    for each in json.loads((DATA / dietsnn.ABLATION).read_text()):
        learned = each["learned"].replace("threshold+leak", "`threshold+leak`")
        learned = f"`{learned}`" if learned in ("fixed", "threshold") else learned
        accuracy = f"{each['accuracy']:.2f} ± {each['accuracy_error']:.2f}"
        spikes = f"{each['spikes']:.3f} ± {each['spikes_error']:.3f}"
        line = next(row for row in text.splitlines() if row.startswith(f"| {each['timesteps']} | {learned} |"))
        for shown in (accuracy, spikes, f"{each['fp32_once']} / {each['fp32_every_step']}"):
            assert shown in re.sub(r"(\.\d*?)0+\b", r"\1", line) or shown in line, line


def test_mistakes_are_one_line(tmp_path, capsys):
    for arguments, says in (
        (["nobody"], "no paper of that name"),
        (["dtsnn", "--write", "--trace", str(ROOT / "traces" / "mnist_dietsnn.npz")], "--write"),
        (["ttfs", "--trace", "traces/mnist_ttfs.npz"], "only dtsnn and dietsnn"),
        (["dtsnn", "--trace", str(ROOT / "traces" / "mnist_ttfs.npz")], "direct-coded"),
        (["dtsnn", "--trace", str(tmp_path / "missing.npz")], "missing.npz"),
    ):
        assert reproduce.main(arguments) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error
        assert says in error


@compiled
def test_any_direct_coded_trace_has_rows(tmp_path):
    trace = hwsim.load_trace(ROOT / "traces" / "mnist_dietsnn.npz")
    exits = savings.measured_exit(chips.DEFAULT, "mine", trace)
    assert exits[0].what.startswith("mine: EDP over static T = 4")
    assert 1 <= exits[0].numbers["timesteps"] <= 4
    assert 0 < exits[0].numbers["edp"] < 1
    equation = dietsnn.measured({"mine": trace}).rows[0]
    assert equation.numbers == pytest.approx(
        rows("dietsnn")[f"mnist_dietsnn: {equation.what.partition(': ')[2]}"].numbers
    )
