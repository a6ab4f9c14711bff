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
    by_layer: tuple[tuple[str, float], ...] = ()  # of what some layers give, in its place

    @classmethod
    def of(
        cls,
        kind: BaselineKind,
        timesteps: int,
        ann_bits: int,
        qann_density: float | Literal["trace"],
        signed: bool = False,
    ) -> Dense:
        """Activations of `ann_bits`, none of them zero, or of ceil(log2(T + 1)) bits, as many as a rate over T has.

        In the place of `signed` spikes they are in two's complement: rates have a bit more, others 2 at least.
        """
        if kind == "ann":
            return cls("ann", max(ann_bits, 1 + signed))
        return cls("qann", timesteps.bit_length() + signed, qann_density)

    def share(self, name: str) -> float | Literal["trace"]:
        """The share of what one layer gives that is not zero."""
        return dict(self.by_layer).get(name, self.density)

    @property
    def narrow(self) -> bool:
        """Whether its activations are narrower than the machine's multipliers are built for."""
        return self.kind == "qann"
