"""How long each job of the imc machine takes: service and latency in cycles from counts and unit speeds."""

from __future__ import annotations

from math import ceil

import numpy as np

from hwsim.accelerators.imc.counting import LayerCounts
from hwsim.accelerators.imc.fetching import row_words
from hwsim.accelerators.imc.first_layer import weight_words
from hwsim.accelerators.imc.links import own_cycles
from hwsim.accelerators.imc.plan.pace import dense_row_cycles, read_interval_cycles, row_cycles
from hwsim.accelerators.imc.plan.pipeline import Step
from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.plan.plan import Plan
from hwsim.accelerators.imc.plan.rewriting import written_by
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import operands
from hwsim.contract.neuron_parts import state_bits
from hwsim.traces.network.layers import Add, Concat, Input, Pool, Readout, Upsample, neuron_of


def drain_cycles(spec: ImcSpec, placed: LayerPlacement) -> int:
    """Cycles after the last interval of a row until its sums are visible: conversion, shift-add, adder tree, H-tree."""
    cycles = spec.shift_add.cycles + (placed.sum_blocks * placed.phases - 1).bit_length() + spec.htree.cycles
    if spec.sensing == "current":
        return cycles
    whole_read = spec.read_cycles * placed.pulses + spec.mux_phases * spec.convert_cycles
    return whole_read - read_interval_cycles(spec, placed) + cycles


def neuron_cycles(plan: Plan, step: Step) -> int:
    """Cycles to update one row of neurons: lanes or membrane ports, whichever takes longer; lanes without membranes."""
    spec, (_, width, channels) = plan.spec, step.layer.shape
    at = neurons_of(plan, step)
    pes = 1 if at is None else plan.placement.neuron_pes[at]
    updates = ceil(width * channels / (spec.neuron.lanes * pes))
    if spec.loop_order == "layer_outer" or plan.network.activation_bits is not None:
        return updates
    neuron = neuron_of(step.layer)
    assert neuron is not None
    accesses = row_words(step.layer, state_bits(neuron, spec.neuron.membrane_bits), spec.membrane.port_bits)
    turns = 2 if spec.membrane.ports == "1rw" else 1
    return max(updates, ceil(accesses * turns / pes))


def crossbar_service(plan: Plan, step: Step, counts: LayerCounts) -> IntArray:
    """Cycles that each row occupies the crossbars of a layer, its slowest copy: int64 [(sample,) timestep, row]."""
    placed = plan.placement.layers[step.name]
    if plan.spec.skip == "silent_rows":
        of_copies = row_cycles(plan.spec, placed, counts.serial, counts.silent)
        slowest: IntArray = of_copies[0] if len(of_copies) == 1 else of_copies.max(axis=0)
        return slowest
    return plan.runs(step) * dense_row_cycles(plan.spec, placed)


def service(plan: Plan, step: Step) -> IntArray:
    """Cycles that each row of any other step occupies its unit: int64 [timestep, row]."""
    spec, (_, width, channels) = plan.spec, step.layer.shape
    match step.kind:
        case "neuron":
            return np.full((1, 1), neuron_cycles(plan, step), np.int64)
        case "mac":
            return plan.runs(step) * weight_words(spec, plan.network, step.layer)
        case "pool":
            words = ceil(channels / spec.spike_buffer.port_bits)
            return plan.runs(step) * (width * words * operands(step.layer))
        case "source":
            assert isinstance(step.layer, Input)
            return plan.runs(step) * row_words(step.layer, step.layer.bits, spec.global_buffer.port_bits)
        case "decision":
            return np.full((1, 1), spec.early_exit.unit.cycles(channels), np.int64)
        case "write":
            return plan.runs(step) * written_by(spec, plan.placement, step.name).cycles
    return np.zeros((1, 1), np.int64)


def latency(plan: Plan, step: Step) -> IntArray:
    """Cycles from the end of a row's service until its result is visible: int64 [timestep, 1]."""
    spec = plan.spec
    match step.kind:
        case "crossbar":
            cycles = drain_cycles(spec, plan.placement.layers[step.name])
        case "neuron":
            cycles = spec.neuron.cycles
        case "pool":
            cycles = spec.pooling.cycles
        case "source" | "mac" | "elsewhere" | "decision" | "write":
            cycles = 0
    return plan.runs(step) * (cycles + own_cycles(plan, step.name))


def neurons_of(plan: Plan, step: Step) -> str | None:
    """The layer with weights at whose neuron units a step's membranes are: its own, or the one that an Add reads."""
    name = step.layer.name
    while name not in plan.placement.neuron_pes:
        layer = plan.network[name]
        if not layer.inputs or not isinstance(layer, Add | Pool | Readout | Concat | Upsample):
            return None
        name = layer.inputs[0]
    return name
