"""Resistance of a crossbar's wires: where each column lies, what its rows lose, and what its columns need to know.

A row is driven at the side of its first column and a column is sensed below its last row, at a virtual ground; from
driver to first cell and from last cell to sense amplifier is one segment as between cells.  Rows that are not driven
are cut off by their cells' transistors, columns that hold nothing are not sensed and draw nothing.

Along a row each cell draws its current whatever other rows do: where its column is at ground, the voltages of a row are
those of a ladder of resistors, which is solved once, when the cells are programmed.  Along columns currents depend on
the rows that are driven together: `hwsim.kernels.crossbar.wires`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.arrays import IntArray
from hwsim.errors import ArchitectureError


class Sites(NamedTuple):
    """Where the columns of a layer lie; int64 [column], as `cells.Cells` orders them."""

    crossbar: IntArray  # among the column blocks
    place: IntArray  # in that crossbar


def sites_of(outputs: int, parts: int, across: int, references: IntArray) -> Sites:
    """A weight's parts side by side, `across` weights a crossbar, and its reference column behind them."""
    output, part = np.tile(np.arange(outputs), parts), np.repeat(np.arange(parts), outputs)
    block, within = np.divmod(output, across)
    n_references = int(references[-1]) + 1 - outputs * parts if references.size else 0
    behind = np.full(n_references, across * parts, np.int64)
    return Sites(
        np.concatenate([block, np.arange(n_references, dtype=np.int64)]),
        np.concatenate([within * parts + part, behind]),
    )


def along_rows(spec: ImcSpec, sites: Sites, currents: NDArray[np.int32], fraction_bits: int) -> NDArray[np.int32]:
    """What cells [group, row, column] draw behind their row's wire, their columns at ground; rounded half up.

    A ladder: seen from cell j the rest of its row conducts Y_j = g_j + Y_{j+1} / (1 + r Y_{j+1}), and the voltage
    behind a segment is 1 / (1 + r Y_j) of that before it.
    """
    drawn = currents.copy()
    segment = relative_ohm(spec, spec.devices.row_wire_ohm, fraction_bits)
    for crossbar in range(int(sites.crossbar.max()) + 1):
        columns = np.flatnonzero(sites.crossbar == crossbar)
        columns = columns[np.argsort(sites.place[columns])]
        gaps = segment * np.diff(sites.place[columns], prepend=-1)
        cells = currents[:, :, columns].astype(np.float64)
        onward = np.zeros_like(cells)
        onward[:, :, -1] = cells[:, :, -1]
        for j in range(columns.size - 2, -1, -1):
            behind = onward[:, :, j + 1]
            onward[:, :, j] = cells[:, :, j] + behind / (1 + gaps[j + 1] * behind)
        volts = np.cumprod(1 / (1 + gaps * onward), axis=2)
        drawn[:, :, columns] = np.floor(cells * volts + 0.5).astype(np.int32)
    return drawn


def relative_ohm(spec: ImcSpec, ohm: float, fraction_bits: int) -> float:
    """A resistance times the conductance that counts 1 in currents.

    Raises ArchitectureError for cells that have no conductance.
    """
    if spec.crossbar.device != "rram":
        raise ArchitectureError(
            f"devices: wires have resistance with crossbar.device: rram, got {spec.crossbar.device}"
        )
    siemens = (1 / spec.crossbar.r_on_ohm - 1 / spec.crossbar.r_off_ohm) / (spec.crossbar.levels - 1)
    return ohm * siemens / (1 << fraction_bits)
