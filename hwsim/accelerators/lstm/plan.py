"""Which cell runs which timesteps of a network, and what the machine must hold for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hwsim.accelerators.lstm.spec import LstmSpec
from hwsim.contract.arrays import IntArray
from hwsim.contract.dense import Dense
from hwsim.traces.sequence.trace import GATES, HIDDEN, LstmLayer, SequenceNetwork


@dataclass(frozen=True, slots=True)
class Cell:
    """One copy of a layer's cell and the timesteps `first` to `stop - 1` that it runs, for each element in turn."""

    index: int
    first: int
    stop: int

    @property
    def width(self) -> int:
        """Timesteps an element."""
        return self.stop - self.first


@dataclass(frozen=True)
class Plan:
    """A network on the machine."""

    spec: LstmSpec
    network: SequenceNetwork
    timesteps: int
    dense: Dense | None = None

    @property
    def serial_because(self) -> str:
        """Why steps run one after another; empty where they are pipelined."""
        if self.spec.schedule == "serial":
            return "schedule: serial"
        if self.dense is None and self.network.membrane_carry:
            return "membranes run on from each element to the next (membrane_carry), so timesteps cannot overlap"
        if self.dense is None and not self.network.state_per_step:
            return "one state runs through all timesteps (state_per_step: false), so they cannot overlap"
        return ""

    @property
    def serial(self) -> bool:
        """Whether steps run one after another."""
        return bool(self.serial_because)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of a layer that have work: neighbouring timesteps, as few each as the number of cells allows."""
        count = self.spec.cells.count
        there = 1 if self.serial else self.timesteps if count == "timesteps" else count
        width = -(-self.timesteps // there)
        starts = range(0, self.timesteps, width)
        return tuple(Cell(i, first, min(first + width, self.timesteps)) for i, first in enumerate(starts))

    @property
    def n_cells(self) -> int:
        """Cells a layer that are there, with work or without."""
        count = self.spec.cells.count
        return len(self.cells) if count == "timesteps" or self.dense is not None else count

    def cell_of(self, timestep: int) -> Cell:
        """The cell that runs a timestep."""
        return self.cells[timestep // self.cells[0].width]

    @property
    def multiplies_once(self) -> bool:
        """Whether the raw input is multiplied at the first timestep only."""
        return self.dense is None and self.spec.input_product == "once"

    def row_words(self, width: int, bits: int, port_bits: int) -> int:
        """Accesses for a row of weights."""
        return -(-width * bits // port_bits)

    def multiplies(self, layer: LstmLayer) -> bool:
        """Whether a layer's input is the raw one."""
        return layer is self.network.layers[0]

    def hidden_words(self, layer: LstmLayer) -> int:
        """State words that hold the hidden spikes of one step, with their signs where they have any, or the values."""
        bits = layer.planes(HIDDEN) if self.dense is None else self.dense.activation_bits
        return self.row_words(layer.n_hidden, bits, self.spec.state.bits)

    def crossing_words(self, layer: LstmLayer) -> int:
        """Words of the queue that an element's membranes fill on their way from a cell to the next."""
        spec = self.spec
        return len(layer.spiking) * self.row_words(layer.n_hidden, spec.neuron.membrane_bits, spec.queue.port_bits)

    def kept_words(self, layer: LstmLayer) -> int:
        """Words of the queue that an element's input products fill, where they are kept."""
        if not (self.multiplies_once and self.multiplies(layer)):
            return 0
        return len(GATES) * self.row_words(layer.n_hidden, self.spec.ac.bits, self.spec.queue.port_bits)

    def queued_words(self, layer: LstmLayer) -> int:
        """Words of the fullest queue of a layer: elements on their way, and the products of the one at work."""
        kept, depth = self.kept_words(layer), self.spec.cells.queue_elements
        return kept + (depth * (self.crossing_words(layer) + kept) if len(self.cells) > 1 else 0)

    def labels(self, elements: IntArray, timesteps: IntArray) -> IntArray:
        """Timestep that a step is booked on, from its element and timestep [job].

        Leaving after a timestep saves the later ones of every element in a wavefront, else only of the last element.
        """
        if self.dense is not None or self.network.wavefront:
            return timesteps
        return np.where(elements == self.network.n_elements - 1, timesteps, 0)


def memory_bits(plan: Plan) -> Mapping[str, tuple[int, int]]:
    """Of the fullest memory of each kind: bits needed and there."""
    spec, network = plan.spec, plan.network
    first, readout, words_of = network.layers[0], network.readout, plan.row_words
    rows = [layer.n_hidden + (0 if plan.multiplies(layer) else layer.n_inputs) for layer in network.layers]
    gates = 1 if spec.gate_ports == "per_gate" else len(GATES)
    spiking = max(
        n * gates * words_of(layer.n_hidden, layer.weight_bits, spec.weights.port_bits)
        for n, layer in zip(rows, network.layers, strict=True)
    )
    raw = len(GATES) * first.n_inputs * words_of(first.n_hidden, first.weight_bits, spec.input_weights.port_bits)
    out = words_of(network.n_classes, readout.weight_bits, spec.readout_weights.port_bits)
    words = {"input_weights": raw, "weights": spiking, "readout_weights": network.layers[-1].n_hidden * out}
    bits = {key: (n * getattr(spec, key).port_bits, getattr(spec, key).capacity_bits) for key, n in words.items()}
    if plan.dense is None:
        fullest = max(plan.queued_words(layer) for layer in network.layers)
        bits["queue"] = fullest * spec.queue.port_bits, spec.queue.total_bits
    return bits
