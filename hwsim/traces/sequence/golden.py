"""Execution of a spiking LSTM in exact integers from raw sequences, as `hwsim.traces.sequence.trace` prescribes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.progress import in_parts
from hwsim.traces.planes import pack_channels
from hwsim.traces.sequence.check import check_sequence
from hwsim.traces.sequence.trace import GATES, HIDDEN, GateUnits, LstmLayer, SequenceNetwork, SequenceSpikes

_SAMPLES_AT_ONCE = 64

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SequenceExecution:
    """What a network did: recorded spikes by 'LAYER/GATE', and integer logits int32 [sample, timestep, class]."""

    spikes: Mapping[str, SequenceSpikes]
    logits: NDArray[np.int32]


def execute_sequence(network: SequenceNetwork, inputs: NDArray[np.int8], timesteps: int) -> SequenceExecution:
    """Run `network` on raw inputs int8 [sample, element, feature] as `hwsim.traces.sequence.trace` prescribes.

    Raises TraceError for a network that breaks a rule and for inputs of another shape or of too many bits.
    """
    check_sequence(network)
    shape = network.n_elements, network.n_features
    if inputs.dtype != np.int8 or inputs.shape[1:] != shape or not inputs.size:
        raise TraceError(f"inputs: wanted int8 (samples, {shape[0]}, {shape[1]}), found {inputs.dtype} {inputs.shape}")
    half = 1 << (network.input_bits - 1)
    if int(inputs.min()) < -half or int(inputs.max()) >= half:
        raise TraceError(f"inputs: wanted {network.input_bits}-bit integers from {-half} to {half - 1}, found others")
    parts = [
        _run(network, inputs[start : start + _SAMPLES_AT_ONCE], timesteps)
        for start in in_parts(len(inputs), _SAMPLES_AT_ONCE)
    ]
    spikes = {
        f"{layer.name}/{neurons}": SequenceSpikes(
            np.concatenate([part.spikes[f"{layer.name}/{neurons}"].words for part in parts]), layer.n_hidden
        )
        for layer, neurons in network.recorded()
    }
    return SequenceExecution(spikes, np.concatenate([part.logits for part in parts]))


def pack_spikes(values: NDArray[np.int8], planes: int) -> NDArray[np.uint64]:
    """Spikes -1, 0, 1 [..., unit] as words uint64 [..., plane, word]."""
    fired = [values != 0, values < 0][:planes]
    return np.stack([pack_channels(plane) for plane in fired], axis=-2)


def _run(network: SequenceNetwork, inputs: NDArray[np.int8], timesteps: int) -> SequenceExecution:
    """All cell steps of some samples, layer by layer, as a layer reads nothing of later ones."""
    spikes: dict[str, SequenceSpikes] = {}
    flowing: NDArray[np.int8] = inputs[:, :, None]
    for layer in network.layers:
        fired = _Layer(network, layer, flowing, timesteps).play()
        for neurons in (*layer.spiking, HIDDEN):
            words = pack_spikes(fired[neurons], layer.planes(neurons))
            spikes[f"{layer.name}/{neurons}"] = SequenceSpikes(words, layer.n_hidden)
        flowing = fired[HIDDEN]
    counted = flowing[:, -1] if network.readout.over == "last" else flowing.sum(axis=1, dtype=np.int64)
    logits = _product(counted, network.readout.weights) + network.readout.bias
    return SequenceExecution(spikes, logits.astype(np.int32))


def _product(values: NDArray[np.int8] | IntArray, weights: NDArray[np.int8]) -> IntArray:
    """The exact product [..., in] x [in, out]: in doubles, as every partial sum is an integer far below 2**53."""
    return np.asarray(values.astype(np.float64) @ weights.astype(np.float64)).astype(np.int64)


def _round(values: IntArray, bits: int) -> IntArray:
    """Divide by 2**bits, rounded half up."""
    return values if bits == 0 else (values + (1 << (bits - 1))) >> bits


def _saturate(values: IntArray, bits: int) -> IntArray:
    return np.clip(values, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


@dataclass(slots=True)
class _Layer:
    """One layer of some samples; states are int64 [sample, unit]."""

    network: SequenceNetwork
    layer: LstmLayer
    inputs: NDArray[np.int8]  # [sample, element, timestep or 1, input]
    timesteps: int
    membranes: dict[str, IntArray] = field(init=False)

    def play(self) -> Mapping[str, NDArray[np.int8]]:
        """Spikes -1, 0, 1 of what fires and of the hidden units: int8 [sample, element, timestep, unit]."""
        layer, network = self.layer, self.network
        samples, elements = self.inputs.shape[:2]
        shape = samples, elements, self.timesteps, layer.n_hidden
        fired = {name: np.zeros(shape, np.int8) for name in (*layer.spiking, HIDDEN)}
        nothing = np.zeros((samples, layer.n_hidden), np.int64)
        self._clear(nothing)
        state, hidden = ([nothing] * self.timesteps for _ in range(2))
        for n in range(elements):
            if not network.membrane_carry:
                self._clear(nothing)
            products = [_product(self.inputs[:, n], weights) for weights in layer.input_weights]
            for t in range(self.timesteps):
                before = t if network.state_per_step else t - 1  # in a row: of timestep 0 it is T - 1, the last
                own = [product[:, t % product.shape[1]] for product in products]
                given = self._gates(own, hidden[before])
                state[t] = self._next_state(given, state[before])
                units = layer.units["cell"]
                given["cell"] = self._activate("cell", (state[t] << units.input_shift) + units.bias.astype(np.int64))
                signs = {name: np.sign(given[name]) for name in layer.spiking}
                hidden[t] = signs["output"] * signs["cell"]
                for name, values in (signs | {HIDDEN: hidden[t]}).items():
                    fired[name][:, n, t] = values
        return fired

    def _clear(self, nothing: IntArray) -> None:
        self.membranes = dict.fromkeys(self.layer.spiking, nothing)

    def _gates(self, products: list[IntArray], hidden: IntArray) -> dict[str, IntArray]:
        """Values of the four gates, 1.0 as 2**fraction_bits."""
        given = {}
        for gate, (name, own) in enumerate(zip(GATES, products, strict=True)):
            units = self.layer.units[name]
            recurrent = _product(hidden, self.layer.hidden_weights[gate])
            current = (own << units.input_shift) + (recurrent << units.hidden_shift) + units.bias.astype(np.int64)
            given[name] = self._activate(name, current)
        return given

    def _next_state(self, given: Mapping[str, IntArray], before: IntArray) -> IntArray:
        bits = self.layer.fraction_bits
        kept = _round(given["forget"] * before, bits)
        return _saturate(kept + _round(given["input"] * given["candidate"], bits), self.layer.state_bits)

    def _activate(self, name: str, current: IntArray) -> IntArray:
        units, one = self.layer.units[name], 1 << self.layer.fraction_bits
        if not units.spiking:
            return np.clip(_round(current, units.value_shift), -one if units.signed else 0, one)
        v = _saturate(_round(self.membranes[name] * units.leak, units.leak_bits) + current, units.membrane_bits)
        spikes = _spikes(units, v)
        self.membranes[name] = v - spikes * units.v_threshold if units.reset == "soft" else np.where(spikes, 0, v)
        return spikes * one


def _spikes(units: GateUnits, v: IntArray) -> IntArray:
    above = (v > units.v_threshold).astype(np.int64)
    return above - (v < -units.v_threshold) if units.signed else above
