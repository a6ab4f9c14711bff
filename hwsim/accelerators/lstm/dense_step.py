"""What the steps of an ordinary LSTM of the same shape do on the same engines: every product is multiplied.

One pass over the sequence.  Hidden values are multi-bit; those of the quantised network that are 0 are skipped, at no
cost for finding them.  An average of hidden values over all elements stands for a readout over all of them.
"""

from __future__ import annotations

import numpy as np

from hwsim.accelerators.lstm.counting import units_not_silent
from hwsim.accelerators.lstm.plan import Plan
from hwsim.accelerators.lstm.work import ELEMENTWISE, MAC, NEURONS, READOUT, StepWork
from hwsim.contract.arrays import IntArray
from hwsim.contract.dense import Dense
from hwsim.contract.ledger import OPERATIONS
from hwsim.traces.sequence.trace import GATES, SequenceTrace

NARROW = "narrow_mac"


def hidden_values(plan: Plan, dense: Dense, trace: SequenceTrace, samples: slice) -> list[IntArray]:
    """Hidden values that are not 0 at each element, of every layer: int64 [sample or 1, element, 1]."""
    layers, share = plan.network.layers, dense.density
    if share == "trace":
        return [units_not_silent(trace, layer, samples) for layer in layers]
    return [np.full((1, plan.network.n_elements, 1), round(share * layer.n_hidden), np.int64) for layer in layers]


def dense_works(plan: Plan, dense: Dense, trace: SequenceTrace, samples: slice) -> list[StepWork]:
    """All steps of all layers, and of the readout."""
    values = hidden_values(plan, dense, trace, samples)
    works = [_layer_work(plan, dense, position, values) for position in range(len(values))]
    return [*works, _readout_work(plan, dense, values[-1])]


def _unit(dense: Dense) -> str:
    """The multipliers that take hidden values."""
    return NARROW if dense.kind == "qann" else "mac"


def _rows(dense: Dense, position: int, values: list[IntArray]) -> IntArray:
    """Hidden values that meet weights at each element: those of the element before, and of the layer below."""
    own = values[position]
    before = np.concatenate([np.zeros_like(own[:, :1]), own[:, :-1]], axis=1) if dense.kind == "qann" else own
    return before + values[position - 1] if position else before


def _layer_work(plan: Plan, dense: Dense, position: int, values: list[IntArray]) -> StepWork:
    spec, layer, work = plan.spec, plan.network.layers[position], StepWork(plan)
    rows, raw, hidden = _rows(dense, position, values), layer.n_inputs * plan.multiplies(layer), layer.n_hidden
    work.post(MAC, OPERATIONS, "MAC", (rows + raw) * len(GATES) * hidden)
    work.post(MAC, _unit(dense), "mac", rows * len(GATES) * hidden)
    work.post(MAC, "mac", "mac", raw * len(GATES) * hidden)
    words = plan.row_words(hidden, layer.weight_bits, spec.weights.port_bits)
    raw_words = plan.row_words(hidden, layer.weight_bits, spec.input_weights.port_bits)
    work.post(MAC, "weights", "read", rows * len(GATES) * words)
    work.post(MAC, "input_weights", "read", raw * len(GATES) * raw_words)
    below = plan.hidden_words(plan.network.layers[position - 1]) if position else 0
    work.post(MAC, "state", "read", plan.hidden_words(layer) + below)
    ports = len(GATES) if spec.gate_ports == "shared" else 1  # fetches that wait for each other
    fetching = np.maximum(
        rows * ports * words * spec.access_cycles(spec.weights),
        raw * len(GATES) * raw_words * spec.access_cycles(spec.input_weights),
    )
    work.takes(MAC, np.maximum(fetching, -(-(rows + raw) * len(GATES) * hidden // spec.mac.lanes)))
    work.post(NEURONS, "elementwise", "clip", len(GATES) * hidden)
    work.takes(NEURONS, -(-len(GATES) * hidden // spec.elementwise.lanes))
    pooled = plan.network.readout.over == "all" and layer is plan.network.layers[-1]
    work.post(ELEMENTWISE, OPERATIONS, "MAC", 3 * hidden)
    work.post(ELEMENTWISE, "elementwise", "mac", 3 * hidden)
    work.post(ELEMENTWISE, "elementwise", "clip", hidden)
    work.post(ELEMENTWISE, "elementwise", "and", 0)
    work.post(ELEMENTWISE, "elementwise", "add", hidden * pooled)
    work.post(ELEMENTWISE, OPERATIONS, "AC", hidden * pooled)
    work.post(ELEMENTWISE, "state", "read", hidden)
    work.post(ELEMENTWISE, "state", "write", hidden + plan.hidden_words(layer))
    work.takes(ELEMENTWISE, -(-3 * hidden // spec.elementwise.lanes) - (-hidden // spec.elementwise.lanes))
    return work


def _readout_work(plan: Plan, dense: Dense, values: IntArray) -> StepWork:
    """One product after the last element."""
    spec, network, work = plan.spec, plan.network, StepWork(plan)
    last = np.zeros((network.n_elements, 1), np.int64)
    last[-1] = 1
    layer = network.layers[-1]
    rows = (layer.n_hidden if network.readout.over == "all" else values) * last
    words = plan.row_words(network.n_classes, network.readout.weight_bits, spec.readout_weights.port_bits)
    work.post(READOUT, OPERATIONS, "MAC", rows * network.n_classes)
    work.post(READOUT, _unit(dense), "mac", rows * network.n_classes)
    work.post(READOUT, "readout_weights", "read", rows * words)
    work.post(READOUT, "state", "read", last * plan.hidden_words(layer))
    multiplying = -(-rows * network.n_classes // spec.mac.lanes)
    work.takes(READOUT, np.maximum(multiplying, rows * words * spec.access_cycles(spec.readout_weights)))
    return work
