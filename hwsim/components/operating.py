"""How a machine is operated: one inference a period, what is switched off in between, or samples in a stream."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hwsim.arch.schema import Bounded, Cost, Source, Spec

PowerGating = Literal["none", "retention", "off"]


class Operating(Spec):
    """One inference every `period_ns`, or with `stream` samples as closely as they can follow each other.

    `power_gating` says what happens between two inferences of a period:
    - `none`: everything leaks, and the gated clock runs.
    - `retention`: logic is switched off, memories keep what they hold at `retention_v`, the clock stands.
    - `off`: memories are switched off too, and weights that they held are loaded again over `io`; cells that need no
      supply keep theirs.

    A part that is off leaks `residual_leakage` of what it leaks through its switch, 0.002 to 0.1 of it: our choice. A
    memory in retention leaks `retention_leakage`: 0.1, as a supply below 0.3 V saves more than 90 % in 0.13 um (Qin et
    al., ISQED 2004); 0.2 where self-reverse biasing saves more than 80 % (32-KB SRAM in 0.13 um, VLSI Circuits 2003);
    0.05 is our choice. Waking charges the supply of what was off, `rail_nf_per_mm2` of capacitance an area, by C V^2,
    of memories in retention C V (V - `retention_v`): 2 nF/mm2 from 0.5 to 5 is our choice, of gates, wires and
    decoupling. It takes `wake_ns`, in which everything leaks. `always_on_uw` is the timer and the power control: our
    choice. Memories beside the chip stay on.
    """

    period_ns: float | None = Field(default=None, gt=0, le=1e18)
    stream: bool = False
    power_gating: PowerGating = "none"
    residual_leakage: Cost = Bounded(value=0.02, low=0.002, high=0.1)
    retention_leakage: Cost = Bounded(value=0.1, low=0.05, high=0.2)
    retention_v: float = Field(default=0.3, gt=0, le=2)
    rail_nf_per_mm2: Cost = Bounded(value=2.0, low=0.5, high=5.0)
    wake_ns: float = Field(default=1000.0, ge=0, le=1e12)
    always_on_uw: Cost = Bounded(value=1.0, low=0.1, high=10.0)
    source: Source = "Qin et al., ISQED 2004 (retention); all else our choice"

    @model_validator(mode="after")
    def _shares(self) -> Operating:
        for name in ("residual_leakage", "retention_leakage"):
            if (high := getattr(self, name).high) > 1:
                raise ValueError(f"{name} is a share of the leakage, at most 1, got {high:g}")
        return self
