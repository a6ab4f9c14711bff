"""What the steps of spiking cells do and how long each engine takes."""

from __future__ import annotations

import numpy as np

from hwsim.accelerators.lstm.counting import LayerSpikes
from hwsim.accelerators.lstm.plan import Plan
from hwsim.accelerators.lstm.work import AC, DETECT, ELEMENTWISE, MAC, NEURONS, READOUT, StepWork
from hwsim.contract.ledger import OPERATIONS
from hwsim.traces.sequence.trace import GATES, LstmLayer

_OPERATION = {"and": "AND", "add": "AC", "mac": "MAC"}


def layer_work(plan: Plan, position: int, spikes: LayerSpikes) -> StepWork:
    """All steps of one layer.

    MAC engine and AC engines of a cell run side by side, then its neuron lanes, then the element-wise ones.
    """
    layer, spec, work = plan.network.layers[position], plan.spec, StepWork(plan)
    _detect(plan, position, work)
    if plan.multiplies(layer):
        _multiply(plan, layer, work)
    rows = spikes.own if spikes.below is None else spikes.own + spikes.below
    words = plan.row_words(layer.n_hidden, layer.weight_bits, spec.weights.port_bits)
    a_spike = max(-(-layer.n_hidden // spec.ac.lanes), words * spec.access_cycles(spec.weights))
    for role in AC:
        work.post(role, OPERATIONS, "AC", rows * layer.n_hidden)
        work.post(role, "ac", "add", rows * layer.n_hidden)
        work.post(role, "weights", "read", rows * words)
        work.takes(role, rows * a_spike)
    _update_gates(plan, layer, work)
    _multiply_elements(plan, layer, work)
    return work


def _scans(plan: Plan, layer: LstmLayer) -> int:
    """Looks of the detector at the hidden spikes of a layer."""
    return -(-layer.n_hidden // plan.spec.detector.bits)


def _detect(plan: Plan, position: int, work: StepWork) -> None:
    """Find the spikes in the registers that the step reads: those of the layer and of the one below."""
    read = plan.network.layers[max(position - 1, 0) : position + 1]
    looks = sum(_scans(plan, layer) for layer in read)
    work.post(DETECT, "detector", "scan", looks)
    work.post(DETECT, "state", "read", sum(plan.hidden_words(layer) for layer in read))
    work.takes(DETECT, looks)


def _multiply(plan: Plan, layer: LstmLayer, work: StepWork) -> None:
    """The raw input times all weights, at every step or only at the first of each element, and then kept."""
    spec, steps = plan.spec, np.arange(plan.timesteps)
    done = (steps < (1 if plan.multiplies_once else plan.timesteps)).astype(np.int64)
    rows = len(GATES) * layer.n_inputs
    words = rows * plan.row_words(layer.n_hidden, layer.weight_bits, spec.input_weights.port_bits)
    work.post(MAC, OPERATIONS, "MAC", done * rows * layer.n_hidden)
    work.post(MAC, "mac", "mac", done * rows * layer.n_hidden)
    work.post(MAC, "input_weights", "read", done * words)
    work.post(MAC, "queue", "write", done * plan.kept_words(layer))
    multiplying = -(-rows * layer.n_hidden // spec.mac.lanes)
    work.takes(MAC, done * max(multiplying, words * spec.access_cycles(spec.input_weights)))


def _update_gates(plan: Plan, layer: LstmLayer, work: StepWork) -> None:
    """Membranes of gates that fire, limits of those that do not; what comes from the cell before is moved here."""
    firing = [name for name in GATES if layer.units[name].spiking]
    _post_updates(work, NEURONS, len(firing) * layer.n_hidden)
    work.post(NEURONS, "elementwise", "clip", (len(GATES) - len(firing)) * layer.n_hidden)
    steps = range(plan.timesteps)
    crossing = np.array([plan.cell_of(t).first == t > 0 for t in steps], np.int64)
    moved, kept = crossing * plan.crossing_words(layer), plan.kept_words(layer)
    read = moved + np.array([kept * (t > 0) for t in steps], np.int64)
    work.post(NEURONS, "queue", "write", moved + crossing * kept)
    work.post(NEURONS, "queue", "read", read)
    updating = -(-len(GATES) * layer.n_hidden // plan.spec.neuron.lanes)
    work.takes(NEURONS, np.maximum(updating, read * plan.spec.access_cycles(plan.spec.queue)))


def _post_updates(work: StepWork, role: str, updates: int) -> None:
    work.post(role, OPERATIONS, "membrane update", updates)
    work.post(role, "neuron", "update", updates)
    work.post(role, "neuron", "hold", updates)


def products_of(layer: LstmLayer) -> tuple[str, str, str]:
    """What the products f * c, i * g and o * s are: `and` of two spikes, `add` of one spike, `mac` of none."""
    units = layer.units
    spikes = units["input"].spiking + units["candidate"].spiking
    return "add" if units["forget"].spiking else "mac", ("mac", "add", "and")[spikes], "and"


def _multiply_elements(plan: Plan, layer: LstmLayer, work: StepWork) -> None:
    spec, hidden, kinds = plan.spec, layer.n_hidden, products_of(layer)
    for action, operation in _OPERATION.items():
        count = kinds.count(action) * hidden
        work.post(ELEMENTWISE, "elementwise", action, count)
        work.post(ELEMENTWISE, OPERATIONS, operation, count)
    _post_updates(work, ELEMENTWISE, hidden)
    work.post(ELEMENTWISE, "state", "read", hidden)
    work.post(ELEMENTWISE, "state", "write", hidden + plan.hidden_words(layer))
    work.takes(ELEMENTWISE, -(-len(kinds) * hidden // spec.elementwise.lanes) - (-hidden // spec.neuron.lanes))


def readout_work(plan: Plan, spikes: LayerSpikes) -> StepWork:
    """Hidden spikes of the last layer add rows of the readout's weights: those of all elements or of the last."""
    spec, layer, network = plan.spec, plan.network.layers[-1], plan.network
    read = np.zeros((network.n_elements, 1), np.int64)
    read[0 if network.readout.over == "all" else -1 :] = 1
    rows, looks = spikes.given * read, _scans(plan, layer)
    words = plan.row_words(network.n_classes, network.readout.weight_bits, spec.readout_weights.port_bits)
    work = StepWork(plan)
    work.post(READOUT, OPERATIONS, "AC", rows * network.n_classes)
    work.post(READOUT, "readout", "add", rows * network.n_classes)
    work.post(READOUT, "readout_weights", "read", rows * words)
    work.post(READOUT, "detector", "scan", looks * read)
    work.post(READOUT, "state", "read", plan.hidden_words(layer) * read)
    a_spike = max(-(-network.n_classes // spec.readout.lanes), words * spec.access_cycles(spec.readout_weights))
    work.takes(READOUT, rows * a_spike + looks * read)
    return work
