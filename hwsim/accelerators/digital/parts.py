"""The priced parts of a digital machine."""

from __future__ import annotations

from collections.abc import Mapping

from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.components.pricing.price import Priced
from hwsim.contract.dense import Dense
from hwsim.contract.parts import priced, with_registers
from hwsim.kept import kept_with

Taken = Mapping[str, tuple[str, ...]]
"""Component -> actions of it that have a price."""


def parts_of(spec: DigitalSpec, dense: Dense | None = None) -> Mapping[str, Priced]:
    """Every component that this machine has, with the prices of the actions that it takes.

    A network without spikes may have activations that are narrower than the multipliers were built for.
    """
    return kept_with(spec).once(("parts", dense), lambda: _parts_of(spec, dense))


def _parts_of(spec: DigitalSpec, dense: Dense | None) -> Mapping[str, Priced]:
    stages = max(spec.array.latency_cycles, 1)
    # Between stages lies a product, or what is added.
    between = {"mac": spec.mac.input_bits + spec.mac.weight_bits, "ac": spec.ac.bits}
    parts = {
        name: with_registers(priced(spec, name).over(stages), getattr(spec, name), spec.technology, (stages - 1) * bits)
        for name, bits in between.items()
    }
    if dense is not None and dense.narrow:
        parts["narrow_mac"] = spec.mac.narrowed(spec.technology, dense.activation_bits, "activations")
    if spec.detector != "none" and spec.skip == "skip":
        parts["detector"] = priced(spec, "detector")
    if spec.neuron != "none":
        neuron = priced(spec, "neuron")
        parts["neuron"] = neuron if spec.loop_order == "layer_outer" else neuron.only("update")
    for name in ("pooling", "scratchpad", "global_buffer", "dram"):
        if getattr(spec, name) != "none":
            parts[name] = priced(spec, name)
    if spec.codec != "none":
        codec = priced(spec, "codec")
        parts["codec"] = codec if spec.dram != "none" and spec.dram.compress != "none" else codec.only("decode")
    return parts | {"clock": spec.clock.part(spec.technology)}


def taken(spec: DigitalSpec, dense: Dense | None) -> Taken:
    """The actions of every component."""
    return {name: tuple(part.actions) for name, part in parts_of(spec, dense).items()}
