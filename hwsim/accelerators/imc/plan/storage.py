"""What a network needs of each memory, tile by tile, and how many memories hold it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, prod

from hwsim.accelerators.imc.first_layer import weight_bits
from hwsim.accelerators.imc.plan.pipeline import Step
from hwsim.accelerators.imc.plan.plan import Plan
from hwsim.components.memory import Sram
from hwsim.contract.neuron_parts import state_bits
from hwsim.errors import ArchitectureError
from hwsim.traces.network.layers import neuron_of
from hwsim.traces.network.raw_input import multiplies_input

_AT_TILES = ("spike_buffer", "membrane")


@dataclass(frozen=True, slots=True)
class Needs:
    """Bits that must be kept in one kind of memory."""

    by_tile: Mapping[int, int]
    anywhere: int = 0  # that no tile in particular needs

    @property
    def bits(self) -> int:
        """All of them."""
        return self.anywhere + sum(self.by_tile.values())


def needs(plan: Plan) -> Mapping[str, Needs]:
    """What the network needs of each memory that the machine has."""
    spec = plan.spec
    image = prod(plan.network.input.shape) * plan.network.input.bits
    found = {
        "weights": Needs({}, _most_cells(plan) * spec.crossbar.cell_bits),
        "spike_buffer": _rows_between_layers(plan),
        "global_buffer": Needs({}, image),
    }
    if spec.loop_order == "timestep_outer" and plan.network.activation_bits is None:
        found["membrane"] = _membranes(plan)
    if spec.digital_layers(plan.network):
        found["first_layer_weights"] = Needs({}, weight_bits(spec, plan.network))
    if spec.keeps_currents or plan.crossing_currents:
        found["psum_buffer"] = Needs({}, _currents(plan) * spec.psum_bits)
    return found


def _currents(plan: Plan) -> int:
    """Currents that are kept: of the raw input over timesteps, and of all timesteps those that later passes read."""
    kept = {layer.name for layer in plan.network if plan.spec.keeps_currents and multiplies_input(plan.network, layer)}
    every = sum(prod(plan.network[name].shape) for name in kept)
    between = [0] * plan.placement.passes.n
    for name, last in plan.crossing_currents.items():
        if name not in kept:
            for number in range(plan.placement.passes.of_step(name), last + 1):
                between[number] += prod(plan.network[name].shape) * plan.timesteps
    return every + max(between)


def _most_cells(plan: Plan) -> int:
    """Cells in use, of the pass that has most."""
    cells: Counter[int] = Counter()
    for name, p in plan.placement.layers.items():
        cells[plan.placement.passes.of_step(name)] += p.copies * p.rows_used * (p.columns_used + p.reference_columns)
    return max(cells.values(), default=0)


def _rows_between_layers(plan: Plan) -> Needs:
    """Rows of activations at every tile that reads them; currents wait in the accumulators.

    Where several layers read a row, each tile has room for as many as the one that keeps most of them needs.
    """
    by_pass: list[Counter[int]] = [Counter() for _ in range(plan.placement.passes.n)]
    for step in plan.pipeline.steps:
        if step.name not in plan.pipeline.buffer_rows or step.kind in ("crossbar", "mac", "elsewhere"):
            continue
        if plan.network.gives_currents(step.layer.name) or plan.spec.assumptions.activations == "whole_maps":
            continue
        bits = plan.network.bits(step.layer.name) * plan.pipeline.buffer_rows[step.name]
        for number in range(plan.placement.passes.of_step(step.name), plan.read_until.get(step.name, 0) + 1):
            for tile, values in plan.traffic.kept[step.layer.name].items():
                by_pass[number][tile] += bits * int(values.sum())
    return _fullest(by_pass)


def _fullest(by_pass: Sequence[Mapping[int, int]]) -> Needs:
    """What passes need one after another: at each tile that of the one that needs most."""
    tiles = {tile: None for each in by_pass for tile in each}
    return Needs({tile: max(each.get(tile, 0) for each in by_pass) for tile in tiles})


def _membranes(plan: Plan) -> Needs:
    """All membranes of a pass, at the tiles that update them, where no assumption says otherwise."""
    neurons = [step for step in plan.pipeline.steps if step.kind == "neuron"]
    limit, bits = plan.spec.assumptions.membrane_layers, plan.spec.neuron.membrane_bits
    with_memory = neurons if limit == "all" else neurons[:limit]
    maps = plan.spec.assumptions.map_values(plan.network)
    if maps or limit != "all":  # an estimate of the whole chip, in which nothing is at a tile
        states = sum(prod(step.layer.shape) * _state_bits(step, bits) for step in with_memory)
        return Needs({}, bits * maps + states)
    by_pass: list[Counter[int]] = [Counter() for _ in range(plan.placement.passes.n)]
    for step in neurons:
        for part in plan.traffic.sites.parts[step.layer.name]:
            states = step.layer.shape[0] * part.values * _state_bits(step, bits)
            by_pass[plan.placement.passes.of_step(step.name)][part.tile] += states
    return _fullest(by_pass)


def _state_bits(step: Step, membrane_bits: int) -> int:
    """Bits that one neuron of a step keeps."""
    neuron = neuron_of(step.layer)
    assert neuron is not None
    return state_bits(neuron, membrane_bits)


def least_memories(plan: Plan) -> Mapping[str, int]:
    """How many memories of each kind there are at least: a tile, or in all for what no tile in particular needs."""
    once = dict.fromkeys(("psum_buffer", "global_buffer", "first_layer_weights"), 1)
    return {"spike_buffer": 1, "membrane": plan.spec.chip.pes_per_tile} | once


def needed_bits(plan: Plan) -> Mapping[str, int]:
    """Bits of one memory of each kind with which the least number of them holds all: those of the fullest tile."""
    needed, tiles = needs(plan), plan.placement.tiles
    found = {}
    for name, least in least_memories(plan).items():
        if name in needed:
            everywhere = least * tiles if name in _AT_TILES else least
            most = max(needed[name].by_tile.values(), default=0)
            found[name] = max(ceil(most / least), ceil(needed[name].anywhere / everywhere))
    return found


def memories(name: str, sram: Sram, needed: Needs, least: int, plan: Plan) -> int:
    """How many memories hold what is needed: `least` in each tile, or in all for what no tile in particular needs.

    Raises ArchitectureError when a chip of fixed size has too little.
    """
    fixed, tiles = plan.spec.chip.tiles != "as_needed", plan.placement.tiles
    at_tiles = name in _AT_TILES
    total = 0
    for tile in range(tiles) if at_tiles else ():
        bits = needed.by_tile.get(tile, 0)
        if fixed:
            _check(name, sram, bits, least, f"tile {tile}: ")
        total += max(least, ceil(bits / sram.capacity_bits))
    if fixed:
        _check(name, sram, needed.anywhere, least * tiles if at_tiles else least, "")
    return max(total, ceil(needed.anywhere / sram.capacity_bits), 0 if at_tiles else least)


def _check(name: str, sram: Sram, bits: int, count: int, place: str) -> None:
    """Raise ArchitectureError when so many memories do not hold so many bits."""
    if bits > count * sram.capacity_bits:
        raise ArchitectureError(
            f"{name}.capacity_kib: {place}{count} x {sram.kib:g} KiB hold {count * sram.capacity_bits} bits, "
            f"the network needs {bits}; {name}.capacity_kib=auto would be large enough"
        )
