"""How many of each part of an imc machine a network needs, and what a reader should know of the mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from fractions import Fraction
from typing import Any

from hwsim.accelerators.imc.adc_range import adc_range_rows, lossless_adc_bits
from hwsim.accelerators.imc.first_layer import MAC, WEIGHTS
from hwsim.accelerators.imc.parts import DECISION, per_tile
from hwsim.accelerators.imc.plan.mesh import Link
from hwsim.accelerators.imc.plan.plan import Plan
from hwsim.accelerators.imc.plan.rewriting import writing
from hwsim.accelerators.imc.plan.storage import least_memories, memories, needs
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.components.memory import Sram
from hwsim.contract.hardware import Hardware, Storage
from hwsim.contract.neuron_parts import neuron_parts

_WRITE = ("crossbar", "row_driver", "adc", "adc_reference", "htree", "noc")
"""What is at work while cells are written."""


def hardware(plan: Plan, parts: Collection[str]) -> Hardware:
    """Instances, clock domains and memory footprint of a network on this machine.

    Raises ArchitectureError when a chip of fixed size has too little memory.
    """
    spec, placement, pipeline = plan.spec, plan.placement, plan.pipeline
    needed = needs(plan)
    instances = {name: n * placement.tiles for name, n in per_tile(spec).items() if name in parts}
    instances["noc"] = plan.traffic.mesh.routers
    instances |= dict.fromkeys(neuron_parts(plan.network, spec.assumptions.off_chip(plan.network)), instances["neuron"])
    there = {name: n for name, n in least_memories(plan).items() if name in needed}
    instances |= {name: memories(name, getattr(spec, name), needed[name], n, plan) for name, n in there.items()}
    kinds = {step.kind for step in pipeline.steps}
    if "pool" not in kinds:
        del instances["pooling"]
    if "mac" in kinds and spec.first_layer_mac != "none":
        instances[MAC] = spec.first_layer_mac.lanes
    if "decision" in kinds:
        instances[DECISION] = 1
    storage = {name: Storage(kind.bits, _provided(spec, name, instances)) for name, kind in needed.items()}
    clocked = _clocked(plan, instances)
    crossbars = {name: placed.crossbars for name, placed in placement.whole.items()}
    found = writing(spec, placement)
    volatile = spec.crossbar.device == "sram"
    loaded = needed["weights"].bits if found is None else found.once.bits
    weights = {"crossbar": loaded} if volatile and loaded else {}
    return Hardware(instances | {"clock": 1}, clocked, storage, _notes(plan), crossbars, weights, found)


def _clocked(plan: Plan, instances: Mapping[str, int]) -> Mapping[str, Mapping[str, Fraction]]:
    """Steps that keep flip-flops running: a layer's PEs with as large a share of what tiles share, pools, the decision.

    The memory of the raw input is gated all the time but for what `cycle` pays.
    """
    steps, pes = plan.pipeline.steps, plan.placement.tiles * plan.spec.chip.pes_per_tile
    pools = sum(step.kind == "pool" for step in steps)
    apart = {"pooling", DECISION, "global_buffer", MAC, WEIGHTS}
    clocked = {}
    for step in steps:
        if step.kind == "crossbar":
            share = Fraction(plan.placement.layers[step.name].pes, pes)
            clocked[step.name] = dict.fromkeys((name for name in instances if name not in apart), share)
        elif step.kind == "mac":  # of which one works at a time
            clocked[step.name] = {MAC: Fraction(1), WEIGHTS: Fraction(1)}
        elif step.kind == "write":
            clocked[step.name] = {name: Fraction(1) for name in _WRITE if name in instances}
        elif step.kind == "pool":
            clocked[step.name] = {"pooling": Fraction(1, pools)}
        elif step.kind == "decision":
            clocked[step.name] = {DECISION: Fraction(1)}
    return clocked


def _provided(spec: ImcSpec, name: str, instances: Mapping[str, int]) -> int:
    if name == "weights":
        return instances["crossbar"] * spec.crossbar.rows * spec.crossbar.columns * spec.crossbar.cell_bits
    sram: Sram = getattr(spec, name)
    return instances.get(name, 0) * sram.capacity_bits


def _notes(plan: Plan) -> Mapping[str, Any]:
    """Facts of the mapping that a reader needs to trust the numbers."""
    spec, placement, pipeline = plan.spec, plan.placement, plan.pipeline
    used = placement.crossbars
    on_chip = placement.tiles * spec.chip.pes_per_tile * spec.chip.crossbars_per_pe
    cells = spec.crossbar.rows * spec.crossbar.columns
    weights = sum(p.copies * p.rows_used * p.columns_used for p in placement.layers.values())
    return {
        "loop_order": spec.loop_order,
        "placement": spec.placement,
        "packing": spec.packing,
        "direct_input": spec.direct_input,
        "skip": spec.skip,
        "assumptions": spec.assumptions.switched_on,
        "tiles": placement.tiles,
        "PEs in use": placement.pes,
        "crossbars in use": used,
        "crossbars on chip": on_chip,
        "cells in use": weights / (used * cells),
        "crossbars in use / on chip": used / on_chip,
        "ADC bits": spec.adc.bits,
        "ADC bits without loss": lossless_adc_bits(spec),
        "rows at full ADC range": adc_range_rows(spec),
        "buffer rows": dict(pipeline.buffer_rows),
        "copies of layers": ", ".join(f"{n} {p.copies}" for n, p in placement.layers.items() if p.copies > 1) or "none",
        **_pass_notes(plan),
        **({} if plan.network.activation_bits is None else {"activation bits": plan.network.activation_bits}),
        **_mesh_notes(plan),
    }


def _pass_notes(plan: Plan) -> Mapping[str, Any]:
    """What is on the chip in each pass; nothing of a network that fits."""
    placement = plan.placement
    if placement.passes.n == 1:
        return {}
    found: dict[int, list[str]] = {}
    for name in placement.layers:
        found.setdefault(placement.passes.of_step(name), []).append(name)
    return {
        "passes": placement.passes.n,
        "layers of passes": "; ".join(f"{number + 1}: {', '.join(names)}" for number, names in found.items()),
    }


def _mesh_notes(plan: Plan) -> Mapping[str, Any]:
    """The mesh and what each of its links carries in the first timestep."""
    mesh, rows = plan.traffic.mesh, {step.name: step.rows for step in plan.pipeline.steps}
    loads: Counter[Link] = Counter()
    for step, sent in plan.traffic.transfers.items():
        for link, flits in sent.flits.items():
            loads[link] += flits * rows[step]
    return {
        "mesh": f"{mesh.width} x {mesh.height}, {'links shared' if plan.spec.mesh == 'links' else 'ideal links'}",
        "flits a link and timestep, busiest": max(loads.values(), default=0),
        "flits a link and timestep, mean": sum(loads.values()) / mesh.links if mesh.links else 0.0,
    }
