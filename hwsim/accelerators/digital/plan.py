"""What the machine does with each layer of a network, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from hwsim.accelerators.digital.cells import Cells
from hwsim.accelerators.digital.fit import check_fit
from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.accelerators.digital.tiling import Tiling, tile_layer
from hwsim.contract.arrays import IntArray
from hwsim.contract.dense import Dense
from hwsim.contract.maps import Piece, arranges, pieces
from hwsim.contract.neuron_parts import state_bits
from hwsim.contract.recurrence import refuse_delayed
from hwsim.traces.network.layers import Add, Conv2d, Input, Layer, Linear, Network, Pool, Readout, neuron_of
from hwsim.traces.network.raw_input import follows_input, multiplies_input

Unit = Literal["mac", "narrow_mac", "ac"]
Finish = Literal["neuron", "pooling"]


@dataclass(frozen=True, slots=True)
class Task:
    """One layer on the machine: what the array does for it, if anything, and what finishes its sums."""

    layer: Layer
    pieces: tuple[Piece, ...]  # of the maps that it reads
    unit: Unit | None  # what the PEs do
    digits: int  # of a magnitude, that arrive one after another: 1 for spikes and for what is multiplied
    finish: Finish | None
    only_first: bool  # done at the first timestep, and kept
    keeps_sums: bool  # sums of the first timestep are read again at the others
    tiling: Tiling
    cells: Cells | None = None  # where it goes through the global buffer block by block

    @property
    def name(self) -> str:
        """The layer's name."""
        return self.layer.name

    @property
    def reads(self) -> tuple[str, ...]:
        """The maps that it reads, that is layers whose results are stored."""
        return tuple(piece.map for piece in self.pieces)

    @property
    def weights(self) -> Conv2d | Linear:
        """The layer of a task that uses the array."""
        assert isinstance(self.layer, Conv2d | Linear)
        return self.layer

    @property
    def has_membrane(self) -> bool:
        """Whether neurons finish the sums."""
        return self.finish == "neuron"

    def state_bits(self, membrane_bits: int) -> int:
        """Bits that one of its neurons keeps where a membrane has so many; 0 without neurons."""
        neuron = neuron_of(self.layer)
        return 0 if neuron is None else state_bits(neuron, membrane_bits)

    @property
    def weight_bits_per_channel(self) -> int:
        """Bits of the weights of one output channel."""
        return int(self.part_bits.sum()) // self.tiling.groups

    @property
    def part_bits(self) -> IntArray:
        """Bits of the weights of one output channel for each part of the input channels: int64 [part]."""
        return self.tiling.taps * (self.weights.weights.bits if self.unit else 0)


@dataclass(frozen=True)
class Plan:
    """The tasks of a network in order, and the width of what each leaves behind."""

    spec: DigitalSpec
    network: Network
    timesteps: int
    tasks: tuple[Task, ...]
    map_bits: Mapping[str, int]  # of one value of every stored map, the input included
    dense: Dense | None = None

    @property
    def layer_outer(self) -> bool:
        """Whether all timesteps of a tile run before the next tile."""
        return self.spec.loop_order == "layer_outer"

    @property
    def images(self) -> int:
        """Images whose layers run together."""
        return self.spec.batch

    @cached_property
    def position(self) -> Mapping[str, int]:
        """Place of each task in the order, by layer."""
        return {task.name: i for i, task in enumerate(self.tasks)}


def plan_network(spec: DigitalSpec, network: Network, timesteps: int, dense: Dense | None = None) -> Plan:
    """Lay out the tasks of a network.

    Raises ArchitectureError where a width of the machine is too small for the network.
    """
    check_fit(spec, network, dense)
    if spec.loop_order == "layer_outer":
        refuse_delayed(network, "loop_order", "layer_outer runs all timesteps of a layer at once: use timestep_outer")
    done = (layer for layer in network if not isinstance(layer, Input) and not arranges(layer))
    tasks = tuple(_task(spec, network, layer, dense) for layer in done)
    maps = [network.input.name, *(task.name for task in tasks)]
    bits = {name: _value_bits(spec, network, name, dense) for name in maps}
    return Plan(spec, network, timesteps, tasks, bits, dense)


def _task(spec: DigitalSpec, network: Network, layer: Layer, dense: Dense | None) -> Task:
    weighted, direct = isinstance(layer, Conv2d | Linear), multiplies_input(network, layer)
    unit: Unit | None = None
    if weighted and (direct or dense is not None):
        unit = "narrow_mac" if dense is not None and dense.kind == "qann" and not direct else "mac"
    elif weighted:
        unit = "ac"
    finish: Finish | None = None
    if neuron_of(layer) is not None:
        finish = "neuron" if dense is None else "pooling"
    elif isinstance(layer, Pool | Add | Readout):
        finish = "pooling"
    read = tuple(piece for name in layer.inputs for piece in pieces(network, name))
    once = spec.direct_input == "once" and dense is None
    keeps = once and direct and neuron_of(layer) is not None
    return Task(
        layer=layer,
        pieces=read,
        unit=unit,
        digits=max(map(abs, network.values(layer.inputs[0]))).bit_length() if unit == "ac" else 1,
        finish=finish,
        only_first=once and (follows_input(network, layer.name) or (direct and not keeps)),
        keeps_sums=keeps,
        tiling=tile_layer(network, layer, read, spec.array, spec.batch),
    )


def _value_bits(spec: DigitalSpec, network: Network, name: str, dense: Dense | None) -> int:
    if network.gives_currents(name):
        return spec.sum_bits
    if dense is not None and not isinstance(network[name], Input):
        return dense.activation_bits
    return network.bits(name)
