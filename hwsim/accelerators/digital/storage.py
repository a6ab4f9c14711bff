"""Where everything that a network keeps has its home: on chip where it fits, else in DRAM.

Maps (in network order), then weights on their way to the array, then membranes, then kept sums are put into the global
buffer, each where it fits beside all that is alive with it; the rest goes to DRAM.  Weights are in DRAM, and two tiles
of them pass through the buffer, one in use and one on its way; without DRAM all of them are in the buffer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal, NamedTuple

import numpy as np

from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.errors import ArchitectureError
from hwsim.kept import Keeps

Home = Literal["global_buffer", "dram", "none"]
Kind = Literal["map", "weights", "membranes", "sums"]


class Item(NamedTuple):
    """Something that is kept over the tasks from `first` to `last`."""

    kind: Kind
    layer: str
    bits: int
    first: int
    last: int


class Alive:
    """Bits that are kept over each task; what is kept over all of them is added up by itself."""

    def __init__(self, tasks: int) -> None:
        self._by_task = np.zeros(tasks, np.int64)
        self._always = 0
        self._most = 0  # of any task, beside what is always there

    @property
    def by_task(self) -> tuple[int, ...]:
        """Of every task."""
        return tuple((self._by_task + self._always).tolist())

    @property
    def most(self) -> int:
        """Of the task with most."""
        return self._always + self._most

    def beside(self, item: Item) -> int:
        """Most that is there at any time of an item."""
        return self.most if self._is_always(item) else self._always + self._at_most(item)

    def add(self, item: Item) -> None:
        """Keep an item."""
        if self._is_always(item):
            self._always += item.bits
        else:
            self._by_task[item.first : item.last + 1] += item.bits
            self._most = max(self._most, self._at_most(item))

    def _is_always(self, item: Item) -> bool:
        return item.first == 0 and item.last == self._by_task.size - 1

    def _at_most(self, item: Item) -> int:
        return int(self._by_task[item.first : item.last + 1].max())


@dataclass(frozen=True, slots=True)
class Storage(Keeps):
    """Homes of all items, and how full the memories are."""

    homes: Mapping[tuple[Kind, str], Home]
    in_scratchpad: frozenset[str]  # layers of which the scratchpads hold a channel tile's weights, and the next ones
    buffer_bits: int  # at the fullest
    dram_bits: int
    scratchpad_bits: int  # of one column, for the largest layer that fits
    bits_by_kind: Mapping[Kind, int]  # what the network keeps, wherever it is
    beside: tuple[int, ...]  # of the buffer, beside the weights on their way, over each task


def store(plan: Plan) -> Storage:
    """Find a home for everything.

    Raises ArchitectureError, with the number that is too small, where there is no DRAM to spill to or it is too small.
    """
    spec, homes = plan.spec, dict[tuple[Kind, str], Home]()
    capacity = 0 if spec.global_buffer == "none" else spec.global_buffer.total_bits
    alive, wanted = Alive(len(plan.tasks)), Alive(len(plan.tasks))
    spilled, streaming = 0, [0] * len(plan.tasks)
    for item in _items(plan):
        wanted.add(item)
        if spec.global_buffer != "none" and alive.beside(item) + item.bits <= capacity:
            alive.add(item)
            homes[item.kind, item.layer] = "global_buffer"
            if item.kind == "weights" and spec.dram != "none":
                streaming[item.first] = item.bits
        else:
            homes[item.kind, item.layer] = "none" if spec.dram == "none" else "dram"
            spilled += 0 if item.kind == "weights" else item.bits
    kept = _bits_by_kind(plan)
    dram_bits = kept["weights"] + spilled
    _check(plan, wanted.most, dram_bits, homes)
    pad, fitting = spec.scratchpad, dict[str, int]()
    for task in plan.tasks:
        bits = scratchpad_bits(task)
        if pad != "none" and task.unit is not None and bits <= pad.total_bits:
            fitting[task.name] = bits
    beside = tuple(bits - own for bits, own in zip(alive.by_task, streaming, strict=True))
    return Storage(homes, frozenset(fitting), alive.most, dram_bits, max(fitting.values(), default=0), kept, beside)


def scratchpad_bits(task: Task) -> int:
    """Bits of a column's weights for a channel tile, and for the next one that there is."""
    return min(2, task.tiling.widths.size) * int(task.part_bits.max())


def needed_bits(plan: Plan) -> Mapping[str, int]:
    """What there must be for nothing to spill: all that is alive at a time, and what a column's scratchpad streams."""
    wanted = Alive(len(plan.tasks))
    for item in _items(plan):
        wanted.add(item)
    return {"global_buffer": wanted.most, "scratchpad": max(map(scratchpad_bits, plan.tasks), default=0)}


def _check(plan: Plan, wanted: int, dram_bits: int, homes: Mapping[tuple[Kind, str], Home]) -> None:
    spec = plan.spec
    if spec.dram != "none" and dram_bits > spec.dram.capacity_bits:
        raise ArchitectureError(
            f"dram.capacity_mib: {spec.dram.capacity_mib:g} MiB hold {spec.dram.capacity_bits} bits, "
            f"the network needs {dram_bits}"
        )
    buffer = spec.global_buffer
    if buffer != "none" and spec.dram == "none" and "none" in homes.values():
        raise ArchitectureError(
            f"global_buffer.capacity_kib: {buffer.banks} x {buffer.kib:g} KiB hold {buffer.total_bits} bits, "
            f"the network needs {wanted} and there is no dram to spill to"
        )


def _items(plan: Plan) -> Iterator[Item]:
    """Everything that is kept, in the order in which homes are given."""
    last = len(plan.tasks) - 1
    yield from _maps(plan)
    for i, task in enumerate(plan.tasks):
        if task.unit is not None and plan.spec.dram != "none":
            tiles = min(2, task.tiling.widths.size)
            bits = tiles * int(task.tiling.widths.max()) * task.weight_bits_per_channel
            yield Item("weights", task.name, bits, i, i)
        elif task.unit is not None:
            yield Item("weights", task.name, task.layer.shape[2] * task.weight_bits_per_channel, 0, last)
    if not plan.layer_outer:  # else a tile's membranes and sums stay in the PEs over all timesteps
        for task in plan.tasks:
            if task.has_membrane and plan.dense is None:
                yield Item("membranes", task.name, _state_bits(plan, task), 0, last)
        for task in plan.tasks:
            if task.keeps_sums:
                yield Item("sums", task.name, prod(task.layer.shape) * plan.spec.sum_bits * plan.images, 0, last)


def _maps(plan: Plan) -> Iterator[Item]:
    """Results of layers from where they are made to where they are last read, of all timesteps with `layer_outer`."""
    last_reader = {name: i for i, task in enumerate(plan.tasks) for name in task.reads}
    whole_pass = 0, len(plan.tasks) - 1
    source = plan.network.input
    input_bits = prod(source.shape) * source.bits * plan.images
    yield Item("map", source.name, input_bits, 0, last_reader[source.name] if plan.layer_outer else whole_pass[1])
    for i, task in enumerate(plan.tasks):
        copies = plan.images * (plan.timesteps if plan.layer_outer and not task.only_first else 1)
        bits = prod(task.layer.shape) * plan.map_bits[task.name] * copies
        kept = (task.only_first and not plan.layer_outer) or task.name in plan.network.read_late
        first, last = whole_pass if kept else (i, last_reader.get(task.name, i))
        yield Item("map", task.name, bits, first, last)


def _bits_by_kind(plan: Plan) -> Mapping[Kind, int]:
    """What the network keeps: all weights, all membranes, the largest sum of maps that are alive at a time."""
    alive = Alive(len(plan.tasks))
    for item in _maps(plan):
        alive.add(item)
    return {
        "weights": sum(task.layer.shape[2] * task.weight_bits_per_channel for task in plan.tasks),
        "map": alive.most,
        "membranes": sum(_state_bits(plan, task) for task in plan.tasks if task.has_membrane),
    }


def _state_bits(plan: Plan, task: Task) -> int:
    """Bits of all states of a task's neurons, of all images."""
    return plan.images * prod(task.layer.shape) * task.state_bits(plan.spec.membrane_bits)
