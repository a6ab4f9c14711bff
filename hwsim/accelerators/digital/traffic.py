"""How many words and bursts each job moves between DRAM, global buffer, scratchpads and array.

Counts are per job, int64 [sample or 1, timestep, channel job, position job].  A transfer of part of a word or of part
of a burst takes a whole one.  A layer in blocks (`Task.cells`) brings the inputs and weights of a block into the
global buffer before they are read from there; its partial sums and states wait there or in DRAM.
"""

from __future__ import annotations

import numpy as np

from hwsim.accelerators.digital.codes import Codes
from hwsim.accelerators.digital.counting import TileWork
from hwsim.accelerators.digital.mover import Mover, Traffic
from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.storage import Kind, Storage
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import Piece
from hwsim.distinct import distinct


def skips(plan: Plan, work: TileWork | None) -> bool:
    """Whether a task takes its inputs spike by spike, each row at its own pace."""
    return plan.spec.skip == "skip" and work is not None


def runs(plan: Plan, only_first: bool) -> IntArray:
    """1 for timesteps at which something is done: int64 [timestep, 1, 1]."""
    done = np.ones(plan.timesteps, np.int64)
    if only_first:
        done[1:] = 0
    return done[:, None, None]


def array_runs(plan: Plan, task: Task) -> IntArray:
    """1 for timesteps at which the array works for a task: int64 [timestep, 1, 1]."""
    return runs(plan, task.only_first or task.keeps_sums)


def traffic(plan: Plan, storage: Storage, task: Task, work: TileWork | None, codes: Codes | None = None) -> Traffic:
    """Everything that one task moves; without codes what is compressed in DRAM counts as if it were not."""
    mover = Mover(plan, task, codes)
    if task.unit is not None:
        _move_weights(mover, storage, work)
    _move_inputs(mover, storage)
    _move_state(mover, storage)
    tiling = task.tiling
    done = runs(plan, task.only_first)
    if codes is not None and codes.has(task.name):
        values = tiling.combine(tiling.finished, done[None] * tiling.positions)
        mover.write_coded(tiling.summed(codes.written(task) * done[None]), values)
    else:
        bits = tiling.finished * plan.map_bits[task.name]
        mover.write(storage.homes["map", task.name], bits, done[None] * tiling.positions)
    return mover.moved


def _move_weights(mover: Mover, storage: Storage, work: TileWork | None) -> None:
    """Weights go to the scratchpads once for all positions, or all of a block, where they fit, else tile by tile.

    From the global buffer spikes then fetch theirs one by one, or all rows together those of the taps that meet
    anything; from DRAM all stream by, as bursts are for neighbours.
    """
    plan, task, tiling, cells = mover.plan, mover.task, mover.task.tiling, mover.task.cells
    home = storage.homes["weights", task.name]
    bits = tiling.widths * tiling.at(task.part_bits)
    each_tile = array_runs(plan, task)[None] * np.ones_like(tiling.positions)
    brought, filled = (1, 1) if cells is None else (cells.weights, cells.fills)
    if cells is not None:
        once = (array_runs(plan, task) * cells.first)[None]
    else:
        first_tile = runs(plan, only_first=True)[None] if plan.layer_outer else array_runs(plan, task)[None]
        once = first_tile * (np.arange(tiling.positions.size) == 0)
    if home == "global_buffer" and plan.spec.dram != "none":
        _fill_weights(mover, bits, once, brought)
    if task.name in storage.in_scratchpad:
        if home == "dram" and mover.codes is not None and mover.codes.cuts_weights:
            _read_coded_weights(mover, once, filled)
        else:
            mover.read(home, bits, once, filled)
        _move_through_scratchpad(mover, once, filled, each_tile, work)
    elif skips(plan, work) and home == "global_buffer":
        assert work is not None
        mover.read(home, tiling.widths * task.weights.weights.bits, work.ones)
    elif home == "global_buffer":
        for taps in distinct(tiling.together).tolist():  # not all of them only of a spread map
            own = tiling.widths * (taps * task.weights.weights.bits)
            mover.read(home, own, each_tile * (tiling.together == taps))
    elif mover.codes is not None and mover.codes.cuts_weights and home == "dram":
        _read_coded_weights(mover, each_tile, 1)
    else:
        mover.read(home, bits, each_tile)


def _fill_weights(mover: Mover, bits: IntArray, once: IntArray, brought: IntArray | int) -> None:
    """Weights from DRAM into the global buffer, where they lie as they are."""
    if mover.codes is None or not mover.codes.cuts_weights:
        mover.fill(bits, once, brought)
    else:
        mover.fill_words(bits, once, brought)
        _read_coded_weights(mover, once, brought)


def _read_coded_weights(mover: Mover, times: IntArray, of_jobs: IntArray | int) -> None:
    """Compressed weights of each channel tile, so many times."""
    assert mover.codes is not None
    tiling = mover.task.tiling
    values = tiling.combine(tiling.widths * tiling.at(tiling.taps), times) * of_jobs
    mover.read_coded(tiling.combine(mover.codes.of_weights(mover.task), times) * of_jobs, values)


def _move_through_scratchpad(
    mover: Mover, once: IntArray, filled: IntArray | int, each_tile: IntArray, work: TileWork | None
) -> None:
    """A column reads its weights in a row for all rows in lock step, or one at a time for each spike of each row.

    Where every PE has weights of its own, each row takes a copy and reads that.
    """
    task, tiling, pad = mover.task, mover.task.tiling, mover.plan.spec.scratchpad
    assert pad != "none"
    copies = mover.plan.spec.array.rows if pad.per == "pe" else 1
    all_of_them = tiling.at(-(-task.part_bits // pad.port_bits))
    mover.moved.pad_writes = tiling.combine(tiling.widths * all_of_them * copies, once) * filled
    if skips(mover.plan, work):
        mover.moved.pad_reads = pad_reads(mover.plan, task, work)
    else:
        readers = tiling.positions if pad.per == "pe" else 1
        mover.moved.pad_reads = tiling.combine(tiling.widths, each_tile * readers * accesses_in_a_row(mover.plan, task))


def pad_reads(plan: Plan, task: Task, work: TileWork | None) -> IntArray:
    """Reads of the columns' scratchpads for spikes that fetch their weights one by one."""
    assert work is not None
    return task.tiling.combine(task.tiling.widths * pad_accesses(plan, task), work.ones)


def accesses_in_a_row(plan: Plan, task: Task) -> IntArray:
    """Accesses of a column's scratchpad for the weights of all rows of a tile in lock step: int64 [part or 1, pt]."""
    pad = plan.spec.scratchpad
    assert pad != "none"
    return -(-task.tiling.together * task.weights.weights.bits // pad.port_bits)


def pad_accesses(plan: Plan, task: Task) -> int:
    """Accesses of a column's scratchpad for one weight."""
    pad = plan.spec.scratchpad
    assert pad != "none"
    return -(-task.weights.weights.bits // pad.port_bits)


def _move_inputs(mover: Mover, storage: Storage) -> None:
    """Each place under the windows of a tile once, for every tile again; its channels of one part lie together.

    Of a map in DRAM a block brings each place once into the buffer, where its tiles read it.
    """
    plan, task, tiling, cells = mover.plan, mover.task, mover.task.tiling, mover.task.cells
    done = array_runs(plan, task) if task.unit is not None else runs(plan, task.only_first)
    for i, (piece, places) in enumerate(zip(task.pieces, tiling.places, strict=True)):
        channels = tiling.at(channels_of(plan, task, piece))
        bits = channels * plan.map_bits[piece.map]
        home = storage.homes["map", piece.map]
        coded = mover.codes is not None and mover.codes.has(piece.map)
        if cells is not None and home == "dram":
            fresh = done[None] * tiling.fresh[i]
            if coded:
                _read_coded_map(mover, i, channels * cells.leads, fresh)
                mover.fill_words(bits * cells.leads, fresh, cells.inputs)
            else:
                mover.fill(bits * cells.leads, fresh, cells.inputs)
            home = "global_buffer"
        elif coded:
            _read_coded_map(mover, i, channels, done[None] * places)
            continue
        mover.read(home, bits, done[None] * places)


def _read_coded_map(mover: Mover, i: int, channels: IntArray, places: IntArray) -> None:
    """Compressed channels [ct] of places [..., pt] of the map that is read as the piece of this number."""
    assert mover.codes is not None
    tiling, cells = mover.task.tiling, mover.task.cells
    brought: IntArray | int = 1 if cells is None else cells.inputs
    bits = mover.codes.read(mover.task, i) * (places > 0)
    mover.read_coded(tiling.combine(np.sign(channels), bits) * brought, tiling.combine(channels, places) * brought)


def channels_of(plan: Plan, task: Task, piece: Piece) -> IntArray:
    """Channels of each place of a map that each part of a layer's input channels has: int64 [part]."""
    parts, network = task.tiling.parts, plan.network
    if task.unit is None:  # pools and sums take all
        parts = np.array([[0, network[task.layer.inputs[0]].shape[2]]], np.int64)
    if piece.flat:
        return np.full(len(parts), network[piece.map].shape[2] // task.tiling.groups, np.int64)
    own = (piece.own((first, end)) for first, end in parts.tolist())
    return np.array([end - first for first, end in own], np.int64)


def _move_state(mover: Mover, storage: Storage) -> None:
    """States of neurons to and from their home at every timestep; kept sums to it at the first, then from it.

    In blocks, partial sums to and from where they wait, and states from one block of timesteps to the next.
    """
    plan, task, tiling, cells = mover.plan, mover.task, mover.task.tiling, mover.task.cells
    every = runs(plan, only_first=False)[None]
    first = runs(plan, only_first=True)[None]
    state_bits = task.state_bits(plan.spec.membrane_bits)
    states: tuple[tuple[Kind, int, IntArray, IntArray], ...] = (
        ("membranes", state_bits, every, every),
        ("sums", plan.spec.sum_bits, first, every - first),
    )
    for kind, bits, writing, reading in states:
        home = storage.homes.get((kind, task.name))
        if home is not None:
            mover.write(home, tiling.finished * bits, writing * tiling.positions)
            mover.read(home, tiling.finished * bits, reading * tiling.positions)
    if cells is None:
        return
    if cells.sums != "none":
        bits_of, done = tiling.widths * sum_bits(plan, task), array_runs(plan, task)[None] * tiling.positions
        mover.read(cells.sums, bits_of * (tiling.slice_of > 0), done)
        mover.write(cells.sums, bits_of * (tiling.slice_of < tiling.slices - 1), done)
    if cells.states != "none":
        last = np.arange(plan.timesteps) == plan.timesteps - 1
        leaving = (cells.ends * ~last)[None, :, None, None] * tiling.positions
        coming = (cells.starts * (np.arange(plan.timesteps) > 0))[None, :, None, None] * tiling.positions
        mover.write(cells.states, tiling.finished * state_bits, leaving)
        mover.read(cells.states, tiling.finished * state_bits, coming)


def sum_bits(plan: Plan, task: Task) -> int:
    """Bits of a partial sum: those of the unit that adds."""
    return plan.spec.mac.sum_bits if task.unit in ("mac", "narrow_mac") else plan.spec.ac.bits
