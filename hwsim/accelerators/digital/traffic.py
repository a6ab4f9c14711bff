"""How many words and bursts each job moves between DRAM, global buffer, scratchpads and array.

Counts are per job, int64 [sample or 1, timestep, channel job, position job].  A transfer of part of a word or of part
of a burst takes a whole one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from hwsim.accelerators.digital.counting import TileWork
from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.storage import Home, Kind, Storage
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import Piece


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


@dataclass(slots=True)
class Traffic:
    """Accesses of one task's jobs."""

    dram_reads: IntArray
    dram_writes: IntArray
    buffer_fills: IntArray  # words written that come from DRAM
    buffer_reads: IntArray
    buffer_writes: IntArray  # words written that come from the array
    pad_writes: IntArray
    pad_reads: IntArray


class _Mover:
    """Adds up what one task moves."""

    def __init__(self, plan: Plan, task: Task) -> None:
        self.plan, self.task = plan, task
        nothing = np.zeros((1, plan.timesteps, *task.tiling.shape), np.int64)
        self.moved = Traffic(*[nothing] * len(fields(Traffic)))

    def read(self, home: Home, bits: IntArray, times: IntArray) -> None:
        """Read runs of `bits` [channel tile], each `times` [..., group or 1, position tile], from their home."""
        if home == "global_buffer":
            self.moved.buffer_reads = self.moved.buffer_reads + self._words(bits, times)
        elif home == "dram":
            self.moved.dram_reads = self.moved.dram_reads + self._bursts(bits, times)

    def write(self, home: Home, bits: IntArray, times: IntArray) -> None:
        """Write runs of bits to their home."""
        if home == "global_buffer":
            self.moved.buffer_writes = self.moved.buffer_writes + self._words(bits, times)
        elif home == "dram":
            self.moved.dram_writes = self.moved.dram_writes + self._bursts(bits, times)

    def fill(self, bits: IntArray, times: IntArray) -> None:
        """Bring runs of bits from DRAM into the global buffer."""
        self.moved.dram_reads = self.moved.dram_reads + self._bursts(bits, times)
        self.moved.buffer_fills = self.moved.buffer_fills + self._words(bits, times)

    def _words(self, bits: IntArray, times: IntArray) -> IntArray:
        buffer = self.plan.spec.global_buffer
        assert buffer != "none"
        return self.task.tiling.combine(-(-bits // buffer.port_bits), times)

    def _bursts(self, bits: IntArray, times: IntArray) -> IntArray:
        """Runs of one job lie side by side."""
        dram = self.plan.spec.dram
        assert dram != "none"
        return -(-self.task.tiling.combine(bits, times) // dram.burst_bits)


def traffic(plan: Plan, storage: Storage, task: Task, work: TileWork | None) -> Traffic:
    """Everything that one task moves."""
    mover = _Mover(plan, task)
    if task.unit is not None:
        _move_weights(mover, storage, work)
    _move_inputs(mover, storage)
    _move_state(mover, storage)
    tiling = task.tiling
    done = runs(plan, task.only_first)
    bits = tiling.widths * plan.map_bits[task.name]
    mover.write(storage.homes["map", task.name], bits, done[None] * tiling.positions)
    return mover.moved


def _move_weights(mover: _Mover, storage: Storage, work: TileWork | None) -> None:
    """Weights go to the scratchpads once for all positions where they fit, else to the array tile by tile.

    From the global buffer spikes then fetch theirs one by one, or all rows together those of the taps that meet
    anything; from DRAM all stream by, as bursts are for neighbours.
    """
    plan, task, tiling = mover.plan, mover.task, mover.task.tiling
    home = storage.homes["weights", task.name]
    bits = tiling.widths * task.weight_bits_per_channel
    each_tile = array_runs(plan, task)[None] * np.ones_like(tiling.positions)
    first_tile = runs(plan, only_first=True)[None] if plan.layer_outer else array_runs(plan, task)[None]
    once = first_tile * (np.arange(tiling.positions.size) == 0)
    if home == "global_buffer" and plan.spec.dram != "none":
        mover.fill(bits, once)
    if task.name in storage.in_scratchpad:
        mover.read(home, bits, once)
        _move_through_scratchpad(mover, once, each_tile, work)
    elif skips(plan, work) and home == "global_buffer":
        assert work is not None
        mover.read(home, tiling.widths * task.weights.weights.bits, work.ones)
    elif home == "global_buffer":
        for taps in np.unique(tiling.together).tolist():  # not all of them only of a spread map
            own = tiling.widths * (taps * task.weights.weights.bits)
            mover.read(home, own, each_tile * (tiling.together == taps))
    else:
        mover.read(home, bits, each_tile)


def _move_through_scratchpad(mover: _Mover, once: IntArray, each_tile: IntArray, work: TileWork | None) -> None:
    """A column reads its weights in a row for all rows in lock step, or one at a time for each spike of each row."""
    task, tiling, pad = mover.task, mover.task.tiling, mover.plan.spec.scratchpad
    assert pad != "none"
    all_of_them = -(-task.weight_bits_per_channel // pad.port_bits)
    mover.moved.pad_writes = tiling.combine(tiling.widths * all_of_them, once)
    if skips(mover.plan, work):
        assert work is not None
        mover.moved.pad_reads = tiling.combine(tiling.widths * pad_accesses(mover.plan, task), work.ones)
    else:
        mover.moved.pad_reads = tiling.combine(tiling.widths, each_tile * accesses_in_a_row(mover.plan, task))


def accesses_in_a_row(plan: Plan, task: Task) -> IntArray:
    """Accesses of a column's scratchpad for the weights of all rows of a tile in lock step: int64 [position tile]."""
    pad = plan.spec.scratchpad
    assert pad != "none"
    return -(-task.tiling.together * task.weights.weights.bits // pad.port_bits)


def pad_accesses(plan: Plan, task: Task) -> int:
    """Accesses of a column's scratchpad for one weight."""
    pad = plan.spec.scratchpad
    assert pad != "none"
    return -(-task.weights.weights.bits // pad.port_bits)


def _move_inputs(mover: _Mover, storage: Storage) -> None:
    """Each place under the windows of a tile once, for every tile again; its channels of one group lie together."""
    plan, task, tiling = mover.plan, mover.task, mover.task.tiling
    done = array_runs(plan, task) if task.unit is not None else runs(plan, task.only_first)
    for piece, places in zip(task.pieces, tiling.places, strict=True):
        bits = _channels(plan, task, piece)[tiling.group_of] * plan.map_bits[piece.map]
        mover.read(storage.homes["map", piece.map], bits, done[None] * places)


def _channels(plan: Plan, task: Task, piece: Piece) -> IntArray:
    """Channels of each place of a map that each group of a layer reads: int64 [group]."""
    groups, network = task.tiling.groups, plan.network
    if piece.flat:
        return np.full(groups, network[piece.map].shape[2] // groups, np.int64)
    size = network[task.layer.inputs[0]].shape[2] // groups
    own = (piece.own((group * size, (group + 1) * size)) for group in range(groups))
    return np.array([end - first for first, end in own], np.int64)


def _move_state(mover: _Mover, storage: Storage) -> None:
    """States of neurons to and from their home at every timestep; kept sums to it at the first, then from it."""
    task, tiling = mover.task, mover.task.tiling
    every = runs(mover.plan, only_first=False)[None]
    first = runs(mover.plan, only_first=True)[None]
    states: tuple[tuple[Kind, int, IntArray, IntArray], ...] = (
        ("membranes", task.state_bits(mover.plan.spec.membrane_bits), every, every),
        ("sums", mover.plan.spec.sum_bits, first, every - first),
    )
    for kind, bits, writing, reading in states:
        home = storage.homes.get((kind, task.name))
        if home is not None:
            mover.write(home, tiling.widths * bits, writing * tiling.positions)
            mover.read(home, tiling.widths * bits, reading * tiling.positions)
