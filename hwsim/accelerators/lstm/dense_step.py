"""What the steps of an ordinary LSTM of the same shape do on the same engines: every product is multiplied.

One pass over the sequence.  Hidden values are multi-bit; those of the quantised network that are 0 are skipped, at no
cost for finding them.  An average of hidden values over all elements stands for a readout over all of them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.lstm.counting import units_not_silent
from hwsim.accelerators.lstm.plan import Plan
from hwsim.accelerators.lstm.work import ELEMENTWISE, MAC, NEURONS, READOUT, Poster, StepWork
from hwsim.contract.dense import Dense
from hwsim.contract.ledger import OPERATIONS
from hwsim.traces.sequence.trace import GATES, LstmLayer, SequenceTrace

IntArray = NDArray[np.int64]
NARROW = "narrow_mac"


def hidden_values(plan: Plan, trace: SequenceTrace, samples: slice) -> list[IntArray]:
    """Hidden values that are not 0 at each element, of every layer: int64 [sample or 1, element, 1]."""
    dense = plan.dense
    assert dense is not None
    if dense.density == "trace":
        return [units_not_silent(trace, layer, samples) for layer in plan.network.layers]
    share = dense.density
    return [_every(plan, round(share * layer.n_hidden)) for layer in plan.network.layers]


def dense_works(plan: Plan, trace: SequenceTrace, samples: slice) -> list[StepWork]:
    """All steps of all layers, and of the readout."""
    values = hidden_values(plan, trace, samples)
    works = [_layer_work(plan, position, values) for position in range(len(values))]
    return [*works, _readout_work(plan, values[-1])]


def _every(plan: Plan, value: int) -> IntArray:
    return np.full((1, plan.network.n_elements, 1), value, np.int64)


def _unit(dense: Dense) -> str:
    """The multipliers that take hidden values."""
    return NARROW if dense.kind == "qann" else "mac"


def _rows(plan: Plan, position: int, values: list[IntArray]) -> IntArray:
    """Hidden values that meet weights at each element: those of the element before, and of the layer below."""
    own, dense = values[position], plan.dense
    assert dense is not None
    before = np.concatenate([np.zeros_like(own[:, :1]), own[:, :-1]], axis=1) if dense.kind == "qann" else own
    return before + values[position - 1] if position else before


def _layer_work(plan: Plan, position: int, values: list[IntArray]) -> StepWork:
    spec, layer, dense = plan.spec, plan.network.layers[position], plan.dense
    assert dense is not None
    poster, hidden = Poster(plan.network.n_elements, 1), layer.n_hidden
    rows, raw = _rows(plan, position, values), _every(plan, layer.n_inputs * plan.multiplies(layer))
    for unit, products in ((_unit(dense), rows * len(GATES) * hidden), ("mac", raw * len(GATES) * hidden)):
        poster.post(MAC, OPERATIONS, "MAC", products)
        poster.post(MAC, unit, "mac", products)
    words = plan.row_words(hidden, layer.weight_bits, spec.weights.port_bits)
    raw_words = plan.row_words(hidden, layer.weight_bits, spec.input_weights.port_bits)
    poster.post(MAC, "weights", "read", rows * len(GATES) * words)
    poster.post(MAC, "input_weights", "read", raw * len(GATES) * raw_words)
    poster.post(MAC, "state", "read", _value_words(plan, layer) + _below_words(plan, position))
    ports = len(GATES) if spec.gate_ports == "shared" else 1  # fetches that wait for each other
    fetching = np.maximum(
        rows * ports * words * spec.access_cycles(spec.weights),
        raw * len(GATES) * raw_words * spec.access_cycles(spec.input_weights),
    )
    multiplying = -(-(rows + raw) * len(GATES) * hidden // spec.mac.lanes)
    lanes = spec.elementwise.lanes
    poster.post(NEURONS, "elementwise", "clip", len(GATES) * hidden)
    _post_elements(plan, layer, poster)
    services = {
        MAC: np.maximum(fetching, multiplying),
        NEURONS: _every(plan, -(-len(GATES) * hidden // lanes)),
        ELEMENTWISE: _every(plan, -(-3 * hidden // lanes) - (-hidden // lanes)),
    }
    return StepWork(services, tuple(poster))


def _post_elements(plan: Plan, layer: LstmLayer, poster: Poster) -> None:
    hidden, pooled = layer.n_hidden, plan.network.readout.over == "all" and layer is plan.network.layers[-1]
    poster.post(ELEMENTWISE, OPERATIONS, "MAC", 3 * hidden)
    poster.post(ELEMENTWISE, "elementwise", "mac", 3 * hidden)
    poster.post(ELEMENTWISE, "elementwise", "clip", hidden)
    poster.post(ELEMENTWISE, "elementwise", "and", 0)
    poster.post(ELEMENTWISE, "elementwise", "add", hidden * pooled)
    poster.post(ELEMENTWISE, OPERATIONS, "AC", hidden * pooled)
    poster.post(ELEMENTWISE, "state", "read", hidden)
    poster.post(ELEMENTWISE, "state", "write", hidden + _value_words(plan, layer))


def _value_words(plan: Plan, layer: LstmLayer) -> int:
    """State words that hold the hidden values of a layer."""
    assert plan.dense is not None
    return -(-layer.n_hidden * plan.dense.activation_bits // plan.spec.state.bits)


def _below_words(plan: Plan, position: int) -> int:
    return _value_words(plan, plan.network.layers[position - 1]) if position else 0


def _readout_work(plan: Plan, values: IntArray) -> StepWork:
    """One product after the last element."""
    spec, network, dense = plan.spec, plan.network, plan.dense
    assert dense is not None
    last = np.zeros((network.n_elements, 1), np.int64)
    last[-1] = 1
    layer, pooled = network.layers[-1], network.readout.over == "all"
    rows = (_every(plan, layer.n_hidden) if pooled else values) * last
    words = plan.row_words(network.n_classes, network.readout.weight_bits, spec.readout_weights.port_bits)
    poster = Poster(network.n_elements, 1)
    poster.post(READOUT, OPERATIONS, "MAC", rows * network.n_classes)
    poster.post(READOUT, _unit(dense), "mac", rows * network.n_classes)
    poster.post(READOUT, "readout_weights", "read", rows * words)
    poster.post(READOUT, "state", "read", last * _value_words(plan, layer))
    cycles = -(-rows * network.n_classes // spec.mac.lanes)
    return StepWork(
        {READOUT: np.maximum(cycles, rows * words * spec.access_cycles(spec.readout_weights))}, tuple(poster)
    )
