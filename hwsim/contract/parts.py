"""Prices of a machine's parts under their keys in the architecture file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hwsim.components.pricing import logic
from hwsim.components.pricing.given import PricedSpec
from hwsim.components.pricing.price import Priced
from hwsim.components.pricing.technology import Technology
from hwsim.contract.spec import MachineSpec


def priced(spec: MachineSpec, key: str, part: PricedSpec | None = None) -> Priced:
    """Prices of the part under a key, or of one that the machine has sized; an error begins with the key."""
    chosen: PricedSpec = getattr(spec, key) if part is None else part
    found = chosen.priced_as(key, spec.technology)
    return found.over(0) if key in spec.paced else found


def with_registers(found: Priced, part: PricedSpec, technology: Technology, bits: int) -> Priced:
    """A part with flip-flops that the machine puts before or in it; area and leakage that are given have them."""
    if part.law == "given" or not bits:
        return replace(found, flip_flops=found.flip_flops + bits)
    return logic.with_registers(found, technology, bits)


def priced_parts(
    spec: MachineSpec, taken: Mapping[str, str], sized: Mapping[str, PricedSpec] | None = None
) -> dict[str, Priced]:
    """Prices of the parts under these keys, each with the actions that the machine takes, named in a row; '' for all.

    `sized` are parts that the machine has fitted to its sizes, in the place of those of the file.
    """
    parts = {key: priced(spec, key, (sized or {}).get(key)) for key in taken}
    return {key: part.only(*taken[key].split()) if taken[key] else part for key, part in parts.items()}
