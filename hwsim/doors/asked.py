"""What a capture is asked for, as `hwsim.capture` takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """Arguments of `hwsim.capture` beside the model, its inputs and `test`; `about` is of the trace's provenance."""

    labels: Any
    timesteps: int | None
    over_time: bool
    weight_bits: int
    input_bits: int
    per_channel: bool
    readout: str
    recorded: int | None
    allow_drift: float | None
    coding: str | None
    out: Path | None
    about: Mapping[str, Any]
