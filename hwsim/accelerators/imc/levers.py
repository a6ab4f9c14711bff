"""What an in-memory-computing machine offers against what limits it."""

from __future__ import annotations

from collections.abc import Iterator

from hwsim.accelerators.imc.schedule import WRITERS
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.levers import Lever, Limits, faster_clock, fitting, multiplied
from hwsim.traces.direct.trace import Trace

_COPIES = (2, 4, 8, 16)
_MEMORIES = {"spike_buffer": "spike_buffer", "global_buffer": "global_buffer", "membrane": "membrane"}


def levers(spec: ImcSpec, trace: Trace, limits: Limits) -> Iterator[Lever]:
    """Copies, converters, lanes, tiles where they limit; packing, idle parts, memory; the first layer; the clock."""
    layer, chip = limits.layer, spec.chip
    if limits.unit == layer and layer:
        if chip.replicate == "none" or isinstance(chip.replicate, dict):
            copies = {} if chip.replicate == "none" else dict(chip.replicate)
            already = copies.get(layer, 1)
            yield Lever(f"copies of {layer}", [{"chip.replicate": {**copies, layer: n * already}} for n in _COPIES])
        fewer = [spec.adc.columns_per_adc // n for n in (2, 4, 8) if spec.adc.columns_per_adc // n]
        yield Lever("columns an ADC", [{"adc.columns_per_adc": columns} for columns in fewer])
    if spec.direct_input == "every_step" and trace.timesteps > 1:
        yield Lever("first layer once", [{"direct_input": "once"}])
    if spec.direct_input != "digital" and _has_multipliers(spec) and trace.network.following_input:
        yield Lever("first layer digital", [{"direct_input": "digital"}])
    if spec.packing == "none" and not spec.assumptions.by_pe:
        yield Lever("layers packed", [{"packing": "layers"}])
    if limits.unit == WRITERS and chip.tiles != "as_needed":
        yield multiplied("tiles", {"chip.tiles": chip.tiles})
    if limits.unit.endswith(".neuron") or limits.unit.startswith("neurons of "):
        yield multiplied("neuron lanes", {"neuron.lanes": spec.neuron.lanes})
    if limits.unit == "input":
        yield multiplied("global buffer's port", {"global_buffer.port_bits": spec.global_buffer.port_bits})
    if " link " in limits.unit:
        yield multiplied("width of links", {"noc.flit_bits": spec.noc.flit_bits})
    if spec.assumptions.conversion == "crossbar":  # else what a PE has decides what is converted together
        sizes = [n for n in (1, 2, 3, 4, 6) if n < chip.crossbars_per_pe]
        yield Lever("crossbars a PE", [{"chip.crossbars_per_pe": n} for n in sizes])
    for storage, key in _MEMORIES.items():
        if limits.energy.get(storage, 0.0) > 0.01:
            yield from fitting(key, getattr(spec, key), limits.used.get(storage, 1.0))
    yield from faster_clock(spec.clock.frequency_mhz)


def _has_multipliers(spec: ImcSpec) -> bool:
    return "none" not in (spec.first_layer_mac, spec.first_layer_weights) and spec.assumptions.switched_on == "none"
