"""The priced parts of an imc machine and how many of each a network needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from math import ceil, sqrt
from typing import Any

from hwsim.accelerators.imc.adc_range import adc_range_rows, lossless_adc_bits
from hwsim.accelerators.imc.plan.mesh import Link
from hwsim.accelerators.imc.plan.pipeline import DECISION
from hwsim.accelerators.imc.plan.plan import Plan
from hwsim.accelerators.imc.plan.storage import least_memories, memories, needs
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.components.memory import Sram
from hwsim.components.pricing.price import Priced
from hwsim.contract.hardware import Hardware, Storage
from hwsim.contract.neuron_parts import neuron_parts
from hwsim.contract.parts import priced, priced_parts
from hwsim.errors import ArchitectureError
from hwsim.kept import kept_with
from hwsim.units import UM2_PER_MM2


def parts_of(spec: ImcSpec) -> Mapping[str, Priced]:
    """Every component that this machine can have, with the prices of the actions that it takes."""
    return kept_with(spec).once("parts", lambda: _parts_of(spec))


def part_names(spec: ImcSpec) -> frozenset[str]:
    """Their names."""
    return frozenset(parts_of(spec))


def _parts_of(spec: ImcSpec) -> Mapping[str, Priced]:
    rows, outer = spec.rows_at_once, spec.loop_order == "timestep_outer"
    taken = dict.fromkeys(("adc", "column_mux", "shift_add", "accumulator", "htree", "noc", "spike_buffer"), "")
    taken |= {"neuron": "update" if outer else "update hold", "pooling": "", "global_buffer": "read"}
    if outer:
        taken["membrane"] = ""
    if spec.direct_input == "once":
        taken["psum_buffer"] = ""
    if spec.skip == "silent_rows":
        taken["silence_detector"] = ""
    tile_um2 = _tile_um2(spec)
    sized = {
        "htree": spec.htree.over(tile_um2, per_tile(spec)["crossbar"]),
        "noc": spec.noc.over(sqrt(tile_um2 / UM2_PER_MM2)),
        "silence_detector": spec.silence_detector.reading(rows),
    }
    parts = priced_parts(spec, taken, sized) | beside_crossbars(spec)
    parts["crossbar"] = _crossbar(spec)
    parts["clock"] = spec.clock.domain(spec.technology, spec.chip.flip_flops_per_pe, "PE")
    if spec.signs.encoding == "offset":
        corrector = priced(spec, "offset_corrector", spec.offset_corrector.reading(rows))
        counted = spec.signs.correction == "popcount"
        parts["offset"] = corrector.only("count_rows", "subtract") if counted else corrector.only("subtract")
    if spec.early_exit.threshold not in ("never", "always"):
        parts[DECISION] = priced(spec, "early_exit.unit", spec.early_exit.unit)
    return parts


def beside_crossbars(spec: ImcSpec) -> dict[str, Priced]:
    """Drivers of rows and references of ADCs, of which a design may have `none` of its own."""
    found = {}
    if spec.row_driver != "none":
        line_ff = spec.crossbar.word_line_ff(spec.technology)
        found["row_driver"] = priced(spec, "row_driver", spec.row_driver.driving(line_ff, spec.crossbar.driver_v))
    if spec.adc_reference != "none":
        found["adc_reference"] = priced(spec, "adc_reference", spec.adc_reference.beside(priced(spec, "adc")))
    return found


def _crossbar(spec: ImcSpec) -> Priced:
    part = priced(spec, "crossbar")
    cells = {"value": ("read_cell", "read_level"), "mean": ("read_mean",), "array": ("read_array",)}[spec.read_energy]
    lines = () if spec.read_energy == "array" else ("drive_row", "precharge_column")
    if missing := [name for name in (*cells, *lines) if name not in part.actions]:
        raise ArchitectureError(f"crossbar.given: read_energy: {spec.read_energy} needs {missing[0]}_pj")
    if spec.read_energy == "array":
        return part.doing({"read": part.actions["read_array"]})
    actions = {name: part.actions[name] for name in (*cells, "drive_row")}
    columns = spec.crossbar.columns
    actions["read"] = part.actions["precharge_column"].scaled(columns, f"all {columns} columns precharged")
    return part.doing(actions)


def per_tile(spec: ImcSpec) -> Mapping[str, int]:
    """Instances of each component in one tile."""
    crossbars = spec.chip.pes_per_tile * spec.chip.crossbars_per_pe
    pes = spec.chip.pes_per_tile
    converted = pes if spec.assumptions.conversion == "pe" else crossbars
    adcs = converted * ceil(spec.crossbar.columns / spec.adc.columns_per_adc)
    return {
        "crossbar": crossbars,
        "row_driver": crossbars * spec.crossbar.rows,
        "adc": adcs,
        "adc_reference": adcs,
        "column_mux": converted * spec.crossbar.columns,
        "shift_add": adcs,
        "accumulator": adcs,
        "htree": 1,
        "noc": 1,
        "neuron": pes,
        "pooling": 1,
        "silence_detector": crossbars,
        "offset": pes,
    }


def _tile_um2(spec: ImcSpec) -> float:
    """Area of a tile without its wires, from which their length follows."""
    names = ("crossbar", "adc", "column_mux", "shift_add", "accumulator", "neuron")
    counts = {name: n for name, n in per_tile(spec).items() if name in names}
    counts |= {"spike_buffer": 1, "membrane": spec.chip.pes_per_tile}
    more = sum(per_tile(spec)[name] * part.area_um2.value for name, part in beside_crossbars(spec).items())
    return more + sum(n * priced(spec, name).area_um2.value for name, n in counts.items())


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
    if "decision" in kinds:
        instances[DECISION] = 1
    storage = {name: Storage(kind.bits, _provided(spec, name, instances)) for name, kind in needed.items()}
    clocked = {step.name: placement.layers[step.name].pes for step in pipeline.steps if step.kind == "crossbar"}
    pes = placement.tiles * spec.chip.pes_per_tile
    crossbars = {name: placed.crossbars for name, placed in placement.layers.items()}
    return Hardware(instances | {"clock": pes}, clocked, pes, storage, _notes(plan), crossbars)


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
        **({} if plan.network.activation_bits is None else {"activation bits": plan.network.activation_bits}),
        **_mesh_notes(plan),
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
