"""`hwsim sweep` and `hwsim tune`: what they print and write, what they refuse, and what they do not import."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import subprocess
import sys

import pytest
from cli.commands import refused, run
from cli.test_imports import COMPILED, DESIGNS, PLAYING, PROCESSES, imported
from numba import config
from sweeps.cases import trace_file

from hwsim import sweep
from hwsim.sweep.figures import FIGURES

EXTRAS = {"optuna", "distributed", "dask", "pyarrow", "pandas"}
PREFIX = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18}
PJ_NS = 1e-21  # in J s
VARY = ("--vary", "adc.bits=6:8", "--vary", "early_exit.threshold=never,0.5")


def test_a_sweep_prints_the_best_the_front_and_what_moves_it(tmp_path):
    out = tmp_path / "out.jsonl"
    files = [word for kind in ("csv", "html") for word in (f"--{kind}", tmp_path / f"out.{kind}")]
    done = run("sweep", "imc", trace_file(tmp_path), *VARY, "--out", out, "--jobs", 1, "--robust", 20, *files)
    assert done.exit_code == 0, done.output
    for words in (
        "6 of 6 points; 0 could not be built or run",
        "With the least EDP",
        "With the least area",
        "The front of EDP, area: ",
        "What moves EDP, others as they are",
        "as it stands",
        "accuracy was not looked at",
        "on the front, %",
        "beats as it stands, %",
    ):
        assert words in done.output
    assert len(sweep.load(out)) == 7
    assert len(list(csv.reader((tmp_path / "out.csv").read_text().splitlines()))) == 8
    assert (tmp_path / "out.html").read_text().startswith("<!doctype html>")
    before = out.read_bytes()
    again = run("sweep", "imc", trace_file(tmp_path), *VARY, "--out", out, "--jobs", 1, "--robust", 20, "--quiet")
    assert (again.exit_code, again.output) == (0, "")
    assert out.read_bytes() == before


def test_the_trace_of_the_package_is_known_by_its_name_and_a_front_of_one_is_a_point(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("sweep", "imc", "example", "--vary", "adc.bits=7:8", "--samples", 1, "--out", "o.jsonl", "--jobs", 1)
    assert done.exit_code == 0, done.output
    assert {row["trace"] for row in sweep.load(tmp_path / "o.jsonl")} == {"example"}
    assert "The front of EDP, area: 1 point\n" in done.output
    vary = [word for key in ("packing", "direct_input", "chip.replicate") for word in ("--vary", f"{key}=none")]
    vary[3] = "direct_input=digital"
    sizes = ("adc.columns_per_adc=32", "chip.pes_per_tile=4", "chip.crossbars_per_pe=16")
    vary += [word for size in sizes for word in ("--vary", size)]
    tuned = run("tune", "imc", "example", *vary, "--samples", 1, "--budget", "area_mm2=100", "--jobs", 1)
    assert tuned.exit_code == 0, tuned.output
    assert tuned.output.startswith("nothing better was found: of 2 designs tried, none within area_mm2 <= 100 has less")
    assert "hwsim simulate imc example " in tuned.output


def test_keys_are_shortened_where_there_is_no_room_and_stay_told_apart(tmp_path):
    keys = {"clock.network.gated_fraction": "0.7,0.8", "neuron.lanes": "8,16", "first_layer_mac.lanes": "64,128"}
    vary = [word for key, values in keys.items() for word in ("--vary", f"{key}={values}")]
    words = ("sweep", "imc", trace_file(tmp_path), *vary, "--jobs", 1, "--out")
    lines = run(*words, tmp_path / "o").output.splitlines()
    wide = run("sweep", "imc", trace_file(tmp_path), *vary[:2], "--jobs", 1, "--out", tmp_path / "p").output
    assert "clock.network.gated_fraction" in wide
    heading = next(line for line in lines if line.strip().startswith("point "))
    assert heading.split()[:4] == ["point", "gated_fraction", "neuron.lanes", "first_layer_mac.lanes"]
    assert "\N{HORIZONTAL ELLIPSIS}" not in run(*words, tmp_path / "q", "--robust", 3).output


def test_points_that_cannot_be_are_counted_with_their_reasons(tmp_path):
    done = run("sweep", "imc", trace_file(tmp_path), "--vary", "adc.bits=8,98,99", "--out", tmp_path / "o", "--jobs", 1)
    assert done.exit_code == 0
    assert "3 of 3 points; 2 could not be built or run" in done.output
    assert "1 of them: --set adc.bits=98: adc.bits: " in done.output


def test_where_nothing_is_left_the_nearest_is_told_and_no_empty_table(tmp_path):
    words = ("sweep", "imc", trace_file(tmp_path), "--vary", "adc.bits=7,8", "--out", tmp_path / "o", "--jobs", 1)
    done = run(*words, "--constraint", "area_mm2 <= 0.01", "--constraint", "energy_pj < 1")
    assert done.exit_code == 0, done.output
    rows = [row for row in sweep.load(tmp_path / "o") if row["settings"] != "as it stands"]
    assert "2 of 2 points, 0 within area_mm2 <= 0.01 and energy_pj < 1; 0 could not" in done.output
    area = float(re.search(r"area_mm2 <= 0\.01: the nearest has area ([\d.]+) mm2", done.output)[1])
    assert area == pytest.approx(min(row["area_mm2"] for row in rows), rel=5e-4)
    value, prefix = re.search(r"energy_pj < 1: the nearest has energy ([\d.]+) (.)J", done.output).groups()
    assert float(value) * PREFIX[prefix] == pytest.approx(min(row["energy_pj"] for row in rows) * 1e-12, rel=5e-4)
    assert "With the least" not in done.output and "The front" not in done.output


def test_runs_and_figures_that_are_not_there_are_said(tmp_path):
    trace = trace_file(tmp_path)
    words = ("--vary", "clock.frequency_mhz=100,200", "--jobs", 1, "--out")
    none = run("sweep", "imc", trace, *words, tmp_path / "a", "--run", "ann").output
    assert "2 of 2 points; 2 could not be built or run\n  2 of them: run: there is no run 'ann'" in none
    assert "imc as it stands: run: there is no run 'ann'" in none
    unknown = run("sweep", "digital_compute", trace, *words, tmp_path / "b").output
    assert "EDP is not known of any point: ask for another figure with --minimize" in unknown
    assert "With the least area" in unknown


def test_a_file_says_it_all(tmp_path):
    trace_file(tmp_path)
    (tmp_path / "sweep.yaml").write_text(
        "designs: [imc, imc_sram]\ntraces: drawn1.npz\nvary: {adc.bits: '7:8'}\n"
        "constraints: area_mm2 <= 1e3\nminimize: energy_pj\n"
    )
    done = run(
        "sweep", tmp_path / "sweep.yaml", "--out", tmp_path / "o.jsonl", "--jobs", 1, "--vary", "skip=none,silent_rows"
    )
    assert done.exit_code == 0, done.output
    assert "8 of 8 points, 8 within area_mm2 <= 1000" in done.output
    assert "With the least energy\n" in done.output
    assert {row["design"] for row in sweep.load(tmp_path / "o.jsonl")} == {"imc", "imc_sram"}


@pytest.mark.parametrize("given", [(), ("--set", "direct_input=once", "--set", "early_exit.threshold=0.5")])
def test_tuning_prints_what_each_change_bought_and_the_command(tmp_path, given):
    done = run("tune", "imc", trace_file(tmp_path), "--budget", "area_mm2=100", "--jobs", 1, *given)
    assert done.exit_code == 0, done.output
    assert "From the design as it stands, " in done.output
    assert "all together" in done.output
    (command,) = [line for line in done.output.splitlines() if line.startswith("hwsim simulate imc ")]
    settings = re.findall(r"--set ([^=]+)=(\S+)", command)
    shown = run("arch", "keys", "imc", *given).output
    own = {line.split()[0]: line.split()[1] for line in shown.splitlines()[1:] if not line.startswith(" ")}
    assert [f"{key}={value}" for key, value in settings][: len(given) // 2] == list(given[1::2])
    assert [value for key, value in settings[len(given) // 2 :] if own[key] == value] == []
    report = tmp_path / "report.json"
    words = command.split()[1:]
    assert run(*words, "--quiet", "--json", report, "--accuracy-samples", 0).exit_code == 0
    found = json.loads(report.read_text())["runs"][-1]["edp_pj_ns"]["value"]
    (best,) = [line for line in done.output.splitlines() if line.startswith("all together")]
    (heading,) = [line for line in done.output.splitlines() if line.startswith("change")]
    of_a_unit = PREFIX[re.search(r"EDP, (.)J s", heading)[1]]
    assert float(best.split()[2]) == pytest.approx(found * PJ_NS / of_a_unit, rel=5e-4)


@pytest.mark.parametrize(
    ("figure", "word", "unit", "of_the_row"),
    [
        ("energy_pj", "energy", "J", 1e-12),
        ("latency_ns", "latency", "s", 1e-9),
        ("edp_pj_ns", "EDP", "J s", PJ_NS),
        ("edp_high_pj_ns", "EDP at high prices", "J s", PJ_NS),
        ("leakage_uw", "leakage", "W", 1e-6),
        ("area_mm2", "area", "m2", 1e-3),
        ("standing_share", "clock and leakage", "%", 1.0),
        ("timesteps", "timesteps", "", 1.0),
    ],
)
def test_figures_are_in_the_unit_of_their_heading(tmp_path, figure, word, unit, of_the_row):
    out = tmp_path / "out.jsonl"
    done = run("sweep", "imc", trace_file(tmp_path), *VARY, "--out", out, "--jobs", 1, "--minimize", figure)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    start = lines.index(f"With the least {word}") + 1
    columns = re.split(r"  +", lines[start].strip())
    (column,) = [name for name in columns if name.partition(", ")[0] == word]
    rows = {str(row["point"]): row for row in sweep.load(out)}
    scale = 0.01 if unit == "%" else PREFIX[column.removeprefix(word).removeprefix(", ").removesuffix(unit)]
    for line in lines[start + 1 : start + 6]:
        cells = dict(zip(columns, re.split(r"  +", line.strip()), strict=True))
        wanted = rows[cells["point"]][figure] * of_the_row
        assert float(cells[column]) * scale == pytest.approx(wanted, rel=5e-4, abs=5e-4 if unit == "%" else 0)


def test_help_names_every_figure():
    for command in ("sweep", "tune"):
        words = set(re.findall(r"[a-z_0-9]+", run(command, "--help").output))
        assert words >= FIGURES.keys(), FIGURES.keys() - words


def test_tuning_says_in_words_that_nothing_is_better(tmp_path):
    trace = trace_file(tmp_path)
    words = ("tune", "digital", trace, "--vary", "clock.frequency_mhz=200,100", "--minimize", "latency_ns", "--jobs", 1)
    done = run(*words, "--set", "clock.frequency_mhz=200", "--budget", "area_mm2=1e3")
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert said.startswith(
        "nothing better was found: of 3 designs tried, none within area_mm2 <= 1000 has less latency"
    )
    assert "than the design as it stands (latency " in said
    assert "hwsim simulate" not in said
    slower = run(*words, "--set", "clock.frequency_mhz=100")
    assert "all together" in slower.output
    assert "nothing better" not in slower.output


def test_tuning_says_where_the_design_as_it_stands_breaks_a_budget(tmp_path):
    trace, knob = trace_file(tmp_path), "array.rows=16,2"
    area = sweep.tune("digital", trace, [], vary=(knob,), overrides=("array.rows=16",)).reference["area_mm2"]
    words = ("tune", "digital", trace, "--vary", knob, "--set", "array.rows=16", "--jobs", 1)
    done = run(*words, "--budget", f"area_mm2={0.999 * area}")
    assert done.exit_code == 0, done.output
    assert "the design as it stands breaks area_mm2 <= " in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--vary", "adc.bits"), "hwsim: --vary adc.bits: write KEY=VALUES"),
        (("--vary", "adc.bots=4:8"), "hwsim: --vary adc.bots: unknown key 'adc.bots'; did you mean 'bits'?"),
        (("--vary", "adc.bits=4:8", "--constraint", "area < 4"), "hwsim: --constraint area < 4: unknown figure 'area'"),
        (("--vary", "adc.bits=4:8", "--minimize", "edp"), "hwsim: --minimize: unknown figure 'edp'"),
        (("--vary", "adc.bits=4:8", "--minimize", "EDP"), "hwsim: --minimize: unknown figure 'EDP'"),
        (("--vary", "adc.bits=4:8", "--jobs", "0"), "hwsim: --jobs: must be at least 1, got 0"),
        (("--search", "nsga2"), "hwsim: --search: there is nothing to vary"),
        (
            ("--vary", "adc.bits=4:8", "--search", "nsga2", "--trials", "0"),
            "hwsim: --trials: must be at least 1, got 0",
        ),
    ],
)
def test_mistakes_end_in_one_line(tmp_path, words, said):
    pytest.importorskip("optuna")
    line = refused(run("sweep", "imc", trace_file(tmp_path), *words, "--out", tmp_path / "o.jsonl"))
    assert line.startswith(said)
    assert not (tmp_path / "o.jsonl").exists() or "--jobs" in said


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ("area_mm2", "hwsim: --budget area_mm2: write FIGURE=NUMBER, such as area_mm2=6"),
        ("area=3", "hwsim: --budget area=3: unknown figure 'area'"),
        ("area_mm2<=1e-9", "hwsim: tune: no design that was tried keeps area_mm2 <= 1e-09"),
    ],
)
def test_budgets_that_cannot_be_read_or_kept_are_one_line(tmp_path, budget, said):
    words = ("tune", "digital", trace_file(tmp_path), "--vary", "array.rows=4,8", "--jobs", 1)
    line = refused(run(*words, "--budget", budget))
    assert line.startswith(said)
    assert ("did you mean 'area_mm2'?" in line) == (budget == "area=3")


def test_no_trace_and_no_file_is_said(tmp_path):
    assert "missing TRACE.npz" in refused(run("sweep", "imc", *VARY, "--out", tmp_path / "o.jsonl"))
    assert "wanted the name of a file" in refused(run("sweep", "imc", trace_file(tmp_path), *VARY, "--out", ""))


@pytest.mark.parametrize("command", ["sweep", "tune"])
def test_help_imports_little(command):
    modules = imported(command, "--help")
    assert not modules & (COMPILED | PLAYING | PROCESSES | DESIGNS | EXTRAS | {"numpy", "rich", "hwsim.sweep"})


@pytest.mark.skipif(config.DISABLE_JIT, reason="interpreted kernels are played by SimPy")
def test_a_sweep_imports_no_extra_and_no_table_where_none_is_asked_for(tmp_path):
    words = ("sweep", "imc", trace_file(tmp_path), *VARY, "--jobs", "1", "--quiet", "--out")
    imported(*words, tmp_path / "one.jsonl")
    modules = imported(*words, tmp_path / "two.jsonl")
    assert not modules & (EXTRAS | {"rich", "loky", "simpy", "hwsim.sweep.page"})


def on_a_terminal(script, *words):
    """A program that has ended, and what it said on a standard error that is a terminal."""
    import pty

    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", script, *words], stdout=subprocess.PIPE, stderr=theirs, text=True, check=False
    )
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):
        while part := os.read(ours, 4096):
            said += part
    os.close(ours)
    return done, said


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a pseudo-terminal, and forks")
def test_a_bar_tells_how_far_it_is_and_leaves_processes_to_be_forked(tmp_path):
    script = "import sys, hwsim.cli\ntry: hwsim.cli.main()\nfinally: print('loky' in sys.modules)"
    words = ["sweep", "imc", str(trace_file(tmp_path)), "--vary", "adc.bits=6:8", "--out", str(tmp_path / "o.jsonl")]
    done, said = on_a_terminal(script, *words, "--jobs=2")
    assert done.returncode == 0
    assert b"points" in said
    assert b"4/4" in said
    assert done.stdout.endswith("False\n")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a pseudo-terminal")
def test_how_many_designs_were_tried_is_gone_before_anything_else_is_said(tmp_path):
    words = ["tune", "digital", str(trace_file(tmp_path)), "--vary", "array.rows=4,8", "--budget", "area_mm2=1e-9"]
    done, said = on_a_terminal("import hwsim.cli; hwsim.cli.main()", *words, "--jobs=1")
    assert done.returncode == 2
    told, _, line = said.decode().rstrip().rpartition("\r")
    assert "designs tried" in told
    assert line.startswith("hwsim: tune: no design that was tried keeps area_mm2 <= 1e-09")


def test_help_lists_every_figure_of_a_row_and_no_other():
    from hwsim.cli.sweep import FIGURES_OF_A_ROW
    from hwsim.sweep.figures import FIGURES

    named = set(re.findall(r"\b[a-z0-9]+(?:_[a-z0-9]+)+\b|\b(?:timesteps|accuracy|clipped)\b", FIGURES_OF_A_ROW))
    assert named == FIGURES.keys()
