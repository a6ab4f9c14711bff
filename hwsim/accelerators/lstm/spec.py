"""What an architecture file may say about a pipelined spiking LSTM machine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hwsim.arch.schema import ComponentSpec
from hwsim.components.accumulator import Accumulator
from hwsim.components.elementwise import Elementwise
from hwsim.components.mac import Mac
from hwsim.components.memory import BankedSram, Sram
from hwsim.components.neuron import Neuron
from hwsim.components.registers import Registers
from hwsim.components.spike_detector import SpikeDetector
from hwsim.contract.spec import MachineSpec


class Cells(ComponentSpec):
    """Copies of each layer's cell.

    `count: timesteps` is as many as the network has timesteps, one for a serial schedule. With fewer, each takes
    neighbouring timesteps. `queue_elements`: how many elements may wait between one cell and the next, and between one
    layer and the next.
    """

    count: Annotated[int, Field(ge=1, le=4096)] | Literal["timesteps"]
    queue_elements: int = Field(ge=1, le=65_536)
    latency_cycles: int = Field(ge=0, le=1000)


class MacEngine(Mac):
    """Multipliers of one cell that take the raw input."""

    lanes: int = Field(ge=1, le=65_536)


class AcEngine(Accumulator):
    """Adders of one gate of one cell: a spike adds a row of weights, `lanes` of them a cycle."""

    lanes: int = Field(ge=1, le=65_536)


class Baseline(ComponentSpec):
    """The ordinary LSTM that this machine is compared with: what share of the quantised one's hidden values is not 0.

    `trace`: those of units that fire at that element in any timestep, as a rate of 0 / T is the value 0.
    """

    qann_density: Annotated[float, Field(ge=0, le=1)] | Literal["trace"]


class LstmSpec(MachineSpec):
    """Cells of a MAC engine, four AC engines, neuron and element-wise lanes, with weight memories and registers."""

    paced = frozenset({"queue", "input_weights", "weights", "readout_weights"})
    machine: Literal["lstm"]
    schedule: Literal["serial", "pipelined"]
    input_product: Literal["every_step", "once"]
    weight_copies: Literal["shared", "replicated"]
    gate_ports: Literal["per_gate", "shared"]
    cells: Cells
    mac: MacEngine
    ac: AcEngine
    detector: SpikeDetector
    neuron: Neuron
    elementwise: Elementwise
    state: Registers
    queue: BankedSram
    input_weights: Sram
    weights: Sram
    readout: AcEngine
    readout_weights: Sram
    baseline: Baseline


spec_type = LstmSpec
