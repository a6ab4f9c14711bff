"""A trained spiking LSTM as the integers of the trace format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from hwsim.doors.torch.lstm.network import SIGNED, STATE_LIMIT, SpikingLSTM
from hwsim.errors import TraceError
from hwsim.traces.sequence.trace import GATES, Activation, GateUnits, LstmLayer, Readout, SequenceNetwork

LEAK_BITS, MEMBRANE_BITS = 8, 20
FRACTION_BITS = 8  # of the cell state and of multi-bit gates
STATE_BITS = FRACTION_BITS + 1 + int(STATE_LIMIT).bit_length() - 1
VALUE_SHIFT = 6  # bits of a multi-bit gate's current below the last of its value
CELL_SHIFT = 4  # the same, of the current of `cell`
MOST_SHIFT = 12

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lattice:
    """Bits of weights and raw inputs, and what the inputs are."""

    unit: float  # the real value of a raw 1
    rms: float  # root of the mean square of raw inputs, by which errors of input weights count
    weight_bits: int = 8
    input_bits: int = 8

    @property
    def top(self) -> int:
        """The largest weight."""
        return (1 << (self.weight_bits - 1)) - 1


@torch.no_grad()
def network_of(trained: SpikingLSTM, lattice: Lattice) -> SequenceNetwork:
    """The integers nearest to `trained`, each neuron on its own lattice; raises TraceError where `cell` is real."""
    top = lattice.top
    if not {"output", "cell"} <= set(trained.spiking):
        raise TraceError("hidden values are not spikes: 'output' and 'cell' must be among the spiking gates")
    shape, rows = trained.shape, {name: row for row, name in enumerate(trained.neurons())}
    thresholds, leaks = _real(trained.log_threshold.exp()), _real(trained.leak)
    weights_x, weights_h, units = [], [], {}
    for gate, name in enumerate(GATES):
        own, recurrent, bias = (_real(p[gate]) for p in (trained.input_weight, trained.hidden_weight, trained.bias))
        own = own * lattice.unit
        spiking = name in rows
        steps, input_shift, hidden_shift = (
            _own_steps(own, recurrent, lattice) if spiking else _shared_steps(own, recurrent, top)
        )
        weights_x.append(_rounded(own / (steps * 2.0**input_shift)[:, None], top))
        weights_h.append(_rounded(recurrent / (steps * 2.0**hidden_shift)[:, None], top))
        limits = thresholds[rows[name]] / steps if spiking else None
        leak = leaks[rows[name]] if spiking else 1.0
        units[name] = _units(name, bias / steps, limits, leak, (input_shift, hidden_shift))
    step = 2.0 ** -(FRACTION_BITS + CELL_SHIFT)
    units["cell"] = _units("cell", _real(trained.cell_bias) / step, thresholds[-1] / step, leaks[-1], (CELL_SHIFT, 0))
    layer = LstmLayer(
        "lstm1", _gates(weights_x), _gates(weights_h), lattice.weight_bits, units, FRACTION_BITS, STATE_BITS
    )
    n, features = shape.n_elements, shape.n_features
    return SequenceNetwork(n, features, lattice.input_bits, (layer,), _readout(trained, lattice), False, True)


def logit_scale(trained: SpikingLSTM, lattice: Lattice) -> float:
    """What one step of an integer logit is of the real logits, whose sum over the timesteps is decided on."""
    counted = trained.shape.n_elements if trained.shape.over == "all" else 1
    return float(_readout_step(trained, lattice) / (counted * trained.timesteps))


def _own_steps(own: Floats, recurrent: Floats, lattice: Lattice) -> tuple[Floats, int, int]:
    """The step of every unit's current, and the shift of hidden weights of least error: neurons have thresholds."""
    best: tuple[float, Floats, int] | None = None
    for shift in range(MOST_SHIFT):
        top = np.maximum(np.abs(own).max(1), np.abs(recurrent).max(1) / 2.0**shift)
        steps = np.maximum(top, 1e-8) / lattice.top
        # A rounded input weight acts on inputs of about `rms`, a hidden one on spikes.
        error = float((steps**2).sum() * (lattice.rms**2 * own.shape[1] + 4.0**shift * recurrent.shape[1]))
        if best is None or error < best[0]:
            best = error, steps, shift
    assert best is not None
    return best[1], 0, best[2]


def _shared_steps(own: Floats, recurrent: Floats, top: int) -> tuple[Floats, int, int]:
    """One step for all units, as the value of a multi-bit gate is its current shifted, and the smallest shifts."""
    step = 2.0 ** -(FRACTION_BITS + VALUE_SHIFT)
    shifts = []
    for weights in (own, recurrent):
        ratio = float(np.abs(weights).max()) / (step * top)
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


def _readout(trained: SpikingLSTM, lattice: Lattice) -> Readout:
    step = _readout_step(trained, lattice)
    counted = trained.shape.n_elements if trained.shape.over == "all" else 1
    bias = np.rint(_real(trained.readout.bias) * counted / step).astype(np.int32)
    weights = _rounded(_real(trained.readout.weight) / step, lattice.top).T.copy()
    return Readout(weights, bias, lattice.weight_bits, trained.shape.over)


def _readout_step(trained: SpikingLSTM, lattice: Lattice) -> float:
    return max(float(trained.readout.weight.detach().abs().max()), 1e-8) / lattice.top


def _gates(weights: list[NDArray[np.int8]]) -> NDArray[np.int8]:
    """[unit, in] of every gate as [gate, in, unit]."""
    return np.ascontiguousarray(np.stack(weights).transpose(0, 2, 1))


def _rounded(values: Floats, top: int) -> NDArray[np.int8]:
    return np.clip(np.rint(values), -top, top).astype(np.int8)


def _real(values: torch.Tensor) -> Floats:
    return values.detach().double().numpy()
