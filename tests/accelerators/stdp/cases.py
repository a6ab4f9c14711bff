"""Small stdp machines, and samples whose activity is made by hand instead of learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from traces.plastic import cases as plastic_cases

from hwsim import api
from hwsim.accelerators.stdp import Machine
from hwsim.kernels.stdp.rules import N_ACTIVITY
from hwsim.run.play import play
from hwsim.traces.plastic.run import Learned, Played

LANES = tuple(f"{part}.lanes=1" for part in ("encoder", "adder", "neuron", "engine", "rounder"))
NARROW = (
    *LANES,
    "weight_memory.port_bits=8",
    "inhibition_memory.port_bits=8",
    "neuron_memory.port_bits=43",  # a membrane of 21 bits, a threshold of 20, a refractory count of 2
    "current_memory.port_bits=21",
    "trace_memory.port_bits=11",
    "input_memory.port_bits=8",
    "engine.divide_cycles=2",
)
"""One value an access and one operation a cycle."""


def machine(*overrides, name="stdp"):
    return Machine(api.load_architecture(name, overrides).spec)


def network(pixels, count, present, rest=0, **learning):
    """A network of sizes; what it would learn is no matter where activity is made by hand."""
    found = plastic_cases.network(None, pixels, neuron=plastic_cases.neurons(count))
    coding = replace(found.coding, present_steps=present, rest_steps=rest)
    return replace(found, coding=coding, stdp=plastic_cases.stdp(weight_sum=pixels / 4, **learning))


def trace_of(net):
    return replace(plastic_cases.plastic_trace(n=1), network=net)


def played(samples, net, updates=0):
    """Samples [step, N_ACTIVITY] of one phase."""
    length = net.coding.present_steps + net.coding.rest_steps
    arrays = [np.array(sample, np.uint16).reshape(-1, N_ACTIVITY) for sample in samples]
    presentations = np.array([len(sample) // length for sample in arrays], np.int64)
    spikes = np.array([sample[:, 1].sum() for sample in arrays], np.int64)
    return Played(arrays, presentations, spikes, np.full(len(arrays), updates, np.int64))


def lowered(chip, net, **phases):
    """The workload of phases, each a list of samples."""
    on_chip = chip.network_of(trace_of(net))
    shown = {phase: played(samples, on_chip) for phase, samples in phases.items()}
    learned = Learned(on_chip, shown, None, None, 0, {})
    return chip.lower_learned(learned, trace_of(net))


def tallied(workload, engine="compiled"):
    return play(workload, engine)


def totals(tally):
    """Counts of every action over all stages: (component, action) -> [sample]."""
    found = {}
    for key, counts in tally.counts.items():
        place = key.component, key.action
        found[place] = found.get(place, 0) + counts.sum(axis=1)
    return found


def random_sample(net, seed, presentations=1, learns=True):
    """Activity that keeps the kernels' rules: no input at rest, windowed learning only where windows end."""
    random = np.random.default_rng(seed)
    present, rest = net.coding.present_steps, net.coding.rest_steps
    steps = []
    for step in range(present + rest):
        inputs = int(random.integers(0, net.pixels // 2)) if step < present else 0
        outputs = int(random.integers(0, 3))
        learning = [0, 0, 0, 0]
        due = (step + 1) % net.stdp.window_steps == 0 if net.stdp.rule == "windowed" else True
        if learns and due:
            neurons = int(random.integers(0, net.neurons.count))
            learning = [max(inputs, 1), neurons] if neurons else [0, 0]
            learning += [outputs, int(random.integers(0, net.pixels))] if outputs else [0, 0]
        conflict = int(learns and inputs > 0 and random.random() < 0.5)
        steps.append([inputs, outputs, int(random.integers(0, 3)), *learning, conflict])
    return steps * presentations
