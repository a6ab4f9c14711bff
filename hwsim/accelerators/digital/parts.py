"""The priced parts of a digital machine and how many of each there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwsim.accelerators.digital.mean_fan_out import denominator
from hwsim.accelerators.digital.plan import Plan
from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.accelerators.digital.storage import Storage as Stored
from hwsim.components.pricing.given import PricedSpec
from hwsim.components.pricing.price import Price, Priced
from hwsim.contract.hardware import Hardware, Storage

ACTIVATION_BITS = "activation bits"
FAN_OUT_UNIT = "accumulates are counted in units of 1 /"
"""Notes of a workload that prices depend on."""


def priced_parts(spec: DigitalSpec, notes: Mapping[str, Any] | None = None) -> Mapping[str, Priced]:
    """Every component that this machine has, with the prices of the actions that it takes.

    `notes` of a workload say in which units it counts and how wide its activations are.
    """
    notes = notes or {}
    parts = {"mac": spec.mac.priced_as("mac", spec.technology), "ac": _accumulator(spec, notes.get(FAN_OUT_UNIT, 1))}
    if notes.get(ACTIVATION_BITS) is not None:
        parts["narrow_mac"] = spec.mac.narrowed(spec.technology, notes[ACTIVATION_BITS], "activations")
    if spec.detector != "none" and spec.skip == "skip":
        parts["detector"] = spec.detector.priced_as("detector", spec.technology)
    if spec.neuron != "none":
        neuron = spec.neuron.priced_as("neuron", spec.technology)
        parts["neuron"] = neuron if spec.loop_order == "layer_outer" else _only(neuron, "update")
    for name in ("pooling", "scratchpad", "global_buffer", "dram"):
        part: PricedSpec | str = getattr(spec, name)
        if isinstance(part, PricedSpec):
            parts[name] = part.priced_as(name, spec.technology)
    parts["clock"] = _clock(spec)
    return parts


def _only(part: Priced, actions: str) -> Priced:
    """A part restricted to the actions that the machine takes."""
    return Priced({name: part.actions[name] for name in actions.split()}, part.area_um2, part.leakage_uw, part.times_ns)


def _accumulator(spec: DigitalSpec, unit: int) -> Priced:
    part = spec.ac.priced_as("ac", spec.technology)
    if unit == 1:
        return part
    share = part.actions["add"].scaled(1 / unit, f"1 / {unit} of it, the unit of the counts")
    return Priced({"add": share}, part.area_um2, part.leakage_uw)


def _clock(spec: DigitalSpec) -> Priced:
    """One domain a PE: every cycle pays the gated network, a cycle in which the array works the rest of it too."""
    nothing = Price.exact(0.0, "no clock network")
    if spec.clock.network == "none":
        return Priced({"cycle": nothing, "active_cycle": nothing}, nothing, nothing)
    return spec.clock.network.of_domain(spec.technology, spec.array.flip_flops_per_pe, "array")


def hardware(plan: Plan, stored: Stored) -> Hardware:
    """Instances, clock domains and memory footprint of a network on this machine."""
    spec = plan.spec
    notes = _notes(plan, stored)
    pes = spec.array.rows * spec.array.columns
    there = {"mac": pes, "ac": pes, "narrow_mac": pes, "detector": spec.array.rows}
    if spec.neuron != "none":
        there["neuron"] = 1  # a unit's prices are of all its lanes
    if spec.pooling != "none":
        there["pooling"] = spec.pooling.lanes
    if spec.scratchpad != "none":
        there["scratchpad"] = spec.array.columns * spec.scratchpad.banks
    if spec.global_buffer != "none":
        there["global_buffer"] = spec.global_buffer.banks
    there |= {"dram": 1, "clock": pes}
    parts = priced_parts(spec, notes)
    clocked = {task.name: pes for task in plan.tasks if task.unit is not None}
    instances = {name: there[name] for name in parts}
    return Hardware(instances, clocked, pes, _memories(spec, stored), notes)


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
    used = sum(int(task.tiling.positions.sum() * task.tiling.widths.sum()) * task.tiling.taps for task in tasks)
    slots = sum(task.tiling.tiles * task.tiling.taps for task in tasks) * spec.array.rows * spec.array.columns
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
    common = denominator(plan)
    if common > 1:
        notes[FAN_OUT_UNIT] = common
    if plan.dense is not None:
        notes["baseline"] = plan.dense.kind
        if plan.dense.kind == "qann":
            notes[ACTIVATION_BITS] = plan.dense.activation_bits
    return notes
