"""What a layer asks of arithmetic, converters, memories and wires, and which of them it waits for most."""

from __future__ import annotations

import math
from collections.abc import Mapping

from hwsim.components.adc import Adc
from hwsim.components.dram import Dram
from hwsim.components.htree import HTree, Wire
from hwsim.components.memory import Sram
from hwsim.components.registers import Registers
from hwsim.components.router import Router
from hwsim.contract.ledger import OPERATIONS
from hwsim.contract.spec import MachineSpec
from hwsim.report.price import PricedRun
from hwsim.report.work import Bound, LayerLoad, UnitLoad

_OPERATIONS = {"MAC": 2.0, "AC": 1.0}
_BITS_PER_BYTE = 8


def loads(run: PricedRun, spec: MachineSpec) -> list[LayerLoad]:
    """Every layer that multiplies or adds, in the order of the network; see the glossary."""
    bits, kinds, converters = _word_bits(spec), _kinds(spec), _converters(spec)
    survival, n = run.leaving.survival(), run.n_samples * run.workload.together
    means = {key: math.fsum((counts * survival).ravel()) / n for key, counts in run.tally.counts.items()}
    layers = dict.fromkeys(key.layer for key in means if key.component == OPERATIONS and key.action in _OPERATIONS)
    found = []
    for layer in layers:
        of_layer = [(key, mean) for key, mean in means.items() if key.layer == layer]
        own = {key: mean / run.workload.count_units.get(key[1:], 1) for key, mean in of_layer}
        operations = math.fsum(
            _OPERATIONS.get(key.action, 0.0) * means[key] for key in own if key.component == OPERATIONS
        )
        moved: dict[str, float] = {}
        for key, count in own.items():
            if key.component in bits and key.action in ("read", "write"):
                moved[key.component] = moved.get(key.component, 0.0) + count * bits[key.component] / _BITS_PER_BYTE
        conversions = math.fsum(
            count for key, count in own.items() if key.component in converters and key.action == "convert"
        )
        busy = _busy(run, layer, kinds) if run.workload.timed else []
        found.append(LayerLoad(layer, operations, conversions, moved, busy))
    return found


def _busy(run: PricedRun, layer: str, kinds: Mapping[str, Bound]) -> list[UnitLoad]:
    """Of each kind the unit that works longest for a layer, the busiest first; a unit is of its stages' kind."""
    survival, times = run.leaving.survival(), dict[tuple[Bound, str], float]()
    for stage, cycles in run.tally.busy_cycles.items():
        if run.tally.layer_of[stage] == layer:
            unit, slots = run.tally.unit_of[stage]
            key = _bound_of(run.tally.parts_of.get(stage, frozenset()), kinds), unit
            own = math.fsum((cycles * survival).ravel()) / run.n_samples / slots / run.workload.together
            times[key] = times.get(key, 0.0) + own * 1e3 / run.clock_mhz
    longest: dict[Bound, UnitLoad] = {}
    for (bound, unit), ns in times.items():
        if ns > (longest[bound].busy_ns if bound in longest else 0.0):
            longest[bound] = UnitLoad(bound, unit, ns)
    return sorted(longest.values(), key=lambda each: -each.busy_ns)


def _bound_of(parts: frozenset[str], kinds: Mapping[str, Bound]) -> Bound:
    """What a stage does: it computes if any part does, else it moves words of memories, else it only holds wires."""
    own = {kinds.get(part, "compute") for part in parts}
    return "compute" if "compute" in own else "memory" if "memory" in own else "traffic"


def _kinds(spec: MachineSpec) -> dict[str, Bound]:
    memories, wires = (Sram, Dram, Registers), (Router, HTree, Wire)
    parts = ((name, getattr(spec, name)) for name in type(spec).model_fields)
    found: dict[str, Bound] = {}
    for name, part in parts:
        if isinstance(part, memories + wires):
            found[name] = "memory" if isinstance(part, memories) else "traffic"
    return found


def _word_bits(spec: MachineSpec) -> dict[str, int]:
    """Bits of an access of every memory."""
    found: dict[str, int] = {}
    for name in type(spec).model_fields:
        match getattr(spec, name):
            case Sram() as memory:
                found[name] = memory.port_bits
            case Dram() as memory:
                found[name] = memory.burst_bits
            case Registers() as memory:
                found[name] = memory.bits
    return found


def _converters(spec: MachineSpec) -> set[str]:
    return {name for name in type(spec).model_fields if isinstance(getattr(spec, name), Adc)}
