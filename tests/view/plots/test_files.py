"""Pictures as files: what `hwsim plot` and `hwsim trace plot` write, and what they refuse."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
from cli.commands import refused, run
from contract.families import TRACES
from view.plots.test_pictures import report_of
from view.plots.test_several import ROWS

from hwsim.report import validation
from hwsim.view import plots

PACKAGE = Path(plots.__file__).resolve().parents[2]
BEGINS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("pictures")
    report_of("imc", "synthetic").to_json(found / "imc.json")
    report_of("digital", "synthetic").to_json(found / "digital.json")
    (found / "validation.json").write_text(validation.to_json(ROWS))
    return found


@pytest.mark.parametrize("kind", BEGINS)
def test_the_same_picture_is_the_same_bytes(folder, kind):
    files = [folder / f"{name}.{kind}" for name in "ab"]
    for file in files:
        assert run("plot", folder / "imc.json", "-o", file).exit_code == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes().startswith(BEGINS[kind])


@pytest.mark.parametrize(
    "words",
    [
        ("imc.json", "--figure", "timesteps"),
        ("imc.json", "--figure", "exit"),
        ("imc.json", "--figure", "timeline", "--run", "static"),
        ("imc.json", "digital.json"),
        ("validation.json", "--figure", "validation"),
        ("digital.json", "--figure", "floor", "--style", "ggplot"),
    ],
)
def test_pictures_are_drawn_from_files(folder, tmp_path, words):
    files = [folder / word if word.endswith(".json") else word for word in words]
    out = tmp_path / "p.svg"
    result = run("plot", *files, "-o", out)
    assert (result.exit_code, result.output) == (0, "")
    assert "<svg" in out.read_text()


def test_a_style_of_the_user_is_kept_to(folder, tmp_path):
    style = tmp_path / "wide.mplstyle"
    style.write_text("figure.figsize: 7.16, 3\nfont.size: 8\n")
    for name, more in (("a", ()), ("b", ("--style", style))):
        assert run("plot", folder / "imc.json", "-o", tmp_path / f"{name}.svg", *more).exit_code == 0
    widths = [(tmp_path / f"{name}.svg").read_text().partition('width="')[2].partition("pt")[0] for name in "ab"]
    assert [float(width) / 72 for width in widths] == pytest.approx([3.5, 7.16])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("imc.json", "-o", "p.gif"), "wanted a name that ends in .png, .svg or .pdf"),
        (("imc.json", "-o", "imc.json"), "is also"),
        (
            ("imc.json", "digital.json", "--figure", "energy", "-o", "p.svg"),
            "--figure energy: wanted one file, found 2",
        ),
        (("imc.json", "--x", "area_mm2", "-o", "p.svg"), "--x, --y: energy has axes of its own"),
        (("imc.json", "--figure", "exit", "--run", "static", "-o", "p.svg"), "--run: exit is not of one run"),
        (("imc.json", "--run", "sttic", "-o", "p.svg"), "did you mean 'static'"),
        (("imc.json", "--style", "ggplt", "-o", "p.svg"), "neither a file nor a style of matplotlib; did you mean"),
        (("imc.json", "--style", "bad.mplstyle", "-o", "p.svg"), "Bad key axes.gird"),
        (
            ("digital.json", "--figure", "exit", "-o", "p.svg"),
            "no sample can leave early: this machine does not decide",
        ),
        (("nothing.json", "-o", "p.svg"), "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_line(folder, monkeypatch, words, message):
    monkeypatch.chdir(folder)
    Path("bad.mplstyle").write_text("axes.gird: True\n")
    assert message in refused(run("plot", *words))
    assert not Path("p.svg").exists()


WANTED = {
    "energy": "takes a report (hwsim simulate --json)",
    "exit": "takes a report (hwsim simulate --json)",
    "compare": "takes a report (hwsim simulate --json)",
    "pareto": "takes the journal of a sweep (hwsim sweep --out)",
    "validation": "takes rows of a validation (tools/validate.py --json)",
}
GIVEN = {
    "report": ("is a report, for energy", ("energy", "exit", "compare")),
    "journal": ("is the journal of a sweep, for --figure pareto", ("pareto",)),
    "rows": ("is rows of a validation, for --figure validation", ("validation",)),
    "chips": ("is what tools/validate.py keeps", ()),
    "trace": ("is a trace, for hwsim trace plot and hwsim simulate", ()),
    "curve": ("is a curve alone; --figure exit takes the report", ()),
    "timeline": ("is a timeline, for ui.perfetto.dev", ()),
    "packed": ("compressed, as timelines for ui.perfetto.dev are", ()),
    "notes": ("", ()),
    "cut": ("", ()),
}


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("figure", WANTED)
def test_a_file_for_another_figure_is_told_what_it_is_and_what_is_wanted(folder, tmp_path, monkeypatch, figure, given):
    monkeypatch.chdir(tmp_path)
    report = (folder / "imc.json").read_bytes()
    contents = {
        "report": report,
        "journal": b'{"hwsim sweep": 1}\n{"point": 0}\n',
        "rows": b"[{}]",
        "chips": (TRACES.parent / "docs" / "data" / "chips.json").read_bytes(),
        "trace": (TRACES / "mnist_ttfs.npz").read_bytes(),
        "curve": b'{"architecture": {}, "exit_curve": {}}',
        "timeline": b'{"traceEvents": []}',
        "packed": gzip.compress(b"{}"),
        "notes": b"notes of mine\n",
        "cut": report[:1000],
    }
    says, fit = GIVEN[given]
    if figure in fit:
        return  # what is wrong with a file of the right kind is for its reader to say
    Path("given").write_bytes(contents[given])
    line = refused(run("plot", "given", "--figure", figure, "-o", "p.svg"))
    assert says in line and line.endswith(f"figure {figure} {WANTED[figure]}")


@pytest.mark.parametrize(("figure", "option"), [("timeline", "--occupancy"), ("exit", "--exit-curve")])
def test_a_report_without_it_names_the_option_that_gives_it(tmp_path, figure, option):
    trace, report, out = TRACES / "mnist_dietsnn.npz", tmp_path / "r.json", tmp_path / "p.svg"
    simulated = ("simulate", "imc", trace, "--samples", 1, "--accuracy-samples", 0, "--quiet", "--json", report)
    assert run(*simulated).exit_code == 0
    line = refused(run("plot", report, "--figure", figure, "-o", out))
    assert f"hwsim simulate {option}" in line
    given = {"--occupancy": ["--occupancy"], "--exit-curve": ["--exit-curve", tmp_path / "curve.json"]}[option]
    assert run(*simulated, *given).exit_code == 0
    assert run("plot", report, "--figure", figure, "-o", out).exit_code == 0


def test_spikes_of_a_trace_are_drawn(tmp_path):
    out = tmp_path / "p.png"
    assert run("trace", "plot", TRACES / "mnist_ttfs.npz", "-o", out, "--sample", 3).exit_code == 0
    assert out.read_bytes().startswith(BEGINS["png"])
    assert "sample: must be between 0 and" in refused(
        run("trace", "plot", TRACES / "mnist_ttfs.npz", "-o", out, "--sample", 9999)
    )


def test_nothing_but_pictures_imports_matplotlib():
    """Neither in the text of any other module, nor by what `import hwsim` and a simulation load."""
    those = {path for path in PACKAGE.rglob("*.py") if "matplotlib" in path.read_text()}
    said = {
        path
        for path in those
        if any("import" in line and "matplotlib" in line for line in path.read_text().splitlines())
    }
    assert said and {path.parent for path in said} == {PACKAGE / "view" / "plots"}
    script = (
        "import hwsim, sys; hwsim.simulate('digital', 'example', samples=1); assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
