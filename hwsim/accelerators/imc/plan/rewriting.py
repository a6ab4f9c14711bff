"""Which cells are written before the first inference, and which in each pass of every one.

Each pass takes the crossbars of the chip from the first one on.  A crossbar that one pass alone uses keeps its weights
and is written once.  One that several use is written in each of these, the cells in use and no others, whatever level
they had; the first pass, too, as an inference finds what the last pass of the one before has left.

Rows of a crossbar are written one after another, all cells of a row at once, and crossbars side by side, as many as
`crossbar.write.crossbars` says: with r rows in the fullest and R in all it is max(r, ceil(R / crossbars)) rows' time.
Weights come from tile 0, where they enter the chip, a flit a cycle; writing waits for the last of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from hwsim import units
from hwsim.accelerators.imc.plan.mesh import Mesh
from hwsim.accelerators.imc.plan.packing import columns_in_use
from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.plan.placement import Placement
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.components.cell_write import PulseWrite
from hwsim.contract.arrays import IntArray
from hwsim.contract.writing import Writing, Written

WRITING = "write pass"
"""The first words of the steps that write."""


def step_name(number: int) -> str:
    """The step that writes a pass."""
    return f"{WRITING} {number + 1}"


@dataclass(frozen=True, slots=True)
class Contents:
    """What passes have on each crossbar of the chip: int64 [pass, crossbar] each."""

    cells: IntArray
    rows: IntArray

    @classmethod
    def of(cls, spec: ImcSpec, placement: Placement) -> Contents:
        """That of a network."""
        n = 1 + max((int(placed.place_of.max()) for placed in placement.layers.values()), default=0)
        cells, rows = (np.zeros((placement.passes.n, n), np.int64) for _ in range(2))
        for name, placed in placement.layers.items():
            own_cells, own_rows = _of_copy(spec, placed)
            number = placement.passes.of_step(name)
            for places in placed.place_of:
                cells[number, places] += own_cells
                rows[number, places] = np.maximum(rows[number, places], own_rows)
        return cls(cells, rows)

    @property
    def users(self) -> IntArray:
        """Passes that use each crossbar: int64 [crossbar]."""
        users: IntArray = (self.cells > 0).sum(axis=0, dtype=np.int64)
        return users

    def rewritten(self, number: int) -> Contents:
        """What a pass writes in every inference, of one pass."""
        shared = self.users > 1
        return Contents(self.cells[number : number + 1] * shared, self.rows[number : number + 1] * shared)

    def kept(self) -> Contents:
        """What is written once, by whichever pass uses it."""
        alone = self.users == 1
        return Contents((self.cells * alone).sum(axis=0, keepdims=True), (self.rows * alone).sum(axis=0, keepdims=True))


def _of_copy(spec: ImcSpec, placed: LayerPlacement) -> tuple[IntArray, IntArray]:
    """Cells and rows in use of each crossbar of a copy: int64 [crossbar] each."""
    rows = np.tile(np.array(placed.block_rows, np.int64), placed.groups * placed.column_blocks)
    return rows * columns_in_use(spec, placed), rows


def written(spec: ImcSpec, placement: Placement, contents: Contents) -> Written:
    """What writing of one pass takes, or of what stays."""
    (cells,), (rows,) = contents.cells, contents.rows
    bits = cells * spec.crossbar.cell_bits
    per_tile = np.zeros(placement.tiles, np.int64)
    tile = np.arange(cells.size) // (spec.chip.crossbars_per_pe * spec.chip.pes_per_tile)
    np.add.at(per_tile, tile, bits)
    flits = -(-per_tile // spec.noc.flit_bits)
    mesh = Mesh.of(placement.tiles)
    hops = int(sum(n * mesh.hops(0, place) for place, n in enumerate(flits.tolist())))
    total = int(cells.sum())
    actions = {
        ("crossbar", "write_cell"): total,
        ("crossbar", "write_row"): int(rows.sum()),
        ("htree", "transfer"): int((-(-per_tile // spec.htree.bits)).sum()),
        **{("noc", action): hops for action in (("hop", "link") if spec.noc.law == "isaac" else ("hop",))},
    }
    if isinstance(spec.crossbar.write, PulseWrite):
        actions["adc", "verify"] = total
        if spec.adc_reference != "none":
            actions["adc_reference", "verify"] = total
    return Written(total, int(bits.sum()), max(_cycles(spec, rows), int(flits.sum())), actions)


def _cycles(spec: ImcSpec, rows: IntArray) -> int:
    """Cycles in which so many rows of each crossbar are written: int64 [crossbar]."""
    assert spec.crossbar.write is not None
    at_once = spec.crossbar.write.crossbars
    turns = 0 if at_once == "all" else ceil(int(rows.sum()) / at_once)
    return max(int(rows.max(initial=0)), turns) * row_cycles(spec)


def row_cycles(spec: ImcSpec) -> int:
    """Cycles in which a row is written: pulses, each with a read that is converted, or at once."""
    write = spec.crossbar.write
    assert write is not None
    if not isinstance(write, PulseWrite):
        return units.cycles_from_ns(write.row_ns, spec.clock.frequency_mhz)
    pulse = units.cycles_from_ns(write.pulse_ns, spec.clock.frequency_mhz)
    return write.row_pulses * (pulse + spec.read_cycles + spec.mux_phases * spec.convert_cycles)


def written_by(spec: ImcSpec, placement: Placement, step: str) -> Written:
    """What a step writes."""
    number = next(number for number in range(placement.passes.n) if step_name(number) == step)
    return written(spec, placement, Contents.of(spec, placement).rewritten(number))


def writing(spec: ImcSpec, placement: Placement) -> Writing | None:
    """All that is written for a network; None where the design does not say how."""
    if spec.crossbar.write is None:
        return None
    contents, n = Contents.of(spec, placement), placement.passes.n
    each = [written(spec, placement, contents.rewritten(number)) for number in range(n)] if n > 1 else []
    endurance = getattr(spec.crossbar.write, "endurance", None)
    return Writing(
        once=written(spec, placement, contents.kept()),
        each=_added(each),
        passes=n,
        most_writes=int(contents.users.max(initial=0)) if n > 1 else 0,
        endurance=None if endurance is None else (endurance.value, endurance.low, endurance.high),
    )


def _added(parts: list[Written]) -> Written:
    actions = {key: sum(part.actions[key] for part in parts) for key in (parts[0].actions if parts else ())}
    cells, bits, cycles = (sum(getattr(part, name) for part in parts) for name in ("cells", "bits", "cycles"))
    return Written(cells, bits, cycles, actions)
