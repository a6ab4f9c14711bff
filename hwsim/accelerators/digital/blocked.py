"""Which layers of a network go through the global buffer block by block, and what that makes of plan and storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from hwsim.accelerators.digital.blocking import LOOPS, Blocking, Loop
from hwsim.accelerators.digital.cells import cells_of
from hwsim.accelerators.digital.counting import counts_inputs
from hwsim.accelerators.digital.footprint import moves
from hwsim.accelerators.digital.geometry import Geometry, Source
from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.search import search
from hwsim.accelerators.digital.spec import Block
from hwsim.accelerators.digital.storage import Home, Kind, Storage, scratchpad_bits
from hwsim.accelerators.digital.tiling import tile_layer
from hwsim.accelerators.digital.traffic import channels_of, sum_bits, traffic
from hwsim.contract.arrays import IntArray
from hwsim.errors import ArchitectureError, guess
from hwsim.kept import Keeps
from hwsim.traces.network.geometry import input_shape, window


@dataclass(frozen=True, slots=True)
class Blocked(Keeps):
    """A plan and its storage with the layers that are cut into blocks."""

    plan: Plan
    storage: Storage


def block_layers(plan: Plan, storage: Storage) -> Blocked:
    """Cut layers into blocks as the design says, or where that moves less to and from DRAM.

    Raises ArchitectureError where a blocking that the design gives names no layer, cannot be or does not fit.
    """
    asked = plan.spec.blocking
    if plan.spec.dram == "none" or plan.spec.global_buffer == "none" or asked == "none":
        if isinstance(asked, Mapping):
            raise ArchitectureError("blocking: blocks lie in the global buffer and come from DRAM, and one is none")
        return Blocked(plan, storage)
    given = asked if isinstance(asked, Mapping) else {}
    weighted = [task.name for task in plan.tasks if task.unit is not None]
    for name in given:
        if name not in weighted:
            raise ArchitectureError(f"blocking.{name}: no layer with weights is called so{guess(name, weighted)}")
    tasks, homes, inside = list(plan.tasks), dict(storage.homes), set(storage.in_scratchpad)
    fullest, pad_bits = storage.buffer_bits, storage.scratchpad_bits
    for i, task in enumerate(plan.tasks):
        found = _blocked(plan, storage, i, given.get(task.name))
        if found is not None and found.cells is not None:
            tasks[i] = found
            homes["weights", task.name] = "global_buffer"
            inside, pad_bits = _in_scratchpads(plan, found, inside, pad_bits)
            fullest = max(fullest, storage.beside[i] + found.cells.space_bits)
    if all(task.cells is None for task in tasks):
        return Blocked(plan, storage)
    stored = replace(
        storage, homes=homes, in_scratchpad=frozenset(inside), buffer_bits=fullest, scratchpad_bits=pad_bits
    )
    return Blocked(replace(plan, tasks=tuple(tasks)), stored)


def _in_scratchpads(plan: Plan, task: Task, inside: set[str], most: int) -> tuple[set[str], int]:
    """Layers whose weights the scratchpads hold, with those of one in blocks, and the most bits of any."""
    pad, bits = plan.spec.scratchpad, scratchpad_bits(task)
    if pad == "none" or bits > pad.total_bits:
        return inside - {task.name}, most
    return inside | {task.name}, max(most, bits)


def _blocked(plan: Plan, storage: Storage, place: int, given: Block | None) -> Task | None:
    """A task in blocks; None where it stays whole."""
    task = plan.tasks[place]
    if task.unit is None or (given is None and not _may_gain(plan, storage, task)):
        return None
    also = (1, 1) if given is None else (given.rows or 1, given.columns or 1)
    geometry = replace(geometry_of(plan, storage, place), also=also)
    if given is not None:
        return _in_blocks(plan, task, geometry, _given(plan, task, geometry, given))
    block = search(geometry)
    if block is None:
        return None
    now = _accesses(plan, storage, task)
    if now.dram * _burst_bits(plan) < moves(geometry, block)[0]:  # bursts are whole
        return None
    found = _in_blocks(plan, task, geometry, block)
    homes: dict[tuple[Kind, str], Home] = {**storage.homes, ("weights", task.name): "global_buffer"}
    inside = frozenset(_in_scratchpads(plan, found, set(storage.in_scratchpad), 0)[0])
    then = _accesses(plan, replace(storage, homes=homes, in_scratchpad=inside), found)
    if _fetches_by_spike(plan, storage, task):
        return found if then.dram < now.dram else None
    return found if then < now else None


def _may_gain(plan: Plan, storage: Storage, task: Task) -> bool:
    """Whether anything could come from DRAM, or weights to the array from the buffer, more than once."""
    from_dram = any(storage.homes["map", name] == "dram" for name in task.reads)
    again = task.name not in storage.in_scratchpad and plan.spec.scratchpad != "none"
    streams = task.name not in storage.in_scratchpad and storage.homes["weights", task.name] == "dram"
    if from_dram or streams:
        return task.tiling.tiles * plan.timesteps > 1
    return again and task.tiling.positions.size * plan.timesteps > 1 and not _fetches_by_spike(plan, storage, task)


def _fetches_by_spike(plan: Plan, storage: Storage, task: Task) -> bool:
    """Whether spikes fetch their weights from the buffer, as often as there are spikes."""
    by_spike = plan.spec.skip == "skip" and counts_inputs(plan, task)
    return by_spike and task.name not in storage.in_scratchpad


class _Accesses(NamedTuple):
    """What a task does, whatever its spikes."""

    dram: int  # bursts
    buffer: int  # words


def _accesses(plan: Plan, storage: Storage, task: Task) -> _Accesses:
    moved = traffic(plan, storage, task, None)
    buffer = moved.buffer_fills.sum() + moved.buffer_reads.sum() + moved.buffer_writes.sum()
    return _Accesses(int(moved.dram_reads.sum() + moved.dram_writes.sum()), int(buffer))


def _burst_bits(plan: Plan) -> int:
    assert plan.spec.dram != "none"
    return plan.spec.dram.burst_bits


def _in_blocks(plan: Plan, task: Task, geometry: Geometry, block: Blocking) -> Task:
    tiling = tile_layer(plan.network, task.layer, task.pieces, plan.spec.array, plan.images, block)
    return replace(
        task, tiling=tiling, cells=cells_of(geometry, block, tiling, plan.timesteps, together=plan.layer_outer)
    )


def geometry_of(plan: Plan, storage: Storage, place: int) -> Geometry:
    """What decides how a task of the plan can be cut into blocks."""
    task, spec = plan.tasks[place], plan.spec
    assert spec.global_buffer != "none"
    source = input_shape(task.layer, plan.network)
    timesteps = plan.timesteps if plan.layer_outer else 1
    sources = []
    for piece in task.pieces:
        bits: IntArray = channels_of(plan, task, piece) * plan.map_bits[piece.map]
        in_dram = storage.homes["map", piece.map] == "dram"
        sources.append(Source((piece.height, piece.width), piece.repeats, piece.flat, tuple(bits.tolist()), in_dram))
    pad = spec.scratchpad
    return Geometry(
        outputs=task.layer.shape[:2],
        read=source[:2],
        window=window(task.layer),
        sources=tuple(sources),
        groups=task.tiling.groups,
        widths=tuple(task.tiling.widths.tolist()),
        input_channels=source[2] // task.tiling.groups,
        weight_bits=task.weights.weights.bits,
        sum_bits=sum_bits(plan, task),
        state_bits=task.state_bits(spec.membrane_bits) if task.has_membrane and plan.layer_outer else 0,
        timesteps=timesteps,
        reading=1 if task.only_first or task.keeps_sums else timesteps,
        images=plan.images,
        array_rows=spec.array.rows,
        port_bits=spec.global_buffer.port_bits,
        scratchpad_bits=0 if pad == "none" else pad.total_bits,
        space_bits=spec.global_buffer.total_bits - storage.beside[place],
    )


def _given(plan: Plan, task: Task, geometry: Geometry, given: Block) -> Blocking:
    """The blocking of a layer that the design gives, or ArchitectureError."""
    key = f"blocking.{task.name}"
    columns, tiles = plan.spec.array.columns, geometry.tiles
    channels = len(geometry.widths) if given.channels is None else -(-given.channels // columns)
    if given.channels is not None and given.channels % columns and given.channels < sum(geometry.widths):
        raise ArchitectureError(
            f"{key}.channels: blocks are of whole tiles of {columns} channels, got {given.channels}"
        )
    if tiles < channels < len(geometry.widths) and channels % tiles:
        raise ArchitectureError(f"{key}.channels: more than a group's channels must be those of whole groups")
    if given.inputs is not None and given.inputs < geometry.input_channels and not geometry.cuts_inputs:
        raise ArchitectureError(f"{key}.inputs: can be cut where a layer of one group reads one map that is not flat")
    if given.timesteps is not None and given.timesteps < geometry.timesteps and geometry.reading < geometry.timesteps:
        raise ArchitectureError(f"{key}.timesteps: a direct input that is multiplied once stays for all timesteps")
    sizes: dict[str, tuple[int | None, int]] = {
        "rows": (given.rows, geometry.outputs[0]),
        "columns": (given.columns, geometry.outputs[1]),
        "inputs": (given.inputs, geometry.input_channels),
        "timesteps": (given.timesteps, geometry.timesteps),
        "images": (given.images, geometry.images),
    }
    whole: Callable[[int | None, int], int] = lambda size, most: most if size is None else min(size, most)  # noqa: E731
    outer: tuple[Loop, ...] = tuple(loop for loop in LOOPS if loop not in given.order)
    block = Blocking(
        **{axis: whole(*size) for axis, size in sizes.items()},
        channels=min(channels, len(geometry.widths)),
        order=outer + given.order,
    )
    needed = moves(geometry, block)[1]
    if needed > geometry.space_bits:
        raise ArchitectureError(
            f"{key}: its blocks take {needed} bits of the global buffer, which has {geometry.space_bits} beside what "
            "else is in it"
        )
    return block
