"""The jobs of a layer that is cut into blocks: their order, what each brings into the buffer, when there is room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from hwsim.accelerators.digital.blocking import RELEVANT, Blocking, Loop
from hwsim.accelerators.digital.footprint import moves, spills_states, spills_sums
from hwsim.accelerators.digital.geometry import Geometry
from hwsim.accelerators.digital.tiling import Tiling
from hwsim.contract.arrays import IntArray

Kept = Literal["none", "global_buffer", "dram"]
"""Where something waits from one block to the next; `none` where it stays in the PEs."""


@dataclass(frozen=True, slots=True)
class Cells:
    """What the blocks of a layer mean for its jobs, which are [timestep, channel job, position job] before `order`."""

    block: Blocking
    geometry: Geometry
    order: IntArray  # [job] place of each job among [timestep, channel job, position job]
    inputs: IntArray  # [timestep, channel job, position job] 1 where the block's inputs are not those of the one before
    weights: IntArray  # likewise its weights
    fills: IntArray  # likewise those in the scratchpads
    room: IntArray  # [job] which has to end first, so that there is room for what a job brings; -1 for none
    step: IntArray  # [job] number of its block, in order
    first: IntArray  # [timestep, 1, pt] 1 for the first position tile of a block at its first timestep
    leads: IntArray  # [ct] 1 for the first of a block that reads a part of the input channels
    starts: IntArray  # [timestep] 1 for the first of a block of timesteps
    ends: IntArray  # [timestep] 1 for the last
    sums: Kept
    states: Kept
    space_bits: int  # of the buffer, at the most
    dram_bits: int  # of inputs, weights, partial sums and states, whole words apart

    @property
    def shape(self) -> tuple[int, ...]:
        """Timesteps, channel jobs and position jobs."""
        return self.inputs.shape

    def bursts(self, bits: IntArray, burst_bits: int) -> IntArray:
        """Bursts that bring the bits of all jobs, of which those of a block lie side by side.

        Both are int64 [..., timestep, channel job, position job].  A job waits for the bursts with which its last bits
        come.
        """
        ordered = bits.reshape(*bits.shape[:-3], -1)[..., self.order]
        until = np.cumsum(ordered, axis=-1)
        before = (until - ordered)[..., np.searchsorted(self.step, self.step)]  # of the blocks before
        came = -(-(until - before) // burst_bits)
        found = np.empty_like(ordered)
        found[..., self.order] = came - -(-(until - ordered - before) // burst_bits)
        return found.reshape(bits.shape)


def cells_of(geometry: Geometry, block: Blocking, tiling: Tiling, timesteps: int, together: bool) -> Cells:
    """The jobs of a layer in blocks; `together` where all timesteps of a layer run before the next layer."""
    trips, at = geometry.trips(block), _blocks_of(geometry, block, tiling, timesteps, together)
    shape = (timesteps, *tiling.shape)
    loops: dict[str, IntArray] = {loop: np.broadcast_to(at[loop], shape).ravel() for loop in at}
    time, channel, position = (index.ravel() for index in np.indices(shape))
    outer = [loops[loop] for loop in block.order]
    keys = [*([] if together else [time]), *outer, channel, position, time]
    order = np.lexsort(keys[::-1])
    blocks = [*([] if together else [time]), *outer]
    step = _changes(blocks, order)
    brought, room = {}, np.full(order.size, -1, np.int64)
    for kind in ("inputs", "weights"):
        more = [loops["groups"]] if kind == "inputs" else []
        own = [loops[loop] for loop in block.order if loop in RELEVANT[kind]]
        changed = _changes([*([] if together else [time]), *own, *more], order)
        brought[kind] = _of_steps(step, changed, order, shape)
        room = np.maximum(room, _room(changed, 2 if _comes_beside(geometry, block, kind) else 1))
    starts, ends = _ends(timesteps, block.timesteps if together else 1)
    state: Kept = "none"
    if trips.timesteps > 1 and geometry.state_bits:
        state = "dram" if spills_states(geometry, block) else "global_buffer"
    sums: Kept = "none"
    if trips.inputs > 1:
        sums = "dram" if spills_sums(geometry, block) else "global_buffer"
    dram_bits, space_bits = moves(geometry, block)
    return Cells(
        block=block,
        geometry=geometry,
        order=order,
        inputs=brought["inputs"],
        weights=brought["weights"],
        fills=np.ones(shape, np.int64) if block.channels > 1 else brought["weights"],
        room=room,
        step=step,
        first=starts[:, None, None] * _first_tiles(tiling, geometry, block),
        leads=_leads(tiling, block),
        starts=starts,
        ends=ends,
        sums=sums,
        states=state,
        space_bits=space_bits,
        dram_bits=dram_bits,
    )


def _blocks_of(
    geometry: Geometry, block: Blocking, tiling: Tiling, timesteps: int, together: bool
) -> dict[str, IntArray]:
    """The block of each loop that a job belongs to, to be spread over [timestep, channel job, position job]."""
    first = tiling.channel_starts
    inputs = tiling.slice_of[first]
    tile = first - inputs * tiling.channel_tiles
    per_group = geometry.tiles
    if block.channels >= per_group:
        channels = tile // block.channels
    else:
        channels = tile // per_group * -(-per_group // block.channels) + tile % per_group // block.channels
    image, position = np.divmod(tiling.position_starts, tiling.positions.size // tiling.images)
    time = np.arange(timesteps, dtype=np.int64)[:, None, None]
    return {
        "images": (image // block.images)[None, None],
        "timesteps": time // block.timesteps if together else 0 * time,
        "positions": _position_block(geometry, block, tiling)[position][None, None],
        "channels": channels[None, :, None],
        "inputs": inputs[None, :, None],
        "groups": (tile // per_group // max(1, block.channels // per_group))[None, :, None],
    }


def _position_block(geometry: Geometry, block: Blocking, tiling: Tiling) -> IntArray:
    """The block of each position tile of one image: int64 [pt of one image]."""
    height, width = geometry.outputs
    y, x = np.divmod(np.arange(height * width, dtype=np.int64), width)
    found = np.zeros(tiling.positions.size // tiling.images, np.int64)
    found[tiling.tile_of] = y // block.rows * -(-width // block.columns) + x // block.columns
    return found


def _changes(keys: list[IntArray], order: IntArray) -> IntArray:
    """Number of each job's run of jobs with the same keys, in order: int64 [job in order]."""
    changed = np.zeros(order.size, np.bool_)
    for key in keys:
        ordered = key[order]
        changed[1:] |= ordered[1:] != ordered[:-1]
    return np.cumsum(changed)


def _of_steps(step: IntArray, changed: IntArray, order: IntArray, shape: tuple[int, ...]) -> IntArray:
    """1 for all jobs of steps with which something changes: int64 `shape`."""
    first = np.searchsorted(step, step)  # of its step
    new = np.where(first == 0, 1, changed[first] != changed[np.maximum(first - 1, 0)])
    found = np.zeros(order.size, np.int64)
    found[order] = new
    return found.reshape(shape)


def _room(run: IntArray, places: int) -> IntArray:
    """The job that has to end before another run of jobs has room, if there are so many places for what runs use."""
    last = np.searchsorted(run, run - places + 1) - 1  # of the run that has the place, -1 before there is one
    return np.where(run >= places, last, -1)


def _comes_beside(geometry: Geometry, block: Blocking, kind: str) -> bool:
    """Whether the next block of a kind comes while the one before is in use: its loop is the innermost with trips."""
    trips = geometry.trips(block)
    inner = [loop for loop in block.order if trips.of(loop) > 1]
    if not inner:
        return False
    changing: frozenset[Loop] = RELEVANT[kind] | (
        frozenset({"channels"}) if kind == "inputs" and geometry.groups > 1 else frozenset()
    )
    return inner[-1] in changing


def _ends(timesteps: int, block: int) -> tuple[IntArray, IntArray]:
    """The first and the last timestep of each block: int64 [timestep] each."""
    step = np.arange(timesteps, dtype=np.int64)
    last = (step % block == block - 1) | (step == timesteps - 1)
    return (step % block == 0).astype(np.int64), last.astype(np.int64)


def _first_tiles(tiling: Tiling, geometry: Geometry, block: Blocking) -> IntArray:
    """1 for the first position tile of each block of images and positions: int64 [pt]."""
    of_one = np.diff(_position_block(geometry, block, tiling), prepend=-1) > 0
    image = np.repeat(np.arange(tiling.images, dtype=np.int64), of_one.size)
    first: IntArray = (np.tile(of_one, tiling.images) & (image % block.images == 0)).astype(np.int64)
    return first


def _leads(tiling: Tiling, block: Blocking) -> IntArray:
    """1 for the first channel tile of each block and part of the input channels: int64 [ct]."""
    tile = np.arange(tiling.widths.size, dtype=np.int64) % tiling.channel_tiles
    per_group = tiling.channel_tiles // tiling.groups
    within = tile % per_group
    leads: IntArray = (within % min(block.channels, per_group) == 0).astype(np.int64)
    return leads
