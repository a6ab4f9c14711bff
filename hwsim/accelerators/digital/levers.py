"""What a digital array offers against what limits it."""

from __future__ import annotations

from collections.abc import Iterator

from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.contract.levers import Lever, Limits, faster_clock, fitting, multiplied
from hwsim.traces.direct.trace import Trace


def levers(spec: DigitalSpec, trace: Trace, limits: Limits) -> Iterator[Lever]:
    """More rows, banks, lanes or bandwidth; memories that fit; the first layer once; another order; the clock."""
    buffer, pad, dram = spec.global_buffer, spec.scratchpad, spec.dram
    rows, columns = spec.array.rows, spec.array.columns
    yield multiplied("array columns", {"array.columns": columns})
    if pad == "none":
        yield multiplied("array rows", {"array.rows": rows})
    else:
        yield multiplied("array rows and banks", {"array.rows": rows, "scratchpad.banks": pad.banks})
        yield multiplied("scratchpad banks", {"scratchpad.banks": pad.banks})
        yield from fitting("scratchpad", pad, limits.used.get("scratchpad", 1.0))
    if buffer != "none":
        yield multiplied("buffer banks", {"global_buffer.banks": buffer.banks})
        if limits.energy.get("dram", 0.0) > 0.1 and not buffer.is_auto:
            yield multiplied("larger buffer", {"global_buffer.capacity_kib": buffer.kib})
    if dram != "none" and limits.unit == "dram":
        yield multiplied("DRAM bandwidth", {"dram.gigabytes_per_s": dram.gigabytes_per_s})
    if spec.neuron != "none" and limits.unit.endswith("neuron"):
        yield multiplied("neuron lanes", {"neuron.lanes": spec.neuron.lanes})
    if trace.timesteps > 1:
        if spec.direct_input == "every_step":
            yield Lever("first layer once", [{"direct_input": "once"}])
        other = "layer_outer" if spec.loop_order == "timestep_outer" else "timestep_outer"
        yield Lever("order of loops", [{"loop_order": other}])
    yield from faster_clock(spec.clock.frequency_mhz)
