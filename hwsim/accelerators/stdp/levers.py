"""What a core that learns offers against what limits it."""

from __future__ import annotations

from collections.abc import Iterator

from hwsim.accelerators.stdp.spec import StdpSpec
from hwsim.contract.levers import Lever, Limits, faster_clock, fitting, multiplied
from hwsim.traces.plastic.trace import PlasticTrace

_MEMORIES = ("weight_memory", "inhibition_memory", "neuron_memory", "trace_memory", "event_queue", "current_memory")


def levers(spec: StdpSpec, trace: PlasticTrace, limits: Limits) -> Iterator[Lever]:
    """A wider weight port with its lanes, another layout, memories that fit, silence skipped, sums kept, a clock."""
    weights = spec.weight_memory
    port = {"weight_memory.port_bits": weights.port_bits}
    lanes = {"adder.lanes": spec.adder.lanes, "engine.lanes": spec.engine.lanes}
    yield multiplied("weight port", port)
    yield multiplied("weight port and lanes", port | lanes)
    if weights.ports == "1rw":
        yield Lever("a port each to read and write", [{"weight_memory.ports": "1r1w"}])
    others = [layout for layout in ("pre_major", "post_major", "transposable") if layout != spec.layout]
    yield Lever("layout of weights", [{"layout": layout} for layout in others])
    if spec.skip == "none":
        yield Lever("silent rows skipped", [{"skip": "silent"}])
    if spec.neuron_state == "memory":
        yield Lever("sums of a step in registers", [{"neuron_state": "registers"}])
    for key in _MEMORIES:
        if limits.energy.get(key, 0.0) > 0.01:
            yield from fitting(key, getattr(spec, key), limits.used.get(key, 1.0))
    yield from faster_clock(spec.clock.frequency_mhz)
