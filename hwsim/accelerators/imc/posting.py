"""What each pipeline step does, as postings: every action of the machine with its closed form.

All counts are per job (one output row at one timestep).  `reads` stands for (row block, phase, digit step, position)
combinations that are read: all of them, or those with a driven row when silence is skipped.  What spikes drive has its
form here and is filled in for each batch (see `forms`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil

from hwsim.accelerators.imc.adc_range import signed
from hwsim.accelerators.imc.counting import LayerCounts
from hwsim.accelerators.imc.fetching import (
    psum_reads,
    psum_writes,
    residual_fetches,
    row_words,
    row_writes,
    window_fetches,
)
from hwsim.accelerators.imc.first_layer import MAC, WEIGHTS, weight_words
from hwsim.accelerators.imc.forms import Actions, Driven, Form
from hwsim.accelerators.imc.plan.pipeline import Step
from hwsim.accelerators.imc.plan.placed_layer import LayerPlacement
from hwsim.accelerators.imc.plan.plan import Plan
from hwsim.accelerators.imc.plan.rewriting import written_by
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.contract.arrays import IntArray
from hwsim.contract.ledger import OPERATIONS, Checked, Postings
from hwsim.contract.maps import operands
from hwsim.contract.neuron_parts import part_operations, state_bits, state_words
from hwsim.traces.network.geometry import row_macs
from hwsim.traces.network.layers import Add, Conv2d, Input, Linear, Pool, Readout, neuron_of
from hwsim.traces.network.raw_input import multiplies_input


def constant_postings(plan: Plan) -> Mapping[str, Sequence[Checked]]:
    """Every action of all steps but the crossbars, which are what spikes drive; by step."""
    handlers: Mapping[str, Callable[[Plan, Step], Actions]] = {
        "source": source_actions,
        "neuron": neuron_actions,
        "mac": mac_actions,
        "pool": pool_actions,
        "elsewhere": lambda _plan, _step: {},
        "decision": decision_actions,
        "write": lambda plan, step: {
            action: plan.runs(step) * n
            for action, n in written_by(plan.spec, plan.placement, step.name).actions.items()
        },
    }
    others = (step for step in plan.pipeline.steps if step.kind != "crossbar")
    forms = ((step, Form.of(handlers[step.kind](plan, step))) for step in others)
    return {step.name: [Checked.of(form.posted(plan, step, None, 1))] if form.actions else [] for step, form in forms}


def forms_of(plan: Plan) -> Mapping[str, Form]:
    """What every layer on crossbars posts, by step."""
    crossbars = (step for step in plan.pipeline.steps if step.kind == "crossbar")
    return {step.name: Form.of(crossbar_actions(plan, step)) for step in crossbars}


def postings(
    plan: Plan,
    constant: Mapping[str, Sequence[Checked]],
    forms: Mapping[str, Form],
    counts: Mapping[str, LayerCounts],
    n_samples: int,
) -> Iterator[Postings | Checked]:
    """Every action of every step."""
    for step in plan.pipeline.steps:
        if step.kind == "crossbar":
            yield forms[step.name].posted(plan, step, counts[step.name], n_samples)
        else:
            yield from constant[step.name]


def crossbar_actions(plan: Plan, step: Step) -> Actions:
    """Reading, converting and adding up on the crossbars of one layer."""
    spec, placed, skips = plan.spec, plan.placement.layers[step.name], plan.spec.skip == "silent_rows"
    dense_steps = plan.runs(step) * (placed.window.out_width * placed.digits * placed.phases)
    looked_at = dense_steps * placed.row_blocks
    reads: Driven | IntArray = Driven("active") if skips else looked_at
    # Where silence is skipped, row blocks are converted one by one.
    sums: Driven | IntArray = reads if isinstance(reads, Driven) else reads * placed.sum_blocks // placed.row_blocks
    conversions, summed = sums * _converted(spec, placed), sums * _summed(spec, placed)
    actions: Actions = {
        ("adc", "convert"): conversions,
        ("column_mux", "select"): conversions,
        ("shift_add", "add"): conversions,
        ("accumulator", "add"): summed,
    }
    if spec.adc_reference != "none":
        actions["adc_reference", "settle"] = conversions
    actions |= _hops(plan, step) | _array_actions(plan, placed, reads)
    actions |= _peripheral_actions(plan, step, summed, dense_steps) | _synaptic_operations(plan, step)
    actions[OPERATIONS, "crossbar read"] = reads * placed.column_blocks
    if spec.assumptions.conversion == "crossbar":
        actions[OPERATIONS, "crossbar read that could clip"] = Driven("over_range", placed.column_blocks)
    if spec.signs.encoding == "offset":
        actions["offset", "subtract"] = summed
        if spec.signs.correction == "popcount":
            actions["offset", "count_rows"] = reads
    if skips:
        actions["silence_detector", "detect"] = looked_at
    return actions | psum_writes(plan, step)


def _converted(spec: ImcSpec, placed: LayerPlacement) -> int:
    """Conversions of one read of a row block; columns whose difference is taken before the ADC count once."""
    pair = 2 if signed(spec) else 1
    if spec.convert == "all":
        return placed.column_blocks * (spec.crossbar.columns // pair)
    return placed.columns_used // pair + placed.reference_columns


def _summed(spec: ImcSpec, placed: LayerPlacement) -> int:
    """Sums of one read of a row block: an output channel each, or as many as its crossbars could have."""
    if spec.convert == "all":
        return placed.column_blocks * placed.block_channels
    return placed.out_shape[2] // placed.groups


def _array_actions(plan: Plan, placed: LayerPlacement, reads: Driven | IntArray) -> Actions:
    """Cells and lines of the crossbars, one by one, or whole arrays, once in each mux phase that drives them."""
    spec, cells = plan.spec, placed.columns_used + placed.reference_columns
    drives = spec.mux_phases if spec.sensing == "current" else 1
    driven = Driven("driven", placed.column_blocks * drives)
    actions: Actions = {} if spec.row_driver == "none" else {("row_driver", "drive"): driven}
    if spec.read_energy == "array":
        return actions | {("crossbar", "read"): reads * (placed.column_blocks * drives)}
    actions |= {("crossbar", "read"): reads * placed.column_blocks, ("crossbar", "drive_row"): driven}
    if spec.read_energy == "mean":
        return actions | {("crossbar", "read_mean"): Driven("driven", cells)}
    return actions | {("crossbar", "read_cell"): Driven("driven", cells), ("crossbar", "read_level"): Driven("levels")}


def _peripheral_actions(plan: Plan, step: Step, sums: Driven | IntArray, dense_steps: IntArray) -> Actions:
    """What carries inputs to the crossbars and sums away: by what is moved, or all of it at every read of a PE.

    `dense_steps` are the digit steps of one row of a row block when nothing is skipped.
    """
    spec, placed = plan.spec, plan.placement.layers[step.name]
    if spec.assumptions.peripherals == "traffic":
        fetches = window_fetches(plan, step, spec.spike_buffer.port_bits)
        return {("htree", "transfer"): _transfers(plan, step, sums), ("spike_buffer", "read"): fetches}
    pe_reads = dense_steps * (placed.pes // placed.copies)
    used = ("htree", "transfer"), ("global_buffer", "read"), ("spike_buffer", "read"), ("neuron", "update")
    return dict.fromkeys(used, pe_reads)


def _transfers(plan: Plan, step: Step, sums: Driven | IntArray) -> Driven | IntArray:
    """Words over the tree: fetched input bits on the way in, sums of one row block after shift-add on the way out.

    Such a sum has the ADC's bits, and cell_bits more for each further slice.
    """
    spec, layer = plan.spec, step.layer
    assert isinstance(layer, Conv2d | Linear)
    slices = ceil(layer.weights.bits / spec.crossbar.cell_bits)
    out_bits = sums * (spec.adc.bits + (slices - 1) * spec.crossbar.cell_bits)
    fetched_bits = window_fetches(plan, step, 1)
    if isinstance(out_bits, Driven):
        return replace(out_bits, more=fetched_bits, word=spec.htree.bits)
    return -(-(out_bits + fetched_bits) // spec.htree.bits)


def _synaptic_operations(plan: Plan, step: Step) -> Actions:
    """What the network asks for: dense MACs where the raw input is multiplied, else one AC a spike and synapse.

    Of inputs that are pooled or added spikes each set bit is an AC.  Without spikes all layers are dense MACs.
    """
    layer, placed = step.layer, plan.placement.layers[step.name]
    if multiplies_input(plan.network, layer) or plan.network.activation_bits is not None:
        return {(OPERATIONS, "MAC"): plan.runs(step) * row_macs(layer, plan.network)}
    return {(OPERATIONS, "AC"): Driven("ones", placed.out_shape[2] // placed.groups)}


def mac_actions(plan: Plan, step: Step) -> Actions:
    """Products with the raw input beside the crossbars, once: inputs and weights in, currents where they are kept."""
    spec, layer, runs = plan.spec, step.layer, plan.runs(step)
    macs = runs * row_macs(layer, plan.network)
    return {
        (MAC, "mac"): macs,
        (WEIGHTS, "read"): runs * weight_words(spec, plan.network, layer),
        ("spike_buffer", "read"): window_fetches(plan, step, spec.spike_buffer.port_bits),
        (OPERATIONS, "MAC"): macs,
        **psum_writes(plan, step),
    } | _hops(plan, step)


def neuron_actions(plan: Plan, step: Step) -> Actions:
    """One row of neurons, or of the activation functions in their place, which cost an update without a membrane."""
    spec, (_, width, channels) = plan.spec, step.layer.shape
    actions = {("spike_buffer", "write"): row_writes(plan, step.layer)} | _membrane_actions(plan, step)
    if spec.assumptions.peripherals == "traffic":
        actions["neuron", "update"] = width * channels
        if isinstance(step.layer, Add):
            actions["spike_buffer", "read"] = residual_fetches(plan, step.layer)
    return actions | _hops(plan, step) | psum_reads(plan, step)


def _membrane_actions(plan: Plan, step: Step) -> Actions:
    """Every membrane is updated at every timestep, spike or not; without spikes there is none, and none is held."""
    spec, (_, width, channels) = plan.spec, step.layer.shape
    neuron, there, actions = neuron_of(step.layer), plan.network.activation_bits is None, Actions()
    assert neuron is not None
    if there:
        actions[OPERATIONS, "membrane update"] = width * channels
        actions |= dict.fromkeys(part_operations(neuron), width * channels)
    if spec.loop_order == "layer_outer":
        actions["neuron", "hold"] = width * channels * state_words(neuron) * there
    elif there:
        accesses = row_words(step.layer, state_bits(neuron, spec.neuron.membrane_bits), spec.membrane.port_bits)
        actions |= {("membrane", "read"): accesses, ("membrane", "write"): accesses}
    return actions


def pool_actions(plan: Plan, step: Step) -> Actions:
    """Pooling and adding of spikes by a small digital unit."""
    layer, runs, (_, width, channels) = step.layer, plan.runs(step), step.layer.shape
    # A sum of currents stays in the accumulators until a neuron takes it.
    written = 0 if plan.network.gives_currents(layer.name) else row_writes(plan, layer)
    actions: Actions = {
        ("pooling", "add"): runs * (width * channels * operands(layer)),
        ("spike_buffer", "write"): runs * written,
    }
    if plan.spec.assumptions.peripherals == "traffic":
        actions["spike_buffer", "read"] = map_fetches(plan, step)
    if isinstance(layer, Readout) and layer.of_membrane and plan.spec.loop_order != "layer_outer":
        actions["membrane", "read"] = row_words(layer, plan.spec.neuron.membrane_bits, plan.spec.membrane.port_bits)
    return actions | _hops(plan, step) | psum_reads(plan, step) | _pooled_writes(plan, step)


def _pooled_writes(plan: Plan, step: Step) -> Actions:
    """Pooled or added currents that a later pass reads."""
    return {**psum_writes(plan, step)} if step.name in plan.crossing_currents else {}


def map_fetches(plan: Plan, step: Step) -> IntArray:
    """Buffer reads of what one row pools, adds or counts; currents come from the accumulators."""
    layer = step.layer
    if not isinstance(layer, Pool):
        return plan.runs(step) * residual_fetches(plan, layer)
    currents = plan.network.gives_currents(layer.name)
    return plan.runs(step) * 0 if currents else window_fetches(plan, step, plan.spec.spike_buffer.port_bits)


def source_actions(plan: Plan, step: Step) -> Actions:
    """One row of the raw input: from the global buffer over the network on chip to the first layer's line buffer."""
    spec, layer, runs = plan.spec, step.layer, plan.runs(step)
    assert isinstance(layer, Input)
    actions = {("spike_buffer", "write"): runs * row_writes(plan, layer)} | _hops(plan, step)
    if spec.assumptions.peripherals == "traffic":
        actions["global_buffer", "read"] = runs * row_words(layer, layer.bits, spec.global_buffer.port_bits)
    return actions


def decision_actions(plan: Plan, step: Step) -> Actions:
    """One evaluation of softmax and entropy after a timestep (`exit.uncertainty` has the arithmetic).

    A class is accumulated, compared with the largest, scaled, looked up, summed and multiplied for the entropy; the
    comparison with the threshold takes two products.
    """
    classes = step.layer.shape[2]
    each = {"exponent": classes, "logarithm": 1, "multiply": 2 * classes + 2, "add": 4 * classes, "fifo": classes}
    return {("sigma_e", action): n for action, n in each.items()}


def _hops(plan: Plan, step: Step) -> Actions:
    """Links that the flits of one row cross, each through the router before it."""
    crossed = plan.runs(step) * plan.traffic.flit_hops(step.name)
    return {("noc", action): crossed for action in (("hop", "link") if plan.spec.noc.law == "isaac" else ("hop",))}
