"""How many of each part a digital machine has for a network, how full its memories are, and facts of the mapping."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hwsim.accelerators.digital.bound import described
from hwsim.accelerators.digital.clocking import clocked
from hwsim.accelerators.digital.codes import compresses
from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.accelerators.digital.storage import Storage as Stored
from hwsim.accelerators.digital.timing import TaskWork
from hwsim.contract.arrays import IntArray
from hwsim.contract.hardware import Hardware, Storage, baseline_notes
from hwsim.contract.neuron_parts import ACTIONS


def hardware(plan: Plan, stored: Stored, works: Sequence[TaskWork], names: Iterable[str]) -> Hardware:
    """Instances, clock domains and memory footprint of a network on this machine."""
    spec = plan.spec
    pes = spec.array.rows * spec.array.columns
    there = {"mac": pes, "ac": pes, "narrow_mac": pes, "detector": spec.array.rows, "dram": 1, "clock": 1}
    there |= dict.fromkeys(("neuron", *ACTIONS), 1)  # a unit's prices are of all its lanes
    if spec.pooling != "none":
        there["pooling"] = spec.pooling.lanes
    if spec.scratchpad != "none":
        there["scratchpad"] = spec.scratchpads * spec.scratchpad.banks
    if spec.global_buffer != "none":
        there["global_buffer"] = spec.global_buffer.banks
    if spec.codec != "none":
        there["codec"] = spec.codec.lanes
    instances = {name: there[name] for name in names}
    weights = {}
    if spec.dram == "none" and spec.global_buffer != "none":  # else they come from there for every inference
        weights["global_buffer"] = stored.bits_by_kind["weights"]
    running, memories = clocked(plan, instances), _storage(spec, stored)
    return Hardware(instances, running, memories, _notes(plan, stored, works), weights=weights)


def _over_tiles(task: Task, per_position: IntArray, per_channel: IntArray) -> int:
    """Sum of products over all tiles: [part or 1, pt] and [ct]."""
    of_parts = per_position.sum(axis=1)
    return int((per_channel * (of_parts if of_parts.size == 1 else task.tiling.at(of_parts))).sum())


def _storage(spec: DigitalSpec, stored: Stored) -> Mapping[str, Storage]:
    """How full each memory is at its fullest."""
    memories = {}
    if spec.scratchpad != "none":
        pads = spec.scratchpads
        memories["scratchpad"] = Storage(pads * stored.scratchpad_bits, pads * spec.scratchpad.total_bits)
    if spec.global_buffer != "none":
        memories["global_buffer"] = Storage(stored.buffer_bits, spec.global_buffer.total_bits)
    if spec.dram != "none":
        memories["dram"] = Storage(stored.dram_bits, spec.dram.capacity_bits)
    return memories


def _compressed(spec: DigitalSpec) -> str:
    """What is, and by which code; blocks and memories are sized for what is not."""
    maps = "none" if spec.dram == "none" else spec.dram.compress
    kinds = {"maps": maps, "weights": spec.weights.storage}
    coded = [f"{kind} ({code})" for kind, code in kinds.items() if code not in ("none", "dense")]
    return f"{', '.join(coded)}; MB of blockings, and room in memories, are before compression"


def _notes(plan: Plan, stored: Stored, works: Sequence[TaskWork]) -> Mapping[str, Any]:
    """Facts of the mapping that a reader needs to trust the numbers."""
    spec, tasks = plan.spec, [task for task in plan.tasks if task.unit is not None]
    used = sum(_over_tiles(task, task.tiling.asked, task.tiling.widths) for task in tasks)
    slots = sum(_over_tiles(task, task.tiling.together, np.ones_like(task.tiling.widths)) for task in tasks)
    slots *= spec.array.rows * spec.array.columns
    streamed = [task.name for task in tasks if task.name not in stored.in_scratchpad]
    notes: dict[str, Any] = {
        "loop_order": spec.loop_order,
        "batch": spec.batch,
        "direct_input": spec.direct_input,
        "skip": spec.skip,
        "fan_out": spec.fan_out,
        "tiles a timestep": sum(task.tiling.tiles for task in tasks),
        "PEs in use in lock step": used / slots,
        "weights KiB": stored.bits_by_kind["weights"] / 8192,
        "membranes KiB": stored.bits_by_kind["membranes"] / 8192,
        "maps alive at a time KiB": stored.bits_by_kind["map"] / 8192,
    }
    if spec.scratchpad != "none":
        notes["weights that do not fit the scratchpads"] = ", ".join(streamed) or "none"
    if spec.global_buffer != "none" and spec.dram != "none":
        spilled = [f"{kind} of {layer}" for (kind, layer), home in stored.homes.items() if home == "dram"]
        notes["not in the global buffer"] = ", ".join(spilled) or "nothing"
        for place, work in enumerate(works):
            if work.task.unit is not None:
                notes[f"blocking: {work.task.name}"] = described(plan, stored, place, work.traffic)
    if compresses(spec):
        notes["compressed in DRAM"] = _compressed(spec)
    return notes | baseline_notes(plan.dense)
