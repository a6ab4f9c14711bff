"""The priced parts of a digital machine and how many of each there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hwsim.accelerators.digital.clocking import clocked
from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.components.pricing.price import Priced
from hwsim.contract.dense import Dense
from hwsim.contract.hardware import Hardware, Storage, baseline_notes
from hwsim.contract.neuron_parts import ACTIONS
from hwsim.contract.parts import priced, with_registers

if TYPE_CHECKING:
    from hwsim.accelerators.digital.plan import Plan
    from hwsim.accelerators.digital.storage import Storage as Stored

Taken = Mapping[str, tuple[str, ...]]
"""Component -> actions of it that have a price."""


def parts_of(spec: DigitalSpec, dense: Dense | None = None) -> Mapping[str, Priced]:
    """Every component that this machine has, with the prices of the actions that it takes.

    A network without spikes may have activations that are narrower than the multipliers were built for.
    """
    stages = max(spec.array.latency_cycles, 1)
    # Between stages lies a product, or what is added.
    between = {"mac": spec.mac.input_bits + spec.mac.weight_bits, "ac": spec.ac.bits}
    parts = {
        name: with_registers(priced(spec, name).over(stages), getattr(spec, name), spec.technology, (stages - 1) * bits)
        for name, bits in between.items()
    }
    if dense is not None and dense.narrow:
        parts["narrow_mac"] = spec.mac.narrowed(spec.technology, dense.activation_bits, "activations")
    if spec.detector != "none" and spec.skip == "skip":
        parts["detector"] = priced(spec, "detector")
    if spec.neuron != "none":
        neuron = priced(spec, "neuron")
        parts["neuron"] = neuron if spec.loop_order == "layer_outer" else neuron.only("update")
    for name in ("pooling", "scratchpad", "global_buffer", "dram"):
        if getattr(spec, name) != "none":
            parts[name] = priced(spec, name)
    return parts | {"clock": spec.clock.part(spec.technology)}


def taken(spec: DigitalSpec, dense: Dense | None) -> Taken:
    """The actions of every component."""
    return {name: tuple(part.actions) for name, part in parts_of(spec, dense).items()}


def hardware(plan: Plan, stored: Stored, names: Iterable[str]) -> Hardware:
    """Instances, clock domains and memory footprint of a network on this machine."""
    spec = plan.spec
    pes = spec.array.rows * spec.array.columns
    there = {"mac": pes, "ac": pes, "narrow_mac": pes, "detector": spec.array.rows, "dram": 1, "clock": 1}
    there |= dict.fromkeys(("neuron", *ACTIONS), 1)  # a unit's prices are of all its lanes
    if spec.pooling != "none":
        there["pooling"] = spec.pooling.lanes
    if spec.scratchpad != "none":
        there["scratchpad"] = spec.array.columns * spec.scratchpad.banks
    if spec.global_buffer != "none":
        there["global_buffer"] = spec.global_buffer.banks
    instances = {name: there[name] for name in names}
    weights = {}
    if spec.dram == "none" and spec.global_buffer != "none":  # else they come from there for every inference
        weights["global_buffer"] = stored.bits_by_kind["weights"]
    return Hardware(instances, clocked(plan, instances), _memories(spec, stored), _notes(plan, stored), weights=weights)


def _memories(spec: DigitalSpec, stored: Stored) -> Mapping[str, Storage]:
    """How full each memory is at its fullest."""
    memories = {}
    if spec.scratchpad != "none":
        columns = spec.array.columns
        memories["scratchpad"] = Storage(columns * stored.scratchpad_bits, columns * spec.scratchpad.total_bits)
    if spec.global_buffer != "none":
        memories["global_buffer"] = Storage(stored.buffer_bits, spec.global_buffer.total_bits)
    if spec.dram != "none":
        memories["dram"] = Storage(stored.dram_bits, spec.dram.capacity_bits)
    return memories


def _notes(plan: Plan, stored: Stored) -> Mapping[str, Any]:
    """Facts of the mapping that a reader needs to trust the numbers."""
    spec, tasks = plan.spec, [task for task in plan.tasks if task.unit is not None]
    used = sum(int(task.tiling.asked.sum() * task.tiling.widths.sum()) for task in tasks)
    slots = sum(int(task.tiling.together.sum()) * task.tiling.widths.size for task in tasks)
    slots *= spec.array.rows * spec.array.columns
    streamed = [task.name for task in tasks if task.name not in stored.in_scratchpad]
    notes: dict[str, Any] = {
        "loop_order": spec.loop_order,
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
    return notes | baseline_notes(plan.dense)
