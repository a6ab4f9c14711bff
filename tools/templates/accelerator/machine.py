"""The NAME machine: multipliers, adders, weights and neurons, which layers use in turn.

A job is one row of a layer's outputs at one timestep.  Raw input, zeros too, meets every weight in a multiplier.
A spike is added to every output that has it under its window; of a sum of spikes, every set bit is.  Neurons end a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Literal

import numpy as np
from pydantic import Field

from hwsim.components import Accumulator, Mac, Neuron, Priced, Sram
from hwsim.contract.arrays import IntArray
from hwsim.contract.batches import Batch, Batches, OneEach
from hwsim.contract.facts import Facts
from hwsim.contract.fit import neuron_widths, refuse_narrow, refuse_small
from hwsim.contract.hardware import Hardware, Storage
from hwsim.contract.ledger import OPERATIONS, Ledger
from hwsim.contract.machine import Accelerator
from hwsim.contract.maps import sliding
from hwsim.contract.parts import priced_parts
from hwsim.contract.run import RunName
from hwsim.contract.spec import MachineSpec
from hwsim.contract.stages import schedules_of
from hwsim.contract.workload import Workload
from hwsim.engine.stage import BatchStage, Wait
from hwsim.kernels.crossbar.window_tiles import channel_groups, count_tiles
from hwsim.traces import Conv2d, Layer, Linear, Network, Trace, neuron_of
from hwsim.traces.direct.encode import Activations
from hwsim.traces.network.geometry import fan_in, input_shape, row_macs
from hwsim.traces.network.ranges import signed_bits, sum_range
from hwsim.traces.network.raw_input import multiplies_input

Counts = Mapping[tuple[str, str], IntArray]  # by component and action: int64 [sample, job]
TAKEN = {"mac": "mac", "ac": "add", "neuron": "update", "weights": "read", "membranes": "read write"}


class Design(MachineSpec):
    """What an architecture file says: the parts and their sizes."""

    machine: Literal["NAME"]
    lanes: int = Field(ge=1, le=4096)  # as many multipliers, and as many adders
    mac: Mac
    ac: Accumulator
    neuron: Neuron
    weights: Sram
    membranes: Sram


def plan(design: Design, network: Network) -> list[Layer]:
    """The layers that the machine runs, in order; raises ArchitectureError where a register is too narrow for one."""
    layers = [layer for layer in network if isinstance(layer, Conv2d | Linear) or neuron_of(layer) is not None]
    for layer in layers:
        if isinstance(layer, Conv2d | Linear):
            least, largest = network.values(layer.inputs[0])
            sums = signed_bits(*sum_range(layer, largest, least))
            needed = {"input_bits": network.bits(layer.inputs[0]), "weight_bits": layer.weights.bits, "sum_bits": sums}
            of_mac = [(f"mac.{key}", bits, getattr(design.mac, key)) for key, bits in needed.items()]
            of_ac = [("ac.bits", sums, design.ac.bits)]
            refuse_narrow(layer.name, of_mac if multiplies_input(network, layer) else of_ac)
        if (neuron := neuron_of(layer)) is not None:
            refuse_narrow(layer.name, neuron_widths("neuron", neuron, design.neuron))
    return layers


def count(design: Design, trace: Trace, layer: Layer, samples: range) -> Counts:
    """What every job of a layer does, in the order of timesteps and rows; zeros too, as every price needs a count."""
    rows, columns, channels = layer.shape
    ones = np.ones((len(samples), trace.timesteps * rows), np.int64)
    raw, met, fan_out, words = multiplies_input(trace.network, layer), 0 * ones, 0, 0
    if isinstance(layer, Conv2d | Linear):
        fan_out = channels // (layer.groups if isinstance(layer, Conv2d) else 1)
        words = -(-fan_out * layer.weights.bits // design.weights.port_bits)
        met = np.tile(row_macs(layer, trace.network) // fan_out, trace.timesteps) * ones  # inputs with weights: all
        if not raw:  # or those that are set
            sources, slides = input_shape(layer, trace.network)[2], sliding(trace.network, layer)
            planes = Activations(trace, slice(samples.start, samples.stop)).met_by(layer)
            met = count_tiles(planes, slides, channel_groups(sources, 1), tile=columns).ones.reshape(ones.shape)
    updates = 0 if neuron_of(layer) is None else columns * channels
    moved = -(-updates * design.neuron.membrane_bits // design.membranes.port_bits)
    return {
        ("mac", "mac"): met * fan_out * raw,
        (OPERATIONS, "MAC"): met * fan_out * raw,
        ("ac", "add"): met * fan_out * (not raw),
        (OPERATIONS, "AC"): met * fan_out * (not raw),
        ("weights", "read"): met * words,
        ("neuron", "update"): updates * ones,
        (OPERATIONS, "membrane update"): updates * ones,
        ("membranes", "read"): moved * ones,
        ("membranes", "write"): moved * ones,
    }


def stage(design: Design, layers: Sequence[Layer], i: int, counts: Counts) -> BatchStage:
    """The jobs of layer i; the first row of a timestep waits for layer i - 1, of layer 0 for the timestep before."""
    added = -(-(counts["mac", "mac"] + counts["ac", "add"]) // design.lanes)  # lanes are always full
    fetched = counts["weights", "read"] * design.access_cycles(design.weights)
    updated = -(-counts["neuron", "update"] // design.neuron.lanes)
    moved = (counts["membranes", "read"] + counts["membranes", "write"]) * design.access_cycles(design.membranes)
    service = np.maximum(added, fetched) + np.maximum(updated, moved)  # memories work while the units do
    timestep, row = np.divmod(np.arange(service.shape[1]), layers[i].shape[0])
    last = (timestep + (i > 0)) * layers[i - 1].shape[0] - 1  # -1, nothing, where the sample begins
    wait = Wait(layers[i - 1].name, np.where(row == 0, last, -1))
    return BatchStage(layers[i].name, layers[i].name, service, 0, (wait,), timestep.astype(np.int32))


def lower_samples(design: Design, trace: Trace, layers: Sequence[Layer], samples: range) -> Batch:
    """Count what some samples do, post it, and lay out the schedule of each."""
    ledger, stages, answer = Ledger(len(samples)), [], layers[-1]
    for i, layer in enumerate(layers):
        counts = count(design, trace, layer, samples)
        stages.append(stage(design, layers, i, counts))
        for (component, action), n in counts.items():
            ledger.post(layer.name, component, action, n)
    ends = np.arange(1, trace.timesteps + 1) * answer.shape[0] - 1
    each = OneEach(schedules_of(stages, (answer.name, ends[-1:]), len(samples)), answer.name, ends)
    return Batch(samples, ledger, {RunName.STATIC: each})


class Machine(Accelerator[Design, Trace]):
    """The machine that an architecture file with `machine: NAME` describes."""

    spec_type = Design
    trace_type = Trace
    facts = Facts(prices_only=("technology.vdd_v=0.8",), spike_driven=frozenset({("ac", "add"), (OPERATIONS, "AC")}))

    def components(self, workload: Workload | None = None) -> Mapping[str, Priced]:
        """Every part with the prices of its actions."""
        return priced_parts(self.spec, TAKEN) | {"clock": self.spec.clock.part(self.spec.technology)}

    def lower(self, trace: Trace) -> Workload:
        """Counts and schedules of all recorded samples; raises ArchitectureError where the network does not fit."""
        design, network, layers = self.spec, trace.network, plan(self.spec, trace.network)
        weights = [fan_in(x, network) * x.shape[2] * x.weights.bits for x in network.weighted()]
        membranes = sum(int(np.prod(x.shape)) for x in network.spiking()) * design.neuron.membrane_bits
        used = {"weights": sum(weights), "membranes": membranes}
        storage = {key: Storage(bits, getattr(design, key).capacity_bits) for key, bits in used.items()}
        for key, memory in storage.items():
            refuse_small(key, "the network needs", memory.used_bits, memory.provided_bits)
        instances = dict.fromkeys([*TAKEN, "clock"], 1) | {"mac": design.lanes, "ac": design.lanes}
        notes = {"left out": "pools, sums of layers, spikes on their way, biases, storage of partial sums, control"}
        running = {layer.name: dict.fromkeys(TAKEN, Fraction(1)) for layer in layers}  # all registers, whatever works
        hardware = Hardware(instances, running, storage, notes)
        batches = Batches(partial(lower_samples, design, trace, layers), trace.n_samples)
        return Workload(batches, trace.timesteps, (RunName.STATIC,), hardware, trace.static_accuracy())
