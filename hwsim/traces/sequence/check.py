"""The rules that a spiking LSTM must keep to be executed exactly in integers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NoReturn, get_args

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.traces.network.limits import MAX_INT, MAX_VALUES, check_name
from hwsim.traces.sequence.trace import NEURONS, Activation, GateUnits, LstmLayer, SequenceNetwork

MAX_WIDTH = 2**16  # of features, of hidden units, of classes, and of elements of a sequence
MAX_LAYERS = 64
MAX_SHIFT = 24
MAX_FRACTION_BITS = 14
MAX_STATE_BITS = 24
MAX_LEAK_BITS = 16

LIMITS: Mapping[str, tuple[int, int]] = {
    "leak": (0, 1 << MAX_LEAK_BITS),
    "leak_bits": (0, MAX_LEAK_BITS),
    "membrane_bits": (2, 32),
    "input_shift": (0, MAX_SHIFT),
    "hidden_shift": (0, MAX_SHIFT),
    "value_shift": (0, MAX_SHIFT),
}
"""Smallest and largest value of the integers of `GateUnits`."""


def check_sequence(network: SequenceNetwork) -> None:
    """Raise TraceError, naming the layer and the rule, unless `network` can be executed exactly.

    Checked: names, shapes that follow from each other, ranges of weights, shifts, thresholds and widths, activations
    that give hidden spikes, and that no current and no logit can leave 32 bits in the worst case.
    """
    for key, value, low, high in (
        ("elements", network.n_elements, 1, MAX_WIDTH),
        ("features", network.n_features, 1, MAX_WIDTH),
        ("input_bits", network.input_bits, 2, 8),
    ):
        if not low <= value <= high:
            raise TraceError(f"{key}: wanted {low} to {high}, found {value}")
    if not 1 <= len(network.layers) <= MAX_LAYERS:
        raise TraceError(f"layers: wanted 1 to {MAX_LAYERS}, found {len(network.layers)}")
    width, largest = network.n_features, 1 << (network.input_bits - 1)
    for position, layer in enumerate(network.layers):
        check_name(layer.name)
        if layer.name == "readout":
            _fail(layer.name, "wanted another name, as the linear layer at the end has this one")
        if layer.name in {other.name for other in network.layers[:position]}:
            _fail(layer.name, "wanted a name used once, found it twice")
        _check_layer(layer, width, largest)
        width, largest = layer.n_hidden, 1
    _check_readout(network, width)


def _fail(name: str, message: str) -> NoReturn:
    raise TraceError(f"layer '{name}': {message}")


def _check_layer(layer: LstmLayer, width: int, largest_input: int) -> None:
    hidden = layer.input_weights.shape[-1]
    _check_weights(layer.name, "input_weights", layer.input_weights, (4, width, hidden), layer.weight_bits)
    _check_weights(layer.name, "hidden_weights", layer.hidden_weights, (4, hidden, hidden), layer.weight_bits)
    for key, value, low, high in (
        ("fraction_bits", layer.fraction_bits, 0, MAX_FRACTION_BITS),
        ("state_bits", layer.state_bits, 2, MAX_STATE_BITS),
    ):
        if not low <= value <= high:
            _fail(layer.name, f"wanted {key} from {low} to {high}, found {value}")
    if tuple(layer.units) != NEURONS:
        _fail(layer.name, f"wanted units of {', '.join(NEURONS)}, found {', '.join(layer.units)}")
    for name, units in layer.units.items():
        _check_units(layer, name, units)
    for name, allowed in (("output", ("spike",)), ("cell", ("spike", "signed_spike"))):
        if layer.units[name].activation not in allowed:
            found = layer.units[name].activation
            _fail(layer.name, f"wanted activation {' or '.join(allowed)} of '{name}', found {found!r}")
    _check_currents(layer, largest_input)


def _check_weights(name: str, what: str, weights: NDArray[Any], shape: tuple[int, ...], bits: int) -> None:
    if not 2 <= bits <= 8:
        _fail(name, f"wanted weights of 2 to 8 bits, found {bits}")
    if weights.dtype != np.int8 or weights.shape != shape:
        _fail(name, f"wanted {what} int8 {shape}, found {weights.dtype} {weights.shape}")
    if not 1 <= weights.size <= MAX_VALUES or max(shape[1:]) > MAX_WIDTH:
        _fail(name, f"wanted {what} of 1 to {MAX_VALUES} values, at most {MAX_WIDTH} wide, found {shape}")
    half = 1 << (bits - 1)
    if weights.min() < -half or weights.max() >= half:
        _fail(name, f"wanted {what} from {-half} to {half - 1} ({bits} bits), found others")


def _check_units(layer: LstmLayer, name: str, units: GateUnits) -> None:
    where, shape = f"{layer.name}/{name}", (layer.n_hidden,)
    if units.activation not in get_args(Activation):
        _fail(where, f"wanted an activation among {', '.join(get_args(Activation))}, found {units.activation!r}")
    if units.reset not in ("soft", "hard"):
        _fail(where, f"wanted reset 'soft' or 'hard', found {units.reset!r}")
    for key, (low, high) in LIMITS.items():
        if not low <= getattr(units, key) <= high:
            _fail(where, f"wanted {key} from {low} to {high}, found {getattr(units, key)}")
    if units.leak > 1 << units.leak_bits:
        _fail(where, f"wanted leak <= 2**leak_bits, found {units.leak, units.leak_bits}")
    if units.spiking and units.value_shift:
        _fail(where, f"wanted value_shift 0 for spikes, found {units.value_shift}")
    if name == "cell" and units.hidden_shift:
        _fail(where, f"wanted hidden_shift 0, found {units.hidden_shift}")
    for key, array, dtype in (("bias", units.bias, np.int32), ("v_threshold", units.v_threshold, np.int64)):
        if array.dtype != dtype or array.shape != shape:
            _fail(where, f"wanted {key} {np.dtype(dtype)} {shape}, found {array.dtype} {array.shape}")
    top = (1 << (units.membrane_bits - 1)) - 1 if units.spiking else 0
    if units.v_threshold.min() < 0 or units.v_threshold.max() > top:
        why = f"{units.membrane_bits} membrane bits" if units.spiking else "a multi-bit activation has none"
        _fail(where, f"wanted v_threshold from 0 to {top} ({why}), found others")


def _check_currents(layer: LstmLayer, largest_input: int) -> None:
    own, recurrent = (
        np.abs(weights.astype(np.int64)).sum(axis=1) for weights in (layer.input_weights, layer.hidden_weights)
    )
    for gate, name in enumerate(NEURONS):
        units = layer.units[name]
        if name == "cell":
            total = np.full(layer.n_hidden, 1 << (layer.state_bits - 1 + units.input_shift), np.int64)
        else:
            total = (own[gate] * largest_input << units.input_shift) + (recurrent[gate] << units.hidden_shift)
        worst = int((total + np.abs(units.bias.astype(np.int64))).max())
        if worst > MAX_INT:
            _fail(f"{layer.name}/{name}", f"wanted currents within 32 bits, found {worst} in the worst case")


def _check_readout(network: SequenceNetwork, width: int) -> None:
    readout = network.readout
    n_classes = readout.weights.shape[-1]
    _check_weights("readout", "weights", readout.weights, (width, n_classes), readout.weight_bits)
    if readout.bias.dtype != np.int32 or readout.bias.shape != (n_classes,):
        _fail("readout", f"wanted bias int32 ({n_classes},), found {readout.bias.dtype} {readout.bias.shape}")
    if readout.over not in ("last", "all"):
        _fail("readout", f"wanted over 'last' or 'all', found {readout.over!r}")
    steps = network.n_elements if readout.over == "all" else 1
    sums = np.abs(readout.weights.astype(np.int64)).sum(axis=0) * steps + np.abs(readout.bias.astype(np.int64))
    if int(sums.max()) > MAX_INT:
        _fail("readout", f"wanted logits within 32 bits, found {int(sums.max())} in the worst case")
