"""The priced parts of a first-spike machine and how many of each there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from hwsim.accelerators.ttfs.spec import TtfsSpec
from hwsim.accelerators.ttfs.timing import sort_stage
from hwsim.components.pricing.price import Priced
from hwsim.contract.hardware import Floor, Hardware, Storage, Tile
from hwsim.contract.parts import priced_parts

if TYPE_CHECKING:
    from hwsim.accelerators.ttfs.plan import Plan

_TAKEN = {
    "weights": "read",
    "queue": "read write",
    "spikes": "read write",
    "sorter": "insert clear",
    "decision": "add",
}
_PE_ACTIONS = {
    "ttfs": "forward load accumulate update check fire",
    "rate": "forward load integrate compare reset",
}


def parts_of(spec: TtfsSpec) -> Mapping[str, Priced]:
    """Every component with the prices of the actions that it takes in the machine's coding.

    Weights, biases and input spikes are written before the inference, and what that costs is not part of it.
    """
    parts = priced_parts(spec, _TAKEN | {"pe": _PE_ACTIONS[spec.coding]})
    return parts | {"clock": spec.clock.part(spec.technology)}


def hardware(plan: Plan) -> Hardware:
    """Instances, clock domains and memory footprint of a network on this machine."""
    spec = plan.spec
    cores, elements = spec.cores, spec.cores * spec.array.lanes
    instances = {
        "weights": cores * spec.weights.banks,
        "queue": 2 * cores,
        "spikes": 2 * cores,
        "sorter": cores,
        "decision": 1,
        "pe": elements,
        "clock": 1,
    }
    # A core's array reads one memory of its queue and of its spikes, its sorter the others.
    core = Fraction(1, cores)
    array, sort = {"pe": core, "weights": core}, {"sorter": core}
    half = dict.fromkeys(("queue", "spikes"), core / 2)
    clocked = {planned.name: array | half for planned in plan.layers}
    clocked |= {sort_stage(planned): sort | half for planned in plan.layers}
    memories = _storage(plan)
    weights = {"weights": memories["weights"].used_bits}
    return Hardware(instances, clocked, memories, _notes(plan), weights=weights, floor=_floor(plan))


def _storage(plan: Plan) -> Mapping[str, Storage]:
    spec, cores = plan.spec, range(plan.spec.cores)
    listed = sum(max((plan.listed(one) for one in plan.layers if one.core == core), default=0) for core in cores)
    return {
        "weights": Storage(sum(map(plan.weight_bits, cores)), spec.cores * spec.weights.total_bits),
        "queue": Storage(2 * listed * spec.queue.port_bits, 2 * spec.cores * spec.queue.capacity_bits),
        "spikes": Storage(2 * sum(map(plan.spikes_bits, cores)), 2 * spec.cores * spec.spikes.capacity_bits),
    }


def _notes(plan: Plan) -> Mapping[str, Any]:
    """Facts of the mapping that a reader needs to trust the numbers."""
    spec = plan.spec
    used = sum(planned.positions * sum(planned.widths) for planned in plan.layers)
    passes = sum(planned.passes for planned in plan.layers)
    early = spec.early_stop
    return {
        "coding": spec.coding,
        "early stop": f"element {early.element}, hidden {early.hidden}, output {early.output}",
        "loop order": "layer after layer, every pass through all ticks",
        "ticks of a window" if spec.coding == "ttfs" else "timesteps": plan.ticks,
        "passes": passes,
        "PEs in use": used / (passes * spec.array.lanes),
        "cycles of an input spike": ", ".join(f"{each.name} {max(each.issue_cycles)}" for each in plan.layers),
        "core of each layer": ", ".join(f"{each.name} {each.core}" for each in plan.layers),
        "not part of an inference": (
            f"writing {sum(planned.weight_words for planned in plan.layers)} words of weights once, and the input "
            f"spikes, up to {plan.most_spikes[plan.network.input.name]} of {prod(plan.network.input.shape)}"
        ),
    }


def _floor(plan: Plan) -> Callable[[], Floor]:
    """Cores in a row; each layer is on one."""
    names = [[planned.name for planned in plan.layers if planned.core == core] for core in range(plan.spec.cores)]
    return partial(_in_a_row, names)


def _in_a_row(names: Sequence[Sequence[str]]) -> Floor:
    return Floor({str(core): Tile(0, core, dict.fromkeys(own, Fraction(1))) for core, own in enumerate(names)})
