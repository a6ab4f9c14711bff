"""The tool that sets papers' claims beside ours: its arithmetic, its rows, and what it says to mistakes."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

import reproduce
from reproduction import dietsnn, dtsnn
from reproduction.rows import Row, Section


@pytest.mark.parametrize(("mean", "timesteps"), [(1.46, 4), (1.27, 4), (2.5, 4), (3.9, 4), (1.0001, 8)])
def test_exits_have_the_mean_asked_for(mean, timesteps):
    shares = dtsnn.exits_of_mean(mean, timesteps)
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert shares @ np.arange(1, timesteps + 1) == pytest.approx(mean, abs=1e-9)
    # Of largest entropy: shares are in geometric progression.
    ratios = shares[1:] / shares[:-1]
    assert ratios == pytest.approx(ratios[0], rel=1e-9)


def test_operations_are_the_papers():
    cifar, imagenet = dietsnn.operations().rows
    assert cifar.paper == cifar.ours == "3.384e+08, 0.52 %"
    assert imagenet.paper == imagenet.ours == "1.547e+10, 0.56 %"


def test_crossing_is_found_between_rates():
    # Falling as 1 / rate, so the crossing is where the rate is 3 %.
    ratios = [0.03 / rate for rate in dietsnn._RATES]
    assert dietsnn._crossing(ratios) == "3.0 %"
    assert dietsnn._crossing([0.9] * len(ratios)) == "at none"
    assert dietsnn._crossing([2.0] * len(ratios)).startswith("above")


def test_every_paper_of_the_list_has_its_module():
    for name in reproduce.PAPERS:
        assert callable(__import__(f"reproduction.{name}", fromlist=["sections"]).sections)


def test_tables_are_printed_and_written(monkeypatch, tmp_path, capsys):
    sections = [Section("Title of a table", [Row("what", "4.9x", "5.1x", "because")], ["a note"])]
    monkeypatch.setattr(dtsnn, "sections", lambda: sections)
    out = tmp_path / "found.json"
    assert reproduce.main(["dtsnn", "--json", str(out)]) == 0
    printed = capsys.readouterr().out
    for text in ("Title of a table", "4.9x", "5.1x", "because", "a note"):
        assert text in printed
    assert json.loads(out.read_text())["dtsnn"][0]["rows"][0]["ours"] == "5.1x"


def test_nothing_named_is_one_line(capsys):
    assert reproduce.main([]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "dtsnn" in error
