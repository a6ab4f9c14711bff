"""How finely networks from elsewhere are rounded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Precision:
    """How finely a network is rounded."""

    weight_bits: int = 8
    membrane_bits: int = 24
    leak_bits: int = 8
    per_channel: bool = True
