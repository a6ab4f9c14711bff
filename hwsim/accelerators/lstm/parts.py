"""The priced parts of a spiking LSTM machine and how many of each there are."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from hwsim.accelerators.lstm.dense_step import NARROW
from hwsim.accelerators.lstm.engines import Engine
from hwsim.accelerators.lstm.plan import Plan, memory_bits
from hwsim.accelerators.lstm.spec import LstmSpec
from hwsim.accelerators.lstm.spiking_step import products_of
from hwsim.accelerators.lstm.work import AC, DETECT, ELEMENTWISE, MAC, NEURONS, READOUT
from hwsim.components.pricing.price import Priced
from hwsim.contract.dense import Dense
from hwsim.contract.hardware import Hardware, Storage, baseline_notes
from hwsim.contract.parts import priced_parts
from hwsim.traces.sequence.trace import GATES

_TAKEN = {
    "mac": "mac",
    "elementwise": "",
    "state": "",
    "input_weights": "read",
    "weights": "read",
    "readout_weights": "read",
}
_OF_SPIKES = dict.fromkeys(("ac", "detector", "neuron", "queue", "readout"), "")
ARITHMETIC = frozenset({"mac", NARROW, "ac", "elementwise", "readout"})
"""Components that multiply and add."""
_RUNNING = dict.fromkeys(AC, ("ac", "weights")) | {
    DETECT: ("detector",),
    MAC: ("mac", "input_weights"),
    NEURONS: ("neuron", "queue"),
    ELEMENTWISE: ("elementwise", "state"),
    READOUT: ("readout", "readout_weights"),
}
"""Engine -> components whose registers run while it works, an equal share in each; of others those of `cycle` alone."""


def parts_of(spec: LstmSpec, dense: Dense | None = None) -> Mapping[str, Priced]:
    """Every component with the prices of the actions that it takes; loading weights is no part of an inference.

    A network without spikes has other parts, and may have hidden values narrower than the multipliers were built for.
    """
    parts = priced_parts(spec, _TAKEN if dense is not None else _TAKEN | _OF_SPIKES)
    if dense is not None and dense.narrow:
        parts[NARROW] = spec.mac.narrowed(spec.technology, dense.activation_bits, "hidden values")
    return parts | {"clock": spec.clock.part(spec.technology)}


def hardware(plan: Plan, built: list[Engine]) -> Hardware:
    """Instances, clock domains and memory footprint of a network on this machine."""
    spec, layers, cells = plan.spec, plan.network.layers, plan.n_cells
    copies = cells if spec.weight_copies == "replicated" else 1
    ports = len(GATES) if spec.gate_ports == "per_gate" else 1
    everywhere = cells * len(layers)
    products = cells if not plan.multiplies_once else 1
    there = {
        "mac": spec.mac.lanes * (products if plan.dense is None else len(layers)),
        NARROW: spec.mac.lanes * len(layers),
        "ac": spec.ac.lanes * len(GATES) * everywhere,
        "detector": everywhere + 1,
        "neuron": everywhere,
        "elementwise": spec.elementwise.lanes * everywhere,
        "state": _state_words(plan),
        "queue": spec.queue.banks * ((cells - 1) * len(layers) + plan.multiplies_once),
        "input_weights": min(copies, products),
        "weights": copies * ports * len(layers),
        "readout": spec.readout.lanes,
        "readout_weights": 1,
        "clock": 1,
    }
    instances = {name: there[name] for name in parts_of(spec, plan.dense)}
    of_role = dict.fromkeys(AC, Fraction(1, len(GATES) * everywhere)) | {
        READOUT: Fraction(1),
        MAC: Fraction(1, products if plan.dense is None else len(layers)),
    }
    clocked = {
        engine.name: dict.fromkeys(
            (name for name in _RUNNING[engine.role] if name in instances),
            of_role.get(engine.role, Fraction(1, everywhere)),
        )
        for engine in built
    }
    memories = _storage(plan, instances)
    weights = {name: memories[name].used_bits for name in ("input_weights", "weights", "readout_weights")}
    return Hardware(instances, clocked, memories, _notes(plan), weights=weights)


def _state_words(plan: Plan) -> int:
    """Cell states and hidden values: one a timestep, or one in all where they run on, and those between layers."""
    layers = plan.network.layers
    copies = plan.timesteps if plan.network.state_per_step else 1
    waiting = 0 if plan.serial or plan.dense is not None else plan.timesteps * plan.spec.cells.queue_elements
    words = copies * sum(layer.n_hidden + plan.hidden_words(layer) for layer in layers)
    return words + waiting * sum(plan.hidden_words(layer) for layer in layers[:-1])


def _storage(plan: Plan, instances: Mapping[str, int]) -> Mapping[str, Storage]:
    """Weights with the unused ends of their words, in every copy; registers are as many as are needed."""
    bits, found = instances["state"] * plan.spec.state.bits, memory_bits(plan)
    memories = {key: Storage(needed * instances[key], there * instances[key]) for key, (needed, there) in found.items()}
    if "queue" in memories:
        memories["queue"] = Storage(_queued_bits(plan), plan.spec.queue.capacity_bits * instances["queue"])
    return memories | {"state": Storage(bits, bits)}


def _queued_bits(plan: Plan) -> int:
    """All queues full: elements between cells, and products of the element at work in every cell."""
    between, depth = len(plan.cells) - 1, plan.spec.cells.queue_elements
    words = sum(
        between * depth * (plan.crossing_words(layer) + plan.kept_words(layer))
        + len(plan.cells) * plan.kept_words(layer)
        for layer in plan.network.layers
    )
    return words * plan.spec.queue.port_bits


def _notes(plan: Plan) -> Mapping[str, Any]:
    """Facts of the mapping that a reader needs to trust the numbers."""
    spec, network = plan.spec, plan.network
    notes: dict[str, Any] = {
        "schedule": "serial" if plan.serial else "pipelined",
        "input_product": spec.input_product,
        "weight_copies": spec.weight_copies,
        "gate_ports": spec.gate_ports,
        "cells a layer": plan.n_cells,
        "cell steps a layer": network.n_elements * plan.timesteps,
    }
    if plan.serial:
        notes["serial because"] = plan.serial_because
    if plan.dense is None:
        notes["products f*c, i*g, o*s"] = "; ".join(
            f"{layer.name}: {', '.join(products_of(layer))}" for layer in network.layers
        )
    return notes | baseline_notes(plan.dense)
