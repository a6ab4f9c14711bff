"""A trained spiking LSTM as the integers of the trace format."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.traces.sequence.trace import Activation, GateUnits, LstmLayer, Readout, SequenceNetwork
from training.slstm.network import GATE_ORDER, INPUT_STEPS_PER_ONE, SIGNED, STATE_LIMIT, GatedNetwork

WEIGHT_BITS, INPUT_BITS, LEAK_BITS, MEMBRANE_BITS = 8, 8, 8, 20
WEIGHT_TOP = 127
FRACTION_BITS = 8  # of the cell state and of multi-bit gates
STATE_BITS = FRACTION_BITS + 1 + int(STATE_LIMIT).bit_length() - 1
VALUE_SHIFT = 6  # bits of a multi-bit gate's current below the last of its value
CELL_SHIFT = 4  # the same, of the current of `cell`
MOST_SHIFT = 12

Floats = NDArray[np.float64]


@torch.no_grad()
def network_of(trained: GatedNetwork) -> SequenceNetwork:
    """The integers nearest to `trained`, each neuron on its own lattice; raises TraceError where `cell` is real."""
    if not {"output", "cell"} <= set(trained.spiking):
        raise TraceError("hidden values are not spikes: 'output' and 'cell' must be among the spiking gates")
    shape, rows = trained.shape, {name: row for row, name in enumerate(trained.neurons())}
    thresholds, leaks = _real(trained.log_threshold.exp()), _real(trained.leak)
    weights_x, weights_h, units = [], [], {}
    for gate, name in enumerate(GATE_ORDER):
        own, recurrent, bias = (_real(p[gate]) for p in (trained.input_weight, trained.hidden_weight, trained.bias))
        own = own / INPUT_STEPS_PER_ONE
        spiking = name in rows
        steps, input_shift, hidden_shift = _own_steps(own, recurrent) if spiking else _shared_steps(own, recurrent)
        weights_x.append(_rounded(own / (steps * 2.0**input_shift)[:, None]))
        weights_h.append(_rounded(recurrent / (steps * 2.0**hidden_shift)[:, None]))
        limits = thresholds[rows[name]] / steps if spiking else None
        leak = leaks[rows[name]] if spiking else 1.0
        units[name] = _units(name, bias / steps, limits, leak, (input_shift, hidden_shift))
    step = 2.0 ** -(FRACTION_BITS + CELL_SHIFT)
    units["cell"] = _units("cell", _real(trained.cell_bias) / step, thresholds[-1] / step, leaks[-1], (CELL_SHIFT, 0))
    layer = LstmLayer("lstm1", _gates(weights_x), _gates(weights_h), WEIGHT_BITS, units, FRACTION_BITS, STATE_BITS)
    n, features = shape.n_elements, shape.n_features
    return SequenceNetwork(n, features, INPUT_BITS, (layer,), _readout(trained), False, True)


def logit_scale(trained: GatedNetwork) -> float:
    """What one step of an integer logit is of the real logits, whose sum over the timesteps is decided on."""
    counted = trained.shape.n_elements if trained.shape.over == "all" else 1
    return float(_readout_step(trained) / (counted * trained.timesteps))


def _own_steps(own: Floats, recurrent: Floats) -> tuple[Floats, int, int]:
    """The step of every unit's current, and the shift of hidden weights of least error: neurons have thresholds."""
    best: tuple[float, Floats, int] | None = None
    for shift in range(MOST_SHIFT):
        top = np.maximum(np.abs(own).max(1), np.abs(recurrent).max(1) / 2.0**shift)
        steps = np.maximum(top, 1e-8) / WEIGHT_TOP
        # A rounded input weight acts on inputs of about INPUT_STEPS_PER_ONE, a hidden one on spikes.
        error = float((steps**2).sum() * (INPUT_STEPS_PER_ONE**2 * own.shape[1] + 4.0**shift * recurrent.shape[1]))
        if best is None or error < best[0]:
            best = error, steps, shift
    assert best is not None
    return best[1], 0, best[2]


def _shared_steps(own: Floats, recurrent: Floats) -> tuple[Floats, int, int]:
    """One step for all units, as the value of a multi-bit gate is its current shifted, and the smallest shifts."""
    step = 2.0 ** -(FRACTION_BITS + VALUE_SHIFT)
    shifts = []
    for weights in (own, recurrent):
        ratio = float(np.abs(weights).max()) / (step * WEIGHT_TOP)
        shifts.append(max(0, int(np.ceil(np.log2(max(ratio, 1e-9))))))
    return np.full(len(own), step), shifts[0], shifts[1]


def _units(name: str, bias: Floats, limits: Floats | None, leak: float, shifts: tuple[int, int]) -> GateUnits:
    kind: Activation = "multi_bit" if limits is None else "spike"
    signed: Mapping[str, Activation] = {"multi_bit": "signed_multi_bit", "spike": "signed_spike"}
    top = 2 ** (MEMBRANE_BITS - 1) - 1
    # Currents are whole: u > threshold is u > floor(threshold).
    whole = np.zeros(len(bias)) if limits is None else np.clip(np.floor(limits), 1, top)
    return GateUnits(
        activation=signed[kind] if name in SIGNED else kind,
        bias=np.rint(bias).astype(np.int32),
        v_threshold=whole.astype(np.int64),
        leak=round(leak * 2**LEAK_BITS),
        leak_bits=LEAK_BITS,
        reset="soft",
        membrane_bits=MEMBRANE_BITS,
        input_shift=shifts[0],
        hidden_shift=shifts[1],
        value_shift=VALUE_SHIFT if limits is None else 0,
    )


def _readout(trained: GatedNetwork) -> Readout:
    step = _readout_step(trained)
    counted = trained.shape.n_elements if trained.shape.over == "all" else 1
    bias = np.rint(_real(trained.readout.bias) * counted / step).astype(np.int32)
    return Readout(_rounded(_real(trained.readout.weight) / step).T.copy(), bias, WEIGHT_BITS, trained.shape.over)


def _readout_step(trained: GatedNetwork) -> float:
    return float(trained.readout.weight.detach().abs().max()) / WEIGHT_TOP


def _gates(weights: list[NDArray[np.int8]]) -> NDArray[np.int8]:
    """[unit, in] of every gate as [gate, in, unit]."""
    return np.ascontiguousarray(np.stack(weights).transpose(0, 2, 1))


def _rounded(values: Floats) -> NDArray[np.int8]:
    return np.clip(np.rint(values), -WEIGHT_TOP, WEIGHT_TOP).astype(np.int8)


def _real(values: torch.Tensor) -> Floats:
    return values.detach().double().numpy()
