"""What each pipeline step does, posted to the ledger: every action of DESIGN's imc machine with its closed form.

All counts are per job (one output row at one timestep).  `reads` stands for (row block, phase, digit step, position)
combinations that are read: all of them, or those with a driven row when silence is skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerator import OPERATIONS
from hwsim.accelerators.imc.counting import LayerCounts
from hwsim.accelerators.imc.direct import follows_input, kept_currents, multiplies_input
from hwsim.accelerators.imc.pipeline import Pipeline, Step
from hwsim.accelerators.imc.placement import LayerPlacement, Placement
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.ledger import Ledger
from hwsim.traces.geometry import macs, window_rows
from hwsim.traces.network import Add, Conv2d, Flatten, Input, Linear, Network, Pool

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Work:
    """Everything that posting and timing read: the plan of a network and the counts of a batch of samples."""

    spec: ImcSpec
    network: Network
    placement: Placement
    pipeline: Pipeline
    counts: Mapping[str, LayerCounts]  # of every weighted layer, [sample, timestep, row]
    n_samples: int

    @property
    def timesteps(self) -> int:
        """Timesteps lowered."""
        return self.pipeline.order.timesteps

    def input_runs(self) -> IntArray:
        """1 for timesteps at which the direct-coded input is read and multiplied, else 0: int64 [timestep]."""
        runs = np.ones(self.timesteps, np.int64)
        if self.spec.direct_input == "once":
            runs[1:] = 0
        return runs

    def runs(self, step: Step) -> IntArray:
        """1 for timesteps at which a step does its work: int64 [timestep, 1]."""
        on_crossbars = step.kind == "crossbar" and multiplies_input(self.network, step.layer)
        direct = on_crossbars or follows_input(self.network, step.layer.name)
        runs = self.input_runs() if direct else np.ones(self.timesteps, np.int64)
        return runs[:, None]


def post_all(work: Work) -> Ledger:
    """Post every action of every step."""
    ledger = Ledger(work.n_samples)
    handlers: Mapping[str, Callable[[Work, Step], Mapping[tuple[str, str], IntArray]]] = {
        "source": source_actions,
        "crossbar": crossbar_actions,
        "neuron": neuron_actions,
        "pool": pool_actions,
        "decision": decision_actions,
    }
    for step in work.pipeline.steps:
        shape = (work.timesteps, step.rows)
        for (component, action), counts in handlers[step.kind](work, step).items():
            full = np.broadcast_to(counts, (*counts.shape[:-2], *shape)) if counts.ndim >= 2 else np.full(shape, counts)
            ledger.post(step.name, component, action, work.pipeline.order.arrange(full.astype(np.int64, copy=False)))
    return ledger


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
    conversions = reads * conversions_per_read(spec, placed)
    outputs = placed.out_shape[2] // placed.groups
    cells = placed.columns_used + placed.reference_columns
    drives = spec.mux_phases if spec.sensing == "current" else 1
    actions = {
        ("crossbar", "read"): reads * placed.column_blocks,
        ("crossbar", "drive_row"): counts.driven * (placed.column_blocks * drives),
        ("adc", "convert"): conversions,
        ("column_mux", "select"): conversions,
        ("shift_add", "add"): conversions,
        ("accumulator", "add"): reads * outputs,
        ("htree", "transfer"): _transfers(work, step, reads * outputs),
        ("spike_buffer", "read"): _fetches(work, step, spec.spike_buffer.port_bits),
    }
    actions |= _synaptic_operations(work, step)
    actions[OPERATIONS, "crossbar read"] = reads * placed.column_blocks
    actions[OPERATIONS, "crossbar read that could clip"] = counts.over_range * placed.column_blocks
    if spec.read_energy == "value":
        actions["crossbar", "read_cell"] = counts.driven * cells
        actions["crossbar", "read_level"] = counts.levels
    else:
        actions["crossbar", "read_mean"] = counts.driven * cells
    if spec.signs.encoding == "offset":
        actions["offset", "subtract"] = reads * outputs
        if spec.signs.correction == "popcount":
            actions["offset", "count_rows"] = reads
    if spec.skip == "silent_rows":
        looked_at = np.int64(digit_steps(placed) * placed.row_blocks * placed.phases)
        actions["silence_detector", "detect"] = work.runs(step) * looked_at
    if spec.direct_input == "once":
        kept = int(multiplies_input(work.network, step.layer))
        actions["psum_buffer", "write"] = work.runs(step) * np.int64(kept * _psum_accesses(work, step))
    return actions


def _transfers(work: Work, step: Step, sums: IntArray) -> IntArray:
    """Words over the tree: fetched input bits on the way in, sums of one row block after shift-add on the way out.

    Such a sum has the ADC's bits, and cell_bits more for each further slice.
    """
    spec, layer = work.spec, step.layer
    assert isinstance(layer, Conv2d | Linear)
    slices = ceil(layer.weights.bits / spec.crossbar.cell_bits)
    sum_bits = spec.adc.bits + (slices - 1) * spec.crossbar.cell_bits
    return -(-(sums * sum_bits + _fetches(work, step, 1)) // spec.htree.bits)


def _synaptic_operations(work: Work, step: Step) -> Mapping[tuple[str, str], IntArray]:
    """What the network asks for: dense MACs where the raw input is multiplied, else one AC a spike and synapse.

    Of inputs that are pooled or added spikes each set bit is an AC.
    """
    layer, placed = step.layer, work.placement.layers[step.name]
    if multiplies_input(work.network, layer):
        return {(OPERATIONS, "MAC"): work.runs(step) * np.int64(macs(layer, work.network) // layer.shape[0])}
    return {(OPERATIONS, "AC"): work.counts[step.name].ones * (layer.shape[2] // placed.groups)}


def neuron_actions(work: Work, step: Step) -> Mapping[tuple[str, str], IntArray]:
    """One row of neurons: every membrane is updated at every timestep, spike or not."""
    spec, (_, width, channels) = work.spec, step.layer.shape
    actions = {
        ("neuron", "update"): np.array(width * channels),
        (OPERATIONS, "membrane update"): np.array(width * channels),
        ("spike_buffer", "write"): np.array(width * ceil(channels / spec.spike_buffer.port_bits)),
        ("noc", "hop"): np.array(width * ceil(channels / spec.noc.flit_bits) * _hops(work, step.layer.name)),
    }
    if spec.loop_order == "timestep_outer":
        accesses = np.array(width * ceil(channels * spec.neuron.membrane_bits / spec.membrane.port_bits))
        actions["membrane", "read"] = actions["membrane", "write"] = accesses
    else:
        actions["neuron", "hold"] = np.array(width * channels)
    if isinstance(step.layer, Add):
        actions["spike_buffer", "read"] = np.array(_residual_fetches(work, step.layer))
    return actions | _psum_reads(work, step)


def pool_actions(work: Work, step: Step) -> Mapping[tuple[str, str], IntArray]:
    """Pooling and adding of spikes by a small digital unit."""
    spec, layer = work.spec, step.layer
    _, width, channels = layer.shape
    runs = work.runs(step)
    # A sum of currents stays in the accumulators until a neuron takes it.
    bits = 0 if work.network.gives_currents(layer.name) else work.network.max_value(layer.name).bit_length()
    operands = layer.kernel**2 if isinstance(layer, Pool) else len(layer.inputs)
    fetches = (
        _fetches(work, step, spec.spike_buffer.port_bits)
        if isinstance(layer, Pool)
        else runs * np.int64(_residual_fetches(work, layer))
    )
    actions = {
        ("pooling", "add"): runs * np.int64(width * channels * operands),
        ("spike_buffer", "read"): fetches,
        ("spike_buffer", "write"): runs * np.int64(width * ceil(channels * bits / spec.spike_buffer.port_bits)),
        ("noc", "hop"): runs * np.int64(width * ceil(channels * bits / spec.noc.flit_bits) * _hops(work, layer.name)),
    }
    return actions | _psum_reads(work, step)


def source_actions(work: Work, step: Step) -> Mapping[tuple[str, str], IntArray]:
    """One row of the raw input: from the global buffer over the network on chip to the first layer's line buffer."""
    spec, layer = work.spec, step.layer
    assert isinstance(layer, Input)
    _, width, channels = layer.shape
    runs = work.runs(step)
    return {
        ("global_buffer", "read"): runs * (width * ceil(channels * layer.bits / spec.global_buffer.port_bits)),
        ("spike_buffer", "write"): runs * (width * ceil(channels * layer.bits / spec.spike_buffer.port_bits)),
        ("noc", "hop"): runs * (width * ceil(channels * layer.bits / spec.noc.flit_bits) * _hops(work, layer.name)),
    }


def decision_actions(work: Work, step: Step) -> Mapping[tuple[str, str], IntArray]:
    """One evaluation of softmax and entropy after a timestep (early_exit.py has the arithmetic).

    A class is accumulated, compared with the largest, scaled, looked up, summed and multiplied for the entropy; the
    comparison with the threshold takes two products.
    """
    classes = step.layer.shape[2]
    each = {"exponent": classes, "logarithm": 1, "multiply": 2 * classes + 2, "add": 4 * classes, "fifo": classes}
    return {("sigma_e", action): np.array(n) for action, n in each.items()}


def _fetches(work: Work, step: Step, port_bits: int) -> IntArray:
    """Buffer reads for one output row: each input row of the window once, the window slides in registers."""
    layer = step.layer
    height, width, channels = _map_shape(work.network, layer)
    bits = work.network.max_value(layer.inputs[0]).bit_length()
    rows = np.array([[0, height]]) if isinstance(layer, Linear) else window_rows(layer, work.network)
    per_row = width * ceil(channels * bits / port_bits)
    fetched: IntArray = (rows[:, 1] - rows[:, 0]) * per_row
    return work.runs(step) * fetched


def _map_shape(network: Network, layer: object) -> tuple[int, int, int]:
    """Shape of what a layer reads, before flattening."""
    assert isinstance(layer, Conv2d | Linear | Pool)
    source = network[layer.inputs[0]]
    while isinstance(source, Flatten):
        source = network[source.inputs[0]]
    return source.shape


def _residual_fetches(work: Work, layer: object) -> int:
    """Buffer reads of one row of an Add's activations; currents arrive from the accumulators."""
    assert isinstance(layer, Add)
    _, width, channels = layer.shape
    port_bits, total = work.spec.spike_buffer.port_bits, 0
    for name in layer.inputs:
        if not work.network.gives_currents(name):
            total += width * ceil(channels * work.network.max_value(name).bit_length() / port_bits)
    return total


def _psum_reads(work: Work, step: Step) -> dict[tuple[str, str], IntArray]:
    """Reading the currents kept of the direct-coded input, at the timesteps that do not compute them."""
    if work.spec.direct_input != "once":
        return {}
    again = np.ones(work.timesteps, np.int64) - work.input_runs()
    kept = kept_currents(work.network, step.layer)
    return {("psum_buffer", "read"): (again * (kept * _psum_accesses(work, step)))[:, None]}


def _psum_accesses(work: Work, step: Step) -> int:
    """Accesses of the partial-sum buffer for one row of currents kept over the timesteps."""
    _, width, channels = step.layer.shape
    return width * ceil(channels * work.spec.psum_bits / work.spec.psum_buffer.port_bits)


def _hops(work: Work, name: str) -> int:
    """Links that each flit of a layer's activations crosses, over all layers with weights that read it."""
    return work.placement.hops(work.network, name)
