"""What each pipeline step does, as postings: every action of the machine with its closed form.

All counts are per job (one output row at one timestep).  `reads` stands for (row block, phase, digit step, position)
combinations that are read: all of them, or those with a driven row when silence is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import ceil

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.fetching import psum_accesses, psum_reads, residual_fetches, window_fetches
from hwsim.accelerators.imc.plan.pipeline import Step
from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.accelerators.imc.work import Work
from hwsim.contract.ledger import OPERATIONS, Posting
from hwsim.traces.network.geometry import macs
from hwsim.traces.network.layers import Add, Conv2d, Input, Linear, Pool
from hwsim.traces.network.raw_input import multiplies_input

IntArray = NDArray[np.int64]


def postings(work: Work) -> Iterator[Posting]:
    """Every action of every step."""
    handlers: Mapping[str, Callable[[Work, Step], Mapping[tuple[str, str], IntArray]]] = {
        "source": source_actions,
        "crossbar": crossbar_actions,
        "neuron": neuron_actions,
        "pool": pool_actions,
        "elsewhere": lambda _work, _step: {},
        "decision": decision_actions,
    }
    for step in work.pipeline.steps:
        shape = (work.timesteps, step.rows)
        for (component, action), counts in handlers[step.kind](work, step).items():
            full = np.broadcast_to(counts, (*counts.shape[:-2], *shape)) if counts.ndim >= 2 else np.full(shape, counts)
            arranged = work.pipeline.order.arrange(full.astype(np.int64, copy=False))
            yield Posting(step.name, component, action, arranged)


def digit_steps(placed: LayerPlacement) -> int:
    """Digits times positions of one output row."""
    return placed.window.out_width * placed.digits


def read_combinations(work: Work, step: Step) -> IntArray:
    """`reads` of the module docstring: int64 [(sample,) timestep, row]."""
    placed = work.placement.layers[step.name]
    if work.spec.skip == "silent_rows":
        return work.counts[step.name].active
    return work.runs(step) * np.int64(digit_steps(placed) * placed.row_blocks * placed.phases)


def conversions_per_read(spec: ImcSpec, placed: LayerPlacement) -> int:
    """Columns converted for one row block: a pair counts once when its difference is taken before the ADC."""
    columns = placed.columns_used
    if spec.signs.encoding == "differential" and spec.signs.subtraction == "analog":
        columns //= 2
    return columns + placed.reference_columns


def crossbar_actions(work: Work, step: Step) -> Mapping[tuple[str, str], IntArray]:
    """Reading, converting and adding up on the crossbars of one layer."""
    spec, placed, counts = work.spec, work.placement.layers[step.name], work.counts[step.name]
    reads = read_combinations(work, step)
    sums = reads * placed.sum_blocks // placed.row_blocks
    conversions = sums * conversions_per_read(spec, placed)
    outputs = placed.out_shape[2] // placed.groups
    actions = {
        ("adc", "convert"): conversions,
        ("column_mux", "select"): conversions,
        ("shift_add", "add"): conversions,
        ("accumulator", "add"): sums * outputs,
    }
    actions |= _hops(work, step) | _array_actions(work, step, reads) | _peripheral_actions(work, step, sums * outputs)
    actions |= _synaptic_operations(work, step)
    actions[OPERATIONS, "crossbar read"] = reads * placed.column_blocks
    if spec.assumptions.conversion == "crossbar":
        actions[OPERATIONS, "crossbar read that could clip"] = counts.over_range * placed.column_blocks
    if spec.signs.encoding == "offset":
        actions["offset", "subtract"] = sums * outputs
        if spec.signs.correction == "popcount":
            actions["offset", "count_rows"] = reads
    if spec.skip == "silent_rows":
        looked_at = np.int64(digit_steps(placed) * placed.row_blocks * placed.phases)
        actions["silence_detector", "detect"] = work.runs(step) * looked_at
    if spec.direct_input == "once":
        kept = int(multiplies_input(work.network, step.layer))
        actions["psum_buffer", "write"] = work.runs(step) * np.int64(kept * psum_accesses(work, step))
    return actions


def _array_actions(work: Work, step: Step, reads: IntArray) -> dict[tuple[str, str], IntArray]:
    """Cells and lines of the crossbars, one by one, or whole arrays, once in each mux phase that drives them."""
    spec, placed, counts = work.spec, work.placement.layers[step.name], work.counts[step.name]
    cells = placed.columns_used + placed.reference_columns
    drives = spec.mux_phases if spec.sensing == "current" else 1
    if spec.read_energy == "array":
        return {("crossbar", "read"): reads * (placed.column_blocks * drives)}
    actions = {
        ("crossbar", "read"): reads * placed.column_blocks,
        ("crossbar", "drive_row"): counts.driven * (placed.column_blocks * drives),
    }
    if spec.read_energy == "mean":
        return actions | {("crossbar", "read_mean"): counts.driven * cells}
    return actions | {("crossbar", "read_cell"): counts.driven * cells, ("crossbar", "read_level"): counts.levels}


def _peripheral_actions(work: Work, step: Step, sums: IntArray) -> dict[tuple[str, str], IntArray]:
    """What carries inputs to the crossbars and sums away: by what is moved, or all of it at every read of a PE."""
    spec, placed = work.spec, work.placement.layers[step.name]
    if spec.assumptions.peripherals == "traffic":
        fetches = window_fetches(work, step, spec.spike_buffer.port_bits)
        return {("htree", "transfer"): _transfers(work, step, sums), ("spike_buffer", "read"): fetches}
    pe_reads = work.runs(step) * np.int64(digit_steps(placed) * placed.phases * (placed.pes // placed.copies))
    used = ("htree", "transfer"), ("global_buffer", "read"), ("spike_buffer", "read"), ("neuron", "update")
    return dict.fromkeys(used, pe_reads)


def _transfers(work: Work, step: Step, sums: IntArray) -> IntArray:
    """Words over the tree: fetched input bits on the way in, sums of one row block after shift-add on the way out.

    Such a sum has the ADC's bits, and cell_bits more for each further slice.
    """
    spec, layer = work.spec, step.layer
    assert isinstance(layer, Conv2d | Linear)
    slices = ceil(layer.weights.bits / spec.crossbar.cell_bits)
    sum_bits = spec.adc.bits + (slices - 1) * spec.crossbar.cell_bits
    return -(-(sums * sum_bits + window_fetches(work, step, 1)) // spec.htree.bits)


def _synaptic_operations(work: Work, step: Step) -> Mapping[tuple[str, str], IntArray]:
    """What the network asks for: dense MACs where the raw input is multiplied, else one AC a spike and synapse.

    Of inputs that are pooled or added spikes each set bit is an AC.  Without spikes all layers are dense MACs.
    """
    layer, placed = step.layer, work.placement.layers[step.name]
    if multiplies_input(work.network, layer) or work.network.activation_bits is not None:
        return {(OPERATIONS, "MAC"): work.runs(step) * np.int64(macs(layer, work.network) // layer.shape[0])}
    return {(OPERATIONS, "AC"): work.counts[step.name].ones * (layer.shape[2] // placed.groups)}


def neuron_actions(work: Work, step: Step) -> Mapping[tuple[str, str], IntArray]:
    """One row of neurons, or of the activation functions in their place, which cost an update without a membrane."""
    spec, (_, width, channels) = work.spec, step.layer.shape
    traffic, bits = spec.assumptions.peripherals == "traffic", work.network.max_value(step.layer.name).bit_length()
    written = work.traffic.writes(step.layer.name, bits, spec.spike_buffer.port_bits)
    actions = {("spike_buffer", "write"): np.array(written)} | _membrane_actions(work, step)
    if traffic:
        actions["neuron", "update"] = np.array(width * channels)
    if traffic and isinstance(step.layer, Add):
        actions["spike_buffer", "read"] = np.array(residual_fetches(work, step.layer))
    return actions | _hops(work, step) | psum_reads(work, step)


def _membrane_actions(work: Work, step: Step) -> dict[tuple[str, str], IntArray]:
    """Every membrane is updated at every timestep, spike or not; without spikes there is none, and none is held."""
    spec, (_, width, channels) = work.spec, step.layer.shape
    there = work.network.activation_bits is None
    held = {("neuron", "hold"): np.array(width * channels * there)} if spec.loop_order == "layer_outer" else {}
    if not there:
        return held
    updates = {(OPERATIONS, "membrane update"): np.array(width * channels)}
    if held:
        return updates | held
    accesses = np.array(width * ceil(channels * spec.neuron.membrane_bits / spec.membrane.port_bits))
    return updates | {("membrane", "read"): accesses, ("membrane", "write"): accesses}


def pool_actions(work: Work, step: Step) -> Mapping[tuple[str, str], IntArray]:
    """Pooling and adding of spikes by a small digital unit."""
    spec, layer = work.spec, step.layer
    _, width, channels = layer.shape
    runs = work.runs(step)
    written = 0  # a sum of currents stays in the accumulators until a neuron takes it
    if not work.network.gives_currents(layer.name):
        bits = work.network.max_value(layer.name).bit_length()
        written = work.traffic.writes(layer.name, bits, spec.spike_buffer.port_bits)
    operands = layer.kernel**2 if isinstance(layer, Pool) else len(layer.inputs)
    actions = {
        ("pooling", "add"): runs * np.int64(width * channels * operands),
        ("spike_buffer", "write"): runs * np.int64(written),
    }
    if spec.assumptions.peripherals == "traffic":
        port_bits = spec.spike_buffer.port_bits
        windows = isinstance(layer, Pool)
        fetched = window_fetches(work, step, port_bits) if windows else runs * np.int64(residual_fetches(work, layer))
        actions["spike_buffer", "read"] = fetched
    return actions | _hops(work, step) | psum_reads(work, step)


def source_actions(work: Work, step: Step) -> Mapping[tuple[str, str], IntArray]:
    """One row of the raw input: from the global buffer over the network on chip to the first layer's line buffer."""
    spec, layer = work.spec, step.layer
    assert isinstance(layer, Input)
    _, width, channels = layer.shape
    runs = work.runs(step)
    written = work.traffic.writes(layer.name, layer.bits, spec.spike_buffer.port_bits)
    actions = {("spike_buffer", "write"): runs * np.int64(written)} | _hops(work, step)
    if spec.assumptions.peripherals == "traffic":
        reads = width * ceil(channels * layer.bits / spec.global_buffer.port_bits)
        actions["global_buffer", "read"] = runs * reads
    return actions


def decision_actions(work: Work, step: Step) -> Mapping[tuple[str, str], IntArray]:
    """One evaluation of softmax and entropy after a timestep (early_exit.py has the arithmetic).

    A class is accumulated, compared with the largest, scaled, looked up, summed and multiplied for the entropy; the
    comparison with the threshold takes two products.
    """
    classes = step.layer.shape[2]
    each = {"exponent": classes, "logarithm": 1, "multiply": 2 * classes + 2, "add": 4 * classes, "fifo": classes}
    return {("sigma_e", action): np.array(n) for action, n in each.items()}


def _hops(work: Work, step: Step) -> dict[tuple[str, str], IntArray]:
    """Links that the flits of one row cross, each through the router before it."""
    flit_hops = work.traffic.flit_hops(step.name)
    runs = work.runs(step) * np.int64(flit_hops)
    return dict.fromkeys([("noc", "hop"), ("noc", "link")] if work.spec.noc.law == "isaac" else [("noc", "hop")], runs)
