"""The priced parts of a learning core and how many of each there are."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from hwsim.accelerators.stdp.plan import INPUT_BITS, QUEUES, Plan
from hwsim.accelerators.stdp.spec import StdpSpec
from hwsim.accelerators.stdp.work import Role
from hwsim.components.pricing.given import PricedSpec
from hwsim.components.pricing.price import Priced
from hwsim.contract.hardware import Hardware, Storage
from hwsim.contract.parts import priced_parts
from hwsim.kernels.stdp.rules import FACTOR_BITS, RATE_BITS
from hwsim.traces.plastic.trace import QUANTITIES

_TAKEN = {
    "encoder": "draw",
    "input_memory": "read",
    "event_queue": "read write",
    "weight_memory": "read write",
    "inhibition_memory": "read",
    "current_memory": "read write",
    "neuron_memory": "read write",
    "trace_memory": "read write",
    "adder": "add",
    "neuron": "update inhibit weigh",
    "engine": "sum divide scale decay update",
    "rounder": "draw",
    "readout": "add",
}
_LEARNING = ("engine", "rounder", "weight_memory", "trace_memory")
_RUNNING = {
    Role.NORMALISE: ("engine", "rounder", "weight_memory", "neuron_memory"),
    Role.ENCODE: ("encoder", "input_memory"),
    Role.INTEGRATE: ("weight_memory",),
    Role.NEURONS: ("neuron", "neuron_memory", "inhibition_memory"),
    Role.TRACES: ("engine", "rounder", "trace_memory"),
    Role.DEPRESS: _LEARNING,
    Role.POTENTIATE: _LEARNING,
    Role.READOUT: ("readout",),
}
"""Stage -> components of which all registers run while it works; those that share one do not work at the same time."""


def parts_of(spec: StdpSpec) -> Mapping[str, Priced]:
    """Every component with the prices of the actions that it takes.

    Writing raw samples and inhibitory weights is no part of a presentation.
    """
    return priced_parts(spec, _TAKEN, _sized(spec)) | {"clock": spec.clock.part(spec.technology)}


def _sized(spec: StdpSpec) -> Mapping[str, PricedSpec]:
    """Parts whose arithmetic has the formats of the core."""
    weights, traces = spec.weights.number(), spec.traces.number()
    membranes = spec.membranes.number(sign=True)
    return {
        "adder": spec.adder.of(membranes),  # currents are as wide as what they are added to
        "neuron": spec.neuron.of(membranes, leak_bits=FACTOR_BITS),
        "engine": spec.engine.of(weights, traces, RATE_BITS, FACTOR_BITS),
        "weight_memory": spec.weight_memory.built(transposable=spec.layout == "transposable"),
    }


def hardware(plan: Plan, notes: Mapping[str, Any]) -> Hardware:
    """Instances, clock domains and memory footprint of a network on this machine; `notes` are shown with its own."""
    spec = plan.spec
    instances = dict.fromkeys(_TAKEN, 1) | {
        "adder": 2 if plan.layer else 1,  # spikes of neurons drive their layer beside the input of the next step
        "event_queue": QUEUES,
        "current_memory": 0 if plan.in_memory else QUEUES,
        "inhibition_memory": int(spec.inhibition_storage == "dense"),
        "rounder": int(any(spec.rounds_randomly(name) for name in QUANTITIES)),
        "clock": 1,
    }
    memories = _storage(plan)
    learned = {name: memories[name].used_bits for name in ("weight_memory", "neuron_memory")}
    return Hardware(instances, _clocked(plan), memories, {**_notes(plan), **notes}, weights=learned)


def _clocked(plan: Plan) -> Mapping[str, Mapping[str, Fraction]]:
    """Registers that run by stage; of two queues, current memories and adders each of two stages has one."""
    clocked = {role.value: dict.fromkeys(parts, Fraction(1)) for role, parts in _RUNNING.items()}
    one = Fraction(1, QUEUES)
    for role in (Role.ENCODE, Role.INTEGRATE):
        clocked[role]["event_queue"] = one
    if plan.in_memory:  # then the two never work at once
        clocked[Role.INTEGRATE]["neuron_memory"] = Fraction(1)
    for role in (Role.INTEGRATE, Role.NEURONS):
        clocked[role]["current_memory"] = one
        if plan.layer:
            clocked[role]["adder"] = Fraction(1, 2)
    if not plan.layer:
        clocked[Role.INTEGRATE]["adder"] = Fraction(1)
    return clocked


def _storage(plan: Plan) -> Mapping[str, Storage]:
    """What is stored, without the unused ends of words; inhibition in registers where it is no matrix."""
    spec, weights = plan.spec, plan.bits("weights")
    dense = spec.inhibition_storage == "dense"
    inhibition = plan.dense_synapses * weights if dense else plan.sparse_bits
    used = {
        "weight_memory": plan.pixels * plan.neurons * weights,
        "inhibition_memory": inhibition,
        "neuron_memory": plan.neurons * plan.state_bits,
        "trace_memory": (plan.pixels + plan.neurons) * plan.bits("traces"),
        "input_memory": plan.pixels * INPUT_BITS,
        "event_queue": plan.pixels * plan.event_bits,
        "current_memory": plan.neurons * plan.bits("membranes"),
    }
    copies = dict.fromkeys(used, 1) | {"event_queue": QUEUES, "current_memory": QUEUES}
    found = {key: Storage(n * used[key], n * getattr(spec, key).capacity_bits) for key, n in copies.items()}
    if plan.in_memory:
        del found["current_memory"]
    return found if dense else found | {"inhibition_memory": Storage(inhibition, inhibition)}


def _notes(plan: Plan) -> Mapping[str, Any]:
    """Facts of the mapping that a reader needs to trust the numbers."""
    spec, network = plan.spec, plan.network
    weights, inputs = plan.bits("weights"), plan.pixels * plan.neurons
    forms = {name: spec.format_of(name) for name in QUANTITIES}
    strength = "adapts" if network.inhibition.strength_step_mv else "fixed"
    return {
        "formats": ", ".join(f"{name} {form.format} {form.rounding or ''}".strip() for name, form in forms.items()),
        "learning rule": spec.stdp
        + (f", windows of {network.stdp.window_steps} steps" if spec.stdp == "windowed" else "")
        + (", normalised" if network.stdp.weight_sum else ", not normalised"),
        "inhibition": f"{spec.inhibition}, {spec.inhibition_storage}, strength {strength}",
        "layout": spec.layout,
        "skip": spec.skip,
        "state of neurons": "read, changed and written for every spike" if plan.in_memory else "visited once a step",
        "loop order": "step after step; within a step input, neurons, traces, depression, potentiation",
        "steps of a presentation": f"{network.coding.present_steps} and {network.coding.rest_steps} at rest",
        "synapse bits, inhibition dense": (inputs + plan.dense_synapses) * weights,
        "synapse bits, inhibition sparse": inputs * weights + plan.sparse_bits,
        "membrane bits": plan.neurons * (plan.bits("membranes") + plan.inhibitory_bits),
        "threshold bits": plan.neurons * plan.bits("thresholds"),
        "trace bits": (plan.pixels + plan.neurons) * plan.bits("traces"),
        "not part of a sample": (
            f"writing {plan.input_words} words of raw input, initial weights, and labelling the neurons after learning"
        ),
    }
