"""Tools that sweep: the script to copy, and the volume that a front leaves."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import search_check
import sweep as script
import sweep_functional
from sweeps.cases import trace_file

from hwsim import api, sweep


def test_the_script_runs_goes_on_and_writes_a_page(tmp_path, capsys):
    out = tmp_path / "runs.jsonl"
    words = [
        "--trace",
        str(trace_file(tmp_path)),
        "--vary",
        "adc.bits=7,8",
        "adc.columns_per_adc=4,8",
        "--samples",
        "2",
    ]
    assert script.main([*words, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "mm2: adc.bits=7 adc.columns_per_adc=" in said
    assert len(sweep.load(out)) == 5
    assert (tmp_path / "runs.html").read_text().startswith("<!doctype html>")
    assert script.main([*words, "--out", str(out)]) == 0
    assert capsys.readouterr().out == said
    assert script.main([*words, "--out", str(out), "--architecture", "nothing"]) == 2
    assert capsys.readouterr().err.startswith("error: nothing: no such file or shipped design")


def test_accuracies_of_chips_are_those_of_functional_runs(tmp_path, capsys):
    trace = Path(__file__).parents[2] / "traces" / "fashion_dietsnn.npz"
    words = [str(trace), "--bits", "7", "8", "--variation", "0", "0.3", "--seeds", "3", "--samples", "30"]
    assert sweep_functional.main([*words, "--out", str(tmp_path / "rows.jsonl")]) == 0
    lines = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith(("| 7", "| 8"))]

    def accuracies(bits, sigma, seeds):
        for seed in range(seeds):
            design = {"adc.bits": bits, "devices.conductance_variation": sigma, "devices.seed": seed}
            report = api.simulate("imc", trace, set=design, accuracy_samples=30)
            yield 100 * report.run("static").hardware_accuracy.accuracy

    for line, bits in zip(lines, (7, 8), strict=True):
        assert line[1].startswith(f"{next(accuracies(bits, 0, 1)):.1f} ± ")
        chips = [*accuracies(bits, 0.3, 3)]
        assert line[2].startswith(f"{np.mean(chips):.1f} ± ")
        assert line[2].endswith(f"({np.std(chips, ddof=1):.1f})")
    assert len({row["accuracy"] for row in sweep.load(tmp_path / "rows.jsonl")}) > 2
    assert sweep_functional.main([*words, "--set", "direct_input=never"]) == 2
    assert "direct_input" in capsys.readouterr().err


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_a_volume_is_the_share_of_cells_that_are_beaten(dimensions, seed):
    """Beside counting the cells of a grid, on whose corners the points lie."""
    points = np.random.default_rng(seed).integers(0, 11, (6, dimensions))
    cells = itertools.product(range(10), repeat=dimensions)
    beaten = sum(any(all(point <= cell) for point in points) for cell in map(np.array, cells))
    found = search_check.hypervolume([tuple(point / 10) for point in points])
    assert abs(found - beaten / 10**dimensions) < 1e-12
