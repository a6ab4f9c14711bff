"""Small spiking LSTMs and traces for tests, and an execution in plain Python written from their specification."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwsim.traces.provenance import Provenance
from hwsim.traces.sequence.golden import execute_sequence, pack_spikes
from hwsim.traces.sequence.trace import (
    GATES,
    NEURONS,
    GateUnits,
    LstmLayer,
    Readout,
    SequenceInputs,
    SequenceNetwork,
    SequenceTrace,
)
from hwsim.traces.trace import Logits

SPIKING = ("spike", "spike", "signed_spike", "spike", "signed_spike")
MIXED = ("spike", "multi_bit", "signed_multi_bit", "spike", "spike")
PLAIN = ("spike", "spike", "spike", "spike", "spike")


def units_of(rng, name, activation, hidden, fraction_bits, input_shift):
    spiking = "spike" in activation
    return GateUnits(
        activation=activation,
        bias=rng.integers(-100, 160, hidden, dtype=np.int32),
        v_threshold=rng.integers(0, 250, hidden) if spiking else np.zeros(hidden, np.int64),
        leak=int(rng.integers(10, 17)),
        leak_bits=4,
        reset=("soft", "hard")[int(rng.integers(2))],
        membrane_bits=12 if spiking else 32,
        input_shift=8 - fraction_bits if name == "cell" else input_shift,
        hidden_shift=0 if name == "cell" else 3,
        value_shift=0 if spiking else 5,
    )


def layer_of(rng, name, width, hidden, activations=SPIKING, fraction_bits=4, input_shift=0):
    weights = [rng.integers(-8, 8, (4, n, hidden), dtype=np.int8) for n in (width, hidden)]
    units = {
        own: units_of(rng, own, activation, hidden, fraction_bits, input_shift)
        for own, activation in zip(NEURONS, activations, strict=True)
    }
    return LstmLayer(name, *weights, 4, units, fraction_bits, state_bits=9)


def network_of(hidden=(5,), elements=4, features=3, classes=3, over="last", seed=0, activations=SPIKING, **changes):
    """A network of random weights; `changes` are flags or fields of `SequenceNetwork`."""
    rng = np.random.default_rng(seed)
    widths = (features, *hidden)
    layers = tuple(
        layer_of(rng, f"lstm{i + 1}", widths[i], widths[i + 1], activations, (4, 0)[i % 2], 4 * (i > 0))
        for i in range(len(hidden))
    )
    readout = Readout(
        rng.integers(-8, 8, (hidden[-1], classes), dtype=np.int8),
        rng.integers(-5, 5, classes, dtype=np.int32),
        4,
        over,
    )
    network = SequenceNetwork(elements, features, 6, layers, readout, membrane_carry=False, state_per_step=True)
    return replace(network, **changes)


def narrowed(network, state_bits, membrane_bits):
    """The same network in registers so narrow that they saturate."""
    layers = []
    for layer in network.layers:
        units = {
            name: replace(own, membrane_bits=membrane_bits) if own.spiking else own for name, own in layer.units.items()
        }
        layers.append(replace(layer, units=units, state_bits=state_bits))
    return replace(network, layers=tuple(layers))


def trace_of(network, timesteps=3, samples=4, seed=1, n_inputs=6):
    """What a network does on random sequences; two more raw inputs, and a set 'test' of all of them."""
    rng = np.random.default_rng(seed)
    half = 1 << (network.input_bits - 1)
    values = rng.integers(-half, half, (n_inputs, network.n_elements, network.n_features), dtype=np.int8)
    labels = rng.integers(0, network.n_classes, n_inputs)
    inputs = SequenceInputs(values, labels, np.arange(n_inputs) * 3)
    run = execute_sequence(network, values, timesteps)
    logits = {
        name: Logits(run.logits[:n], 0.125, labels[:n], inputs.sample_ids[:n], "test")
        for name, n in (("recorded", samples), ("test", n_inputs))
    }
    accuracy = tuple(float(a) for a in logits["test"].accuracy())
    origin = Provenance("sequence", "random", "test", "CC0-1.0", "", "", seed, False, accuracy)
    spikes = {name: replace(spikes, words=spikes.words[:samples]) for name, spikes in run.spikes.items()}
    return SequenceTrace(network, timesteps, spikes, inputs, logits, origin)


def with_random_spikes(trace, rate, seed=5):
    """The same trace with spikes that no unit's dynamics produced, a third of the signed ones negative."""
    rng = np.random.default_rng(seed)
    spikes = {}
    for layer, name in trace.network.recorded():
        recorded = trace.spikes_of(layer, name)
        shape = *recorded.words.shape[:3], recorded.n_units
        values = (rng.random(shape) < rate) * np.where(rng.random(shape) < 1 / 3, -1, 1)
        planes = layer.planes(name)
        words = pack_spikes((values if planes == 2 else abs(values)).astype(np.int8), planes)
        spikes[f"{layer.name}/{name}"] = replace(recorded, words=words)
    return replace(trace, spikes=spikes)


def with_more_spikes(trace, seed):
    """Further spikes, all positive, where there is none."""
    more = with_random_spikes(trace, 0.3, seed).spikes
    added = {}
    for name, spikes in trace.spikes.items():
        words = spikes.words.copy()
        words[:, :, :, 0] |= more[name].words[:, :, :, 0]
        added[name] = replace(spikes, words=words)
    return replace(trace, spikes=added)


def unpacked(spikes):
    """Recorded spikes as -1, 0, 1: int [sample, element, timestep, unit]."""
    shape = (*spikes.words.shape[:3], spikes.n_units)
    values = np.zeros(shape, int)
    for place in np.ndindex(shape):
        word, bit = divmod(place[3], 64)
        planes = spikes.words[place[:3]]
        fires = int(planes[0, word]) >> bit & 1
        negative = len(planes) == 2 and int(planes[1, word]) >> bit & 1
        values[place] = -fires if negative else fires
    return values


# ---- the specification in plain Python, one unit at a time ----


def rounded(value, bits):
    return value if bits == 0 else (value + 2 ** (bits - 1)) // 2**bits


def clamped(value, bits):
    return max(-(2 ** (bits - 1)), min(2 ** (bits - 1) - 1, value))


class Cell:
    """One layer on one sample."""

    def __init__(self, network, layer, timesteps):
        self.network, self.layer, self.timesteps = network, layer, timesteps
        self.membranes = {}
        self.states = {}
        self.hidden = {}

    def step(self, n, t, x):
        """Values of the gates, state and hidden spikes at (n, t), from what the layer reads there."""
        layer, units = self.layer, range(self.layer.n_hidden)
        if self.network.state_per_step:
            before = (n - 1, t)
        else:
            before = (n, t - 1) if t else (n - 1, self.timesteps - 1)
        h = self.hidden.get(before, [0] * layer.n_hidden)
        c = self.states.get(before, [0] * layer.n_hidden)
        fresh = t == 0 and (n == 0 or not self.network.membrane_carry)
        given = {}
        for gate, name in enumerate(GATES):
            own = layer.units[name]
            for u in units:
                product = sum(int(layer.input_weights[gate, i, u]) * int(x[i]) for i in range(layer.n_inputs))
                recurrent = sum(int(layer.hidden_weights[gate, i, u]) * h[i] for i in range(layer.n_hidden))
                current = product * 2**own.input_shift + recurrent * 2**own.hidden_shift + int(own.bias[u])
                given[name, u] = self.activate(name, u, current, fresh)
        state, hidden = [], []
        for u in units:
            kept = rounded(given["forget", u] * c[u], layer.fraction_bits)
            new = rounded(given["input", u] * given["candidate", u], layer.fraction_bits)
            state.append(clamped(kept + new, layer.state_bits))
            own = layer.units["cell"]
            given["cell", u] = self.activate("cell", u, state[u] * 2**own.input_shift + int(own.bias[u]), fresh)
            one = 2**layer.fraction_bits
            hidden.append(given["output", u] // one * (given["cell", u] // one))
        self.states[n, t], self.hidden[n, t] = state, hidden
        return given, hidden

    def activate(self, name, u, current, fresh):
        own, one = self.layer.units[name], 2**self.layer.fraction_bits
        if own.activation == "multi_bit":
            return min(max(rounded(current, own.value_shift), 0), one)
        if own.activation == "signed_multi_bit":
            return min(max(rounded(current, own.value_shift), -one), one)
        v = 0 if fresh else self.membranes[name, u]
        v = clamped(rounded(v * own.leak, own.leak_bits) + current, own.membrane_bits)
        threshold, spike = int(own.v_threshold[u]), 0
        if v > threshold:
            spike = 1
        elif own.activation == "signed_spike" and v < -threshold:
            spike = -1
        if spike:
            v = v - spike * threshold if own.reset == "soft" else 0
        self.membranes[name, u] = v
        return spike * one


def run_plainly(network, x, timesteps):
    """One sample x [element, feature]: spikes {'LAYER/GATE': [n][t][unit]} as -1, 0, 1, and logits [t][class]."""
    cells = [Cell(network, layer, timesteps) for layer in network.layers]
    spikes = {f"{layer.name}/{name}": {} for layer, name in network.recorded()}
    for n in range(network.n_elements):
        for t in range(timesteps):
            flowing = x[n]
            for cell in cells:
                given, flowing = cell.step(n, t, flowing)
                layer = cell.layer
                for name in layer.spiking:
                    fired = [given[name, u] // 2**layer.fraction_bits for u in range(layer.n_hidden)]
                    spikes[f"{layer.name}/{name}"][n, t] = fired
                spikes[f"{layer.name}/hidden"][n, t] = flowing
    readout, last = network.readout, cells[-1].hidden
    elements = range(network.n_elements) if readout.over == "all" else [network.n_elements - 1]
    logits = [
        [
            sum(int(readout.weights[u, k]) * last[n, t][u] for n in elements for u in range(len(last[n, t])))
            + int(readout.bias[k])
            for k in range(network.n_classes)
        ]
        for t in range(timesteps)
    ]
    return spikes, logits
