"""What may be balanced on this machine: copies of layers, columns an ADC, how crossbars share PEs and tiles, and where
the raw input is multiplied.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.hardware import Hardware

_BUDGETS = (1, 1.1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 6, 8)
"""Crossbars for all copies, as multiples of those that one of each layer takes; our choice."""


def knobs(spec: ImcSpec, hardware: Hardware) -> Mapping[str, str]:
    """Values of each knob, those of the design among them."""
    used = sum(hardware.crossbars.values())
    powers = [2**i for i in range(spec.crossbar.columns.bit_length()) if 2**i <= spec.crossbar.columns]
    pes, crossbars = spec.chip.pes_per_tile, spec.chip.crossbars_per_pe
    return {
        "packing": "none" if spec.assumptions.by_pe else "none,layers",
        "direct_input": ",".join(_first_layers(spec)),
        **_copies(spec, used),
        "adc.columns_per_adc": _list({*powers, spec.adc.columns_per_adc}),
        "chip.pes_per_tile": _list({2, 4, 8, 16, pes}),
        "chip.crossbars_per_pe": _list({4, 8, 9, 12, 16, crossbars}),
    }


def _copies(spec: ImcSpec, used: int) -> Mapping[str, str]:
    """Budgets of all copies, or of a design that copies onto spare crossbars whether it does."""
    if spec.chip.replicate == "spare":
        return {"chip.replicate": "none,spare"}
    return {"chip.replicate": "auto", "chip.crossbar_budget": _list(round(used * factor) for factor in _BUDGETS)}


def _first_layers(spec: ImcSpec) -> Iterable[str]:
    """Ways to multiply the raw input that the parts of the design allow."""
    yield from ("every_step", "once")
    if "none" not in (spec.first_layer_mac, spec.first_layer_weights) and spec.assumptions.switched_on == "none":
        yield "digital"


def _list(values: Iterable[int]) -> str:
    return ",".join(str(value) for value in sorted(set(values)))
