"""Tools that sweep: the script to copy, and the volume that a front leaves."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import search_check
import sweep as script
from sweeps.cases import trace_file

from hwsim import sweep


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


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_a_volume_is_the_share_of_cells_that_are_beaten(dimensions, seed):
    """Beside counting the cells of a grid, on whose corners the points lie."""
    points = np.random.default_rng(seed).integers(0, 11, (6, dimensions))
    cells = itertools.product(range(10), repeat=dimensions)
    beaten = sum(any(all(point <= cell) for point in points) for cell in map(np.array, cells))
    found = search_check.hypervolume([tuple(point / 10) for point in points])
    assert abs(found - beaten / 10**dimensions) < 1e-12
