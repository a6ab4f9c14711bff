"""What an architecture file may say about a first-spike systolic array."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hwsim.arch.schema import ComponentSpec
from hwsim.components.accumulator import Accumulator
from hwsim.components.bucket_sorter import BucketSorter
from hwsim.components.clock import refuse_chosen
from hwsim.components.first_spike_pe import FirstSpikePe
from hwsim.components.memory import BankedSram, Sram
from hwsim.contract.spec import MachineSpec


class Array(ComponentSpec):
    """R x C processing elements of a core, each of which owns one neuron in a pass."""

    rows: int = Field(ge=1, le=4096)
    columns: int = Field(ge=1, le=4096)
    tick_cycles: int = Field(ge=1, le=1000)
    drain_cycles: int = Field(ge=0, le=100_000)

    _of_today = model_validator(mode="before")(refuse_chosen)

    @property
    def lanes(self) -> int:
        """Processing elements of a core."""
        return self.rows * self.columns

    @property
    def latency_cycles(self) -> int:
        """Cycles from the end of a pass at the first element until its spikes are stored: skew and drain."""
        return self.rows + self.columns - 2 + self.drain_cycles


class EarlyStop(ComponentSpec):
    """What ends before its window does.

    `element: gate`: a processing element that has fired, or is known not to, takes part no more.
    `hidden` passes end when every neuron has fired or none can fire any more, as told by the slopes (no spike is
    pending, no slope is positive) or, with `reach`, also by one comparison when the inputs have ended: what is more
    than the rest of the ramp away from the threshold stays silent.
    `output: first_spike`: the output's pass ends with the tick of the first output spike.
    """

    element: Literal["gate", "run"]
    hidden: Literal["never", "slopes", "reach"]
    output: Literal["never", "first_spike"]


class TtfsSpec(MachineSpec):
    """Cores with a systolic array, banked weights, a time-ordered spike queue with its sorter and a spike store.

    Queue and spike store of a core are two memories each, of which one is read while the other is written.
    """

    machine: Literal["ttfs"]
    coding: Literal["ttfs", "rate"]
    cores: int = Field(ge=1, le=1024)
    array: Array
    early_stop: EarlyStop
    pe: FirstSpikePe
    weights: BankedSram
    sorter: BucketSorter
    queue: Sram
    spikes: Sram
    decision: Accumulator


spec_type = TtfsSpec
