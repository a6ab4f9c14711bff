"""Sums of listed rows against NumPy: every width of cells and sums, columns that fill no register, no rows at all."""

from __future__ import annotations

import numpy as np
import pytest

from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.word_vectors import add_rows


@kernel(allocates=False)
def added(cells, listed, n_rows, shift, currents):
    add_rows(cells, listed, n_rows, shift, currents, currents.size)


@pytest.mark.parametrize("n_columns", [1, 15, 16, 64, 100, 300])
@pytest.mark.parametrize(
    ("cell", "current"),
    [(np.int8, np.int8), (np.int8, np.int16), (np.int16, np.int32), (np.int32, np.int64), (np.int64, np.int64)],
)
def test_listed_rows_are_added_to_what_is_there(cell, current, n_columns):
    rng = np.random.default_rng(n_columns)
    cells = rng.integers(-3, 4, (40, n_columns)).astype(cell)
    listed = rng.integers(0, 40, 9)
    for n_rows, shift in ((0, 0), (1, 2), (8, 0), (8, 1)):
        currents = rng.integers(-50, 51, n_columns).astype(current)
        expected = currents + (cells[listed[:n_rows]].astype(np.int64).sum(axis=0) << shift)
        added(cells, listed, n_rows, shift, currents)
        assert currents.dtype == current
        assert (currents == expected).all()
