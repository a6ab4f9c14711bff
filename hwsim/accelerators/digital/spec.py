"""What an architecture file may say about a digital MAC/AC array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from hwsim.accelerators.digital.blocking import LOOPS, Loop
from hwsim.arch.schema import ComponentSpec, Spec
from hwsim.components.accumulator import Accumulator
from hwsim.components.clock import refuse_chosen
from hwsim.components.codec import Codec
from hwsim.components.dram import Dram
from hwsim.components.mac import Mac
from hwsim.components.memory import BankedSram
from hwsim.components.neuron import Neuron
from hwsim.components.spike_detector import SpikeDetector
from hwsim.contract.spec import MachineSpec

Absent = Literal["none"]
"""A part that the machine does without: its work costs neither energy nor time."""


class Scratchpad(BankedSram):
    """Memories that hold weights beside the array: one for the PEs of a column, or one for each PE."""

    per: Literal["column", "pe"] = "column"


class Weights(Spec):
    """How weights lie in DRAM: all of them, a bit for each beside those that are not 0, or those by column.

    With `csc` an output channel's weights that are not 0 follow one another, each with the number of zeros before it,
    after their number (`hwsim.accelerators.digital.coding`).
    """

    storage: Literal["dense", "bitmask", "csc"] = "dense"


class Block(Spec):
    """How a layer is cut into blocks that pass through the global buffer; an axis that is left out is not cut.

    `channels` are output channels, `inputs` input channels of a group.  `order` names loops, outermost first; those it
    leaves out come outside of them.
    """

    rows: int | None = Field(default=None, ge=1)
    columns: int | None = Field(default=None, ge=1)
    channels: int | None = Field(default=None, ge=1)
    inputs: int | None = Field(default=None, ge=1)
    timesteps: int | None = Field(default=None, ge=1)
    images: int | None = Field(default=None, ge=1)
    order: tuple[Loop, ...] = LOOPS

    @model_validator(mode="after")
    def _once_each(self) -> Block:
        if len(set(self.order)) < len(self.order):
            raise ValueError(f"order names a loop more than once, got {', '.join(self.order)}")
        return self


def _kind(written: object) -> str:
    """Which branch of `Blockings` a value is of, so that an error is about that."""
    return "layers" if isinstance(written, Mapping) else "word"


Blockings = Annotated[
    Annotated[Literal["auto", "none"], Tag("word")] | Annotated[dict[str, Block], Tag("layers")], Discriminator(_kind)
]
"""The best blocking of every layer, no blocks, or the blocks of some layers."""


class Array(ComponentSpec):
    """Rows take output positions, columns output channels; each PE keeps the sum of one output.

    `skew: systolic` passes operands from PE to PE, a cycle each, so that every tile fills and drains the whole array:
    rows + columns - 2 cycles beside those of its taps.  With `none` they reach all PEs at once.
    """

    rows: int = Field(ge=1, le=4096)
    columns: int = Field(ge=1, le=4096)
    skew: Literal["none", "systolic"] = "none"
    latency_cycles: int = Field(ge=0, le=1000)

    _of_today = model_validator(mode="before")(refuse_chosen)


class DelayedNeuron(Neuron):
    """Neuron lanes beside the array with the cycles until a spike is visible."""

    cycles: int = Field(ge=0, le=1000)


class Pooling(Accumulator):
    """Lanes that pool, add activations and, for networks without spikes, apply the activation function."""

    lanes: int = Field(ge=1, le=65_536)
    cycles: int = Field(ge=0, le=1000)


class Baseline(ComponentSpec):
    """The network without spikes that this machine is compared with: what share of its activations is not zero.

    `trace`: those of neurons that spike at least once in the trace, as a rate of 0 / T is the value 0.
    `density_by_layer`: that share of what some layers give, in the place of `qann_density`.
    `qann_bits`: how wide activations of the quantised network are; `timesteps` is as many levels as their rates have.
    """

    qann_density: Annotated[float, Field(ge=0, le=1)] | Literal["trace"]
    density_by_layer: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(default={})
    qann_bits: Annotated[int, Field(ge=1, le=16)] | Literal["timesteps"] = "timesteps"

    @model_validator(mode="after")
    def _one_kind(self) -> Baseline:
        if self.density_by_layer and self.qann_density == "trace":
            raise ValueError("density_by_layer needs a number for all other layers: qann_density is trace")
        return self


class DigitalSpec(MachineSpec):
    """An output-stationary array of MAC/AC units with a memory hierarchy of which each level may be left out."""

    paced = frozenset({"scratchpad", "global_buffer"})
    machine: Literal["digital"]
    array: Array
    loop_order: Literal["timestep_outer", "layer_outer"]
    direct_input: Literal["every_step", "once"]
    skip: Literal["none", "gate", "skip"]
    fan_out: Literal["exact", "mean"]
    mac: Mac
    ac: Accumulator
    detector: SpikeDetector | Absent
    neuron: DelayedNeuron | Absent
    pooling: Pooling | Absent
    scratchpad: Scratchpad | Absent
    global_buffer: BankedSram | Absent
    dram: Dram | Absent
    codec: Codec | Absent = "none"
    weights: Weights = Weights()
    baseline: Baseline
    blocking: Blockings = "auto"
    batch: int = Field(default=1, ge=1, le=4096)

    @model_validator(mode="after")
    def _parts_agree(self) -> DigitalSpec:
        if self.fan_out == "mean" and self.skip != "gate":
            raise ValueError(
                "fan_out: mean counts spikes times the mean fan-out, as published equations do, so no silent input may "
                f"cost anything and no window is looked at: skip must be gate, got {self.skip}"
            )
        if self.array.skew == "systolic" and self.skip == "skip":
            raise ValueError(
                "array.skew: systolic passes every operand along, so no row can skip any: skip must be none or gate"
            )
        return self

    @model_validator(mode="after")
    def _multipliers_take_the_activations(self) -> DigitalSpec:
        stated = self.baseline.qann_bits
        if stated != "timesteps" and stated > self.mac.input_bits:
            raise ValueError(f"baseline.qann_bits must be at most mac.input_bits = {self.mac.input_bits}, got {stated}")
        return self

    @model_validator(mode="after")
    def _compression_has_its_parts(self) -> DigitalSpec:
        maps = "none" if self.dram == "none" else self.dram.compress
        if self.weights.storage != "dense" and self.dram == "none":
            raise ValueError(f"weights.storage: {self.weights.storage} is how weights lie in DRAM, and dram is none")
        used = self.weights.storage != "dense" or maps != "none"
        if used and self.codec == "none":
            key = "dram.compress" if maps != "none" else "weights.storage"
            raise ValueError(f"{key}: a codec compresses on the way to DRAM and back, and codec is none")
        if self.codec != "none" and not used:
            raise ValueError("codec: has nothing to do, dram.compress is none and weights.storage is dense")
        return self

    @property
    def scratchpads(self) -> int:
        """How many there are: one a column or one a PE."""
        return self.array.columns * (
            self.array.rows if self.scratchpad != "none" and self.scratchpad.per == "pe" else 1
        )

    @property
    def membrane_bits(self) -> int:
        """Width of a membrane where one is stored."""
        return self.ac.bits if self.neuron == "none" else self.neuron.membrane_bits

    @property
    def sum_bits(self) -> int:
        """Width of a sum where one is stored."""
        return self.ac.bits


spec_type = DigitalSpec
