"""The network without spikes that a spiking one is compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

BaselineKind = Literal["ann", "qann"]
"""Every weight multiplied, or few-bit activations with zeros, the fair opponent."""


@dataclass(frozen=True, slots=True)
class Dense:
    """Multi-bit activations in the place of spikes, on the same geometry, in one pass."""

    kind: BaselineKind
    activation_bits: int
    density: float | Literal["trace"] = 1.0  # share of activations that are not zero; `trace`: those that spike at all

    @classmethod
    def of(cls, kind: BaselineKind, timesteps: int, ann_bits: int, qann_density: float | Literal["trace"]) -> Dense:
        """Activations of `ann_bits`, none of them zero, or of ceil(log2(T + 1)) bits, as many as a rate over T has."""
        if kind == "ann":
            return cls("ann", ann_bits)
        return cls("qann", timesteps.bit_length(), qann_density)

    @property
    def narrow(self) -> bool:
        """Whether its activations are narrower than the machine's multipliers are built for."""
        return self.kind == "qann"
