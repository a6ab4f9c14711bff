"""Wires with resistance: closed forms, and the node equations of whole crossbars."""

from __future__ import annotations

import numpy as np
import pytest
from accelerators.imc import cases
from accelerators.imc.nodal import column_currents

from hwsim.accelerators.imc.functional.wires import Sites, along_rows, relative_ohm
from hwsim.accelerators.imc.plan.placement import segments_of
from hwsim.kernels.compiled import kernel
from hwsim.kernels.crossbar.read_rows import Reads
from hwsim.kernels.crossbar.rows import Sliding
from hwsim.kernels.crossbar.wires import Wires, drive_wires

pytestmark = pytest.mark.filterwarnings("error")
BITS = 16  # currents so fine that rounding says nothing
ON, OFF, LEVELS = 1 / 20e3, 1 / 200e3, 16
STEP = (ON - OFF) / (LEVELS - 1)
WINDOW = Sliding(1, 1, (1, 1), (1, 1), (0, 0), (1, 1), 1, 1)


@kernel
def drive(planes, reads, wires, currents):
    return drive_wires(planes, 0, 0, 0, 0, 0, WINDOW, reads, wires, currents)


def spec_of(rows, row_ohm=0.0, column_ohm=0.0):
    wires = {"devices__row_wire_ohm": row_ohm, "devices__column_wire_ohm": column_ohm}
    return cases.variant(crossbar__rows=rows, **wires)


def modelled(siemens, driven, row_ohm, column_ohm):
    """Ampere of each column of one crossbar, by the model."""
    rows, columns = siemens.shape
    spec = spec_of(rows, row_ohm, column_ohm)
    cells = np.round(siemens / STEP * 2**BITS).astype(np.int32)
    if row_ohm:
        sites = Sites(np.zeros(columns, np.int64), np.arange(columns))
        cells = along_rows(spec, sites, cells[None], BITS)[0]
    if not column_ohm:
        return cells[driven].sum(axis=0) * STEP / 2**BITS
    row = np.arange(rows)
    segments = segments_of((1, 1), rows, 1, (np.zeros(rows, np.int64), row), spec)
    words = np.packbits(
        np.resize(driven, -(-rows // 64) * 64) & (np.arange(-(-rows // 64) * 64) < rows), bitorder="little"
    )
    wires = Wires(cells, row, rows, relative_ohm(spec, column_ohm, BITS), 0, *np.zeros((2, columns)))
    currents = np.zeros(columns, np.int64)
    planes, reads = words.view("<u8").reshape(1, 1, 1, -1), Reads(segments, 64 * segments.word, 1, 1)
    n = drive(planes, reads, wires, currents)
    assert n == driven.sum()
    return currents * STEP / 2**BITS


def test_a_uniform_row_is_the_ladder_of_the_textbooks():
    """Voltage at cell j of n: cosh((n - j + 1/2) a) / cosh((n + 1/2) a), 2 cosh(a) = 2 + r g, j from 1."""
    n, ohm = 40, 25.0
    found = modelled(np.full((1, n), ON), np.array([True]), ohm, 0.0)
    angle = np.arccosh(1 + ohm * ON / 2)
    wanted = ON * np.cosh((n - np.arange(1, n + 1) + 0.5) * angle) / np.cosh((n + 0.5) * angle)
    assert found == pytest.approx(wanted, abs=STEP / 2**BITS)


def test_a_uniform_column_loses_the_sum_of_squares():
    """All n rows of conductance g draw n g and lose r g^2 n (n + 1) (2 n + 1) / 6."""
    n, ohm = 64, 0.7
    found = modelled(np.full((n, 3), ON), np.ones(n, bool), 0.0, ohm)
    loss = ohm * ON**2 * n * (n + 1) * (2 * n + 1) / 6
    assert found == pytest.approx(n * ON / (1 + loss / (n * ON)), abs=n * STEP / 2**BITS)


@pytest.mark.parametrize("row", [0, 20, 63])
def test_one_driven_row_is_a_divider(row):
    """Its cell in series with the segments below it."""
    driven, ohm = np.arange(64) == row, 100.0
    found = modelled(np.full((64, 2), ON), driven, 0.0, ohm)
    assert found == pytest.approx(1 / (1 / ON + (64 - row) * ohm), abs=STEP / 2**BITS)


def test_node_equations_agree_with_circuits_solved_by_hand():
    both = column_currents(np.array([[1.0]]), np.array([True]), 2.0, 3.0)
    assert both == pytest.approx(1 / (1 + 2 + 3))
    # Two cells of 1 siemens in a column of two segments of 1 ohm: 3 v1 = 1 + v2 over 2 v1 - v2 = 1 gives 3 / 5.
    pair = column_currents(np.ones((2, 1)), np.ones(2, bool), 0.0, 1.0)
    assert pair == pytest.approx(3 / 5)


OHMS = [(0.0, 1.5), (4.4, 0.0), (4.4, 1.5), (1.0, 1.0), (5.0, 5.0)]


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2, 0.05])
@pytest.mark.parametrize(("row_ohm", "column_ohm"), OHMS)
def test_what_64_x_64_cells_lose_is_within_a_tenth_of_the_node_equations(row_ohm, column_ohm, share):
    """Each column's loss, of cells at random levels, near the middle, and all on; a thousandth of ideal at least."""
    rng = np.random.default_rng(int(100 * share))
    patterns = {
        "any": rng.integers(0, LEVELS, (64, 64)),
        "middle": np.clip(np.round(rng.normal(8, 2, (64, 64))), 0, LEVELS - 1),
        "on": np.full((64, 64), LEVELS - 1),
    }
    for name, levels in patterns.items():
        cells, driven = OFF + levels * STEP, rng.permutation(64) < round(64 * share)
        ideal = cells[driven].sum(axis=0)
        exact = ideal - column_currents(cells, driven, row_ohm, column_ohm)
        ours = ideal - modelled(cells, driven, row_ohm, column_ohm)
        far = exact > 0.001 * ideal
        assert far.any(), name
        assert np.abs(ours / exact - 1)[far].max() < 0.1, name
        assert ours.sum() == pytest.approx(exact.sum(), rel=0.02), name


def test_more_resistance_and_more_driven_rows_lose_more():
    rng = np.random.default_rng(3)
    cells, half = OFF + rng.integers(0, LEVELS, (64, 64)) * STEP, np.arange(64) % 2 == 0
    losses = [
        cells[driven].sum(axis=0) - modelled(cells, driven, ohm, ohm)
        for driven, ohm in ((half, 0.5), (half, 1.0), (np.ones(64, bool), 1.0))
    ]
    assert (losses[0] > 0).all()
    assert (losses[1] > losses[0]).all()
    assert (losses[2] > losses[1]).all()
