"""The lstm machine in plain Python, from its description: counts by brute force over spikes, times by a recurrence."""

from __future__ import annotations

from math import ceil

import numpy as np
from traces.sequence.networks import unpacked

from hwsim import api
from hwsim.contract.run import RunName
from hwsim.engine import run as run_engine
from hwsim.run.play import play

GATES = ("input", "forget", "candidate", "output")
UNIT_ACCESSES = (
    "clock.frequency_mhz=100",
    "mac.lanes=7",
    "ac.lanes=2",
    "detector.bits=4",
    "neuron.lanes=3",
    "elementwise.lanes=4",
    "weights.port_bits=16",
    "input_weights.port_bits=32",
    "readout_weights.port_bits=8",
    "readout.lanes=3",
    "cells.latency_cycles=2",
    "queue.capacity_kib=64",
)
"""A slow clock, so that every memory gives a word a cycle, and few lanes, so that every division leaves a rest."""


MEMORIES = tuple(
    f"{name}.capacity_kib={kib}"
    for name, kib in {"queue": 8, "input_weights": 64, "weights": 64, "readout_weights": 8}.items()
)


def design(*overrides):
    return api.load_architecture("lstm", (*MEMORIES, *UNIT_ACCESSES, *overrides))


def machine_of(loaded):
    from hwsim.accelerators.lstm import Machine

    return Machine(loaded.spec)


def tally(workload, engine="compiled"):
    return play(workload, engine)[RunName.STATIC]


def timelines(workload, engine="simpy"):
    """Schedule and timeline of each sample that takes all timesteps."""
    found = []
    for batch in workload.batches:
        schedules = batch.schedules[RunName.STATIC]
        each = len(schedules) // len(batch.samples)
        found += [(schedule, run_engine(schedule, engine)) for schedule in schedules[each - 1 :: each]]
    return found


class Step:
    """What one step (n, t) of a layer of one sample takes in, from its recorded spikes."""

    def __init__(self, trace, sample):
        self.trace, self.network = trace, trace.network
        self.hidden = [unpacked(trace.spikes[f"{layer.name}/hidden"])[sample] for layer in trace.network.layers]

    def spikes(self, layer, n, t):
        """Spikes that a step of a layer reads: its own of the step before, and those of the layer below."""
        if self.network.state_per_step:
            before = (n - 1, t)
        else:
            before = (n, t - 1) if t else (n - 1, self.trace.timesteps - 1)
        own = self.hidden[layer][before] if before[0] >= 0 else []
        below = self.hidden[layer - 1][n, t] if layer else []
        return sum(1 for each in (*own, *below) if each)


def queued(spec, trace, layer, t, crosses):
    """Words of the queue that a step reads: membranes that come from another cell, and kept products."""
    own = trace.network.layers[layer]
    membranes = sum(units.spiking for units in own.units.values())
    words = membranes * ceil(own.n_hidden * spec.neuron.membrane_bits / spec.queue.port_bits) * crosses
    if layer == 0 and t and spec.input_product == "once":
        words += 4 * ceil(own.n_hidden * spec.ac.bits / spec.queue.port_bits)
    return words


def step_cycles(spec, trace, step, layer, n, t, crosses=False):
    """Cycles of a step until its last engine is free; `crosses` where the step before it was in another cell."""
    own = trace.network.layers[layer]
    hidden, inputs = own.n_hidden, own.n_inputs
    looks = ceil(hidden / spec.detector.bits) + (ceil(inputs / spec.detector.bits) if layer else 0)
    words = ceil(hidden * own.weight_bits / spec.weights.port_bits)
    gate = step.spikes(layer, n, t) * max(ceil(hidden / spec.ac.lanes), words)
    mac = 0
    if layer == 0 and (t == 0 or spec.input_product == "every_step"):
        rows = 4 * inputs * ceil(hidden * own.weight_bits / spec.input_weights.port_bits)
        mac = max(ceil(4 * inputs * hidden / spec.mac.lanes), rows)
    gates = 4 * gate if spec.gate_ports == "shared" else gate
    update = max(ceil(4 * hidden / spec.neuron.lanes), queued(spec, trace, layer, t, crosses))
    after = update + ceil(3 * hidden / spec.elementwise.lanes)
    return max(looks + gates, mac) + after + ceil(hidden / spec.neuron.lanes)


def wavefront(spec, trace, sample, cells, depth):
    """Cycle at which each step (layer, n, t) is done, if cells share nothing.

    A cell of a layer runs its timesteps of each element in turn; a step starts when the step before it in its cell, the
    previous timestep and the layer below are done, and when of the cell and the layer behind the step `depth` elements
    ago has started.
    """
    network, step = trace.network, Step(trace, sample)
    width = ceil(trace.timesteps / cells)
    last_cell = (trace.timesteps - 1) // width
    starts, ends = {}, {}
    # Layers, elements and timesteps in the order of their dependencies: waits for room look at earlier elements only.
    for n in range(network.n_elements):
        for layer in range(len(network.layers)):
            for t in range(trace.timesteps):
                cell, first = t // width, t % width == 0
                needed = [0]
                if t:
                    needed.append(ends[layer, n, t - 1])
                if n and first:
                    needed.append(ends[layer, n - 1, min(t + width, trace.timesteps) - 1])
                if layer:
                    needed.append(ends[layer - 1, n, t])
                leaves_cell = t + 1 == min((cell + 1) * width, trace.timesteps)
                if leaves_cell and cell < last_cell and n >= depth:
                    needed.append(starts[layer, n - depth, t + 1])
                if layer + 1 < len(network.layers) and n >= depth:
                    needed.append(starts[layer + 1, n - depth, t])
                starts[layer, n, t] = max(needed)
                cycles = step_cycles(spec, trace, step, layer, n, t, first and t > 0) + spec.cells.latency_cycles
                ends[layer, n, t] = starts[layer, n, t] + cycles
    return ends


def in_a_row(spec, trace, sample):
    """Cycle at which each step is done, one after another."""
    network, step, now, ends = trace.network, Step(trace, sample), 0, {}
    for n in range(network.n_elements):
        for t in range(trace.timesteps):
            for layer in range(len(network.layers)):
                now += step_cycles(spec, trace, step, layer, n, t) + spec.cells.latency_cycles
                ends[layer, n, t] = now
    return ends


def found_ends(trace, schedule, timeline):
    """The same from a timeline: when the last engine of a cell is done with each step."""
    ends, names = {}, {layer.name: i for i, layer in enumerate(trace.network.layers)}
    cells = {}
    for stage in schedule.stages:
        if stage.name.endswith(".elementwise"):
            cells.setdefault(stage.layer, []).append(stage.name)
    for name, stages in cells.items():
        first = 0
        for stage in stages:
            done = timeline.done[stage].reshape(trace.network.n_elements, -1)
            for n, k in np.ndindex(done.shape):
                ends[names[name], n, first + k] = int(done[n, k])
            first += done.shape[1]
    return ends
