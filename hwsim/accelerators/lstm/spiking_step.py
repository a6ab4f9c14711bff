"""What the steps of spiking cells do and how long each engine takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.lstm.counting import LayerSpikes
from hwsim.accelerators.lstm.plan import Plan
from hwsim.accelerators.lstm.work import AC, DETECT, ELEMENTWISE, MAC, NEURONS, READOUT, Poster, StepWork
from hwsim.contract.ledger import OPERATIONS
from hwsim.traces.sequence.trace import GATES, HIDDEN, LstmLayer

IntArray = NDArray[np.int64]
_OPERATION = {"and": "AND", "add": "AC", "mac": "MAC"}


def hidden_words(plan: Plan, layer: LstmLayer) -> int:
    """State words that hold the hidden spikes of one step, with their signs where they have any."""
    return -(-layer.planes(HIDDEN) * layer.n_hidden // plan.spec.state.bits)


def scans(plan: Plan, width: int) -> int:
    """Looks of the detector at a vector of spikes."""
    return -(-width // plan.spec.detector.bits)


def layer_work(plan: Plan, position: int, spikes: LayerSpikes) -> StepWork:
    """All steps of one layer.

    MAC engine and AC engines of a cell run side by side, then its neuron lanes, then the element-wise ones.
    """
    layer, spec, services = plan.network.layers[position], plan.spec, dict[str, IntArray]()
    poster = Poster(plan.network.n_elements, plan.timesteps)
    services[DETECT] = _detect(plan, position, poster)
    if plan.multiplies(layer):
        services[MAC] = _multiply(plan, layer, poster)
    rows = spikes.own if spikes.below is None else spikes.own + spikes.below
    words = plan.row_words(layer.n_hidden, layer.weight_bits, spec.weights.port_bits)
    a_spike = max(-(-layer.n_hidden // spec.ac.lanes), words * spec.access_cycles(spec.weights))
    for role in AC:
        poster.post(role, OPERATIONS, "AC", rows * layer.n_hidden)
        poster.post(role, "ac", "add", rows * layer.n_hidden)
        poster.post(role, "weights", "read", rows * words)
        services[role] = rows * a_spike
    services[NEURONS] = _update_gates(plan, layer, poster)
    services[ELEMENTWISE] = _multiply_elements(plan, layer, poster)
    shape = 1, plan.network.n_elements, plan.timesteps
    whole = {role: np.broadcast_to(each, (len(each), *shape[1:])) for role, each in services.items()}
    return StepWork(whole, tuple(poster))


def _every(plan: Plan, value: int) -> IntArray:
    return np.full((1, plan.network.n_elements, plan.timesteps), value, np.int64)


def _at(plan: Plan, chosen: NDArray[np.bool_]) -> IntArray:
    """1 at some timesteps [timestep] of every element: int64 [1, element, timestep]."""
    return _every(plan, 1) * chosen


def _detect(plan: Plan, position: int, poster: Poster) -> IntArray:
    """Find the spikes in the registers that the step reads."""
    layers = plan.network.layers
    read = [layers[position]] if position == 0 else [layers[position], layers[position - 1]]
    looks = sum(scans(plan, layer.n_hidden) for layer in read)
    poster.post(DETECT, "detector", "scan", looks)
    poster.post(DETECT, "state", "read", sum(hidden_words(plan, layer) for layer in read))
    return _every(plan, looks)


def _multiply(plan: Plan, layer: LstmLayer, poster: Poster) -> IntArray:
    """The raw input times all weights, at every step or only at the first of each element, and then kept."""
    spec, steps = plan.spec, np.arange(plan.timesteps)
    done = _at(plan, steps == 0) if plan.multiplies_once else _every(plan, 1)
    products = len(GATES) * layer.n_inputs * layer.n_hidden
    words = (
        len(GATES) * layer.n_inputs * plan.row_words(layer.n_hidden, layer.weight_bits, spec.input_weights.port_bits)
    )
    poster.post(MAC, OPERATIONS, "MAC", done * products)
    poster.post(MAC, "mac", "mac", done * products)
    poster.post(MAC, "input_weights", "read", done * words)
    poster.post(MAC, "queue", "write", done * plan.kept_words(layer))
    return done * max(-(-products // spec.mac.lanes), words * spec.access_cycles(spec.input_weights))


def _update_gates(plan: Plan, layer: LstmLayer, poster: Poster) -> IntArray:
    """Membranes of gates that fire, limits of those that do not; what comes from the cell before is moved here."""
    firing = [name for name in GATES if layer.units[name].spiking]
    _post_updates(poster, NEURONS, len(firing) * layer.n_hidden)
    poster.post(NEURONS, "elementwise", "clip", (len(GATES) - len(firing)) * layer.n_hidden)
    steps = np.arange(plan.timesteps)
    crossing = _at(plan, np.array([plan.cell_of(int(t)).first == t > 0 for t in steps]))
    moved, kept = crossing * plan.crossing_words(layer), plan.kept_words(layer)
    read = moved + _at(plan, steps > 0) * kept
    poster.post(NEURONS, "queue", "write", moved + crossing * kept)
    poster.post(NEURONS, "queue", "read", read)
    updating = _every(plan, -(-len(GATES) * layer.n_hidden // plan.spec.neuron.lanes))
    return np.asarray(np.maximum(updating, read * plan.spec.access_cycles(plan.spec.queue)))


def _post_updates(poster: Poster, role: str, updates: int) -> None:
    poster.post(role, OPERATIONS, "membrane update", updates)
    poster.post(role, "neuron", "update", updates)
    poster.post(role, "neuron", "hold", updates)


def products_of(layer: LstmLayer) -> tuple[str, str, str]:
    """What the products f * c, i * g and o * s are: `and` of two spikes, `add` of one spike, `mac` of none."""
    units = layer.units
    spikes = units["input"].spiking + units["candidate"].spiking
    return "add" if units["forget"].spiking else "mac", ("mac", "add", "and")[spikes], "and"


def _multiply_elements(plan: Plan, layer: LstmLayer, poster: Poster) -> IntArray:
    spec, hidden, kinds = plan.spec, layer.n_hidden, products_of(layer)
    for action, operation in _OPERATION.items():
        count = kinds.count(action) * hidden
        poster.post(ELEMENTWISE, "elementwise", action, count)
        poster.post(ELEMENTWISE, OPERATIONS, operation, count)
    _post_updates(poster, ELEMENTWISE, hidden)
    poster.post(ELEMENTWISE, "state", "read", hidden)
    poster.post(ELEMENTWISE, "state", "write", hidden + hidden_words(plan, layer))
    return _every(plan, -(-len(kinds) * hidden // spec.elementwise.lanes) - (-hidden // spec.neuron.lanes))


def readout_work(plan: Plan, spikes: LayerSpikes) -> StepWork:
    """Hidden spikes of the last layer add rows of the readout's weights: those of all elements or of the last."""
    spec, layer, network = plan.spec, plan.network.layers[-1], plan.network
    read = np.zeros((network.n_elements, 1), np.int64)
    read[0 if network.readout.over == "all" else -1 :] = 1
    rows, looks = spikes.given * read, scans(plan, layer.n_hidden)
    words = plan.row_words(network.n_classes, network.readout.weight_bits, spec.readout_weights.port_bits)
    poster = Poster(network.n_elements, plan.timesteps)
    poster.post(READOUT, OPERATIONS, "AC", rows * network.n_classes)
    poster.post(READOUT, "readout", "add", rows * network.n_classes)
    poster.post(READOUT, "readout_weights", "read", rows * words)
    poster.post(READOUT, "detector", "scan", _every(plan, looks) * read)
    poster.post(READOUT, "state", "read", _every(plan, hidden_words(plan, layer)) * read)
    a_spike = max(-(-network.n_classes // spec.readout.lanes), words * spec.access_cycles(spec.readout_weights))
    return StepWork({READOUT: rows * a_spike + looks * read}, tuple(poster))
