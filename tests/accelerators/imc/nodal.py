"""Column currents of a crossbar with resistive wires, by its node equations: exact, for every size.

Every cell joins a node of its row to a node of its column.  Rows are driven at 1 V through a segment before their first
cell, columns sensed at ground through one below their last; a cell of a row that is not driven is an open switch.  Row
nodes are eliminated, then column nodes row by row from the far end on (a block-tridiagonal system).
"""

from __future__ import annotations

import numpy as np


def column_currents(cells, driven, row_ohm, column_ohm):
    """Ampere at the end of each column of `cells` siemens [row, column], rows `driven` bool [row]."""
    n_rows, n_columns = cells.shape
    cells = cells * driven[:, None]
    if not column_ohm:
        return sum(_row(each, row_ohm)[1] for each in cells)
    end, source = None, np.zeros(n_columns)
    for each in range(n_rows):
        conductances, injected = _row(cells[each], row_ohm)
        matrix = conductances + np.eye(n_columns) * (1 if each == 0 else 2) / column_ohm
        if each:
            matrix -= np.linalg.inv(end) / column_ohm**2
            injected = injected + np.linalg.solve(end, source) / column_ohm
        end, source = matrix, injected
    return np.linalg.solve(end, source) / column_ohm


def _row(cells, ohm):
    """A row as its column nodes see it: conductances [column, column], and what it injects when those are at ground."""
    if not ohm:
        return np.diag(cells), cells.copy()
    n = cells.size
    nodes = np.diag(cells + np.r_[np.full(n - 1, 2.0), 1.0] / ohm)
    nodes -= (np.eye(n, k=1) + np.eye(n, k=-1)) / ohm
    inverse = np.linalg.inv(nodes)
    return np.diag(cells) - cells[:, None] * inverse * cells, cells * inverse[:, 0] / ohm
