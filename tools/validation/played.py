"""Chips' files and the traces they are played with, made in memory from stated sizes; nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from hwsim import api, make
from hwsim.contract.dense import BaselineKind
from hwsim.designs import Architecture
from hwsim.report.report import Report
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Input, Linear, Network, Neuron, StoredWeights
from hwsim.traces.plastic.trace import (
    ExcitatoryNeurons,
    Inhibition,
    InhibitoryNeurons,
    PlasticNetwork,
    PlasticTrace,
    PoissonInput,
    Stdp,
)
from hwsim.traces.sequence.trace import NEURONS, GateUnits, LstmLayer, Readout, SequenceNetwork, SequenceTrace
from validation.figures import PUBLISHED

_SEED = 3


def design(file: str, settings: Sequence[str] = ()) -> Architecture:
    """A chip's architecture, at another of its points by settings."""
    return api.load_architecture(PUBLISHED / file, settings)


def product(inputs: NDArray[np.uint8], outputs: int, input_bits: int, weight_bits: int) -> Trace:
    """One product of a vector and a matrix of drawn weights in the layer `array`, and a small layer that decides."""
    values = _drawn((1, 1, len(inputs), outputs), weight_bits)
    neuron = Neuron(1, 0, np.full(outputs, 64, np.int64), "soft", 0, 24, 0)
    decides = StoredWeights(np.ones((1, 1, outputs, 2), np.int8), weight_bits, np.ones(2, np.float32))
    network = Network(
        (
            Input("input", (), (1, 1, len(inputs)), input_bits),
            Linear("array", ("input",), (1, 1, outputs), values, None, neuron),
            Linear("decision", ("array",), (1, 1, 2), decides, None, None),
        )
    )
    return make.direct(network, inputs.reshape(1, 1, 1, -1), [0], 1, name="product", dataset="drawn", licence="CC0-1.0")


def _drawn(shape: tuple[int, int, int, int], bits: int) -> StoredWeights:
    half = 1 << (bits - 1)
    values = np.random.default_rng(_SEED).integers(-half, half, shape, dtype=np.int8)
    return StoredWeights(2 * values + 1 if bits == 1 else values, bits, np.ones(shape[-1], np.float32))  # 1 b: -1 and 1


def lstm(features: int, hidden: int, elements: int) -> SequenceTrace:
    """A cell whose weights are 0, so that registers hold any sum; an ordinary LSTM multiplies them all the same."""
    nothing = np.zeros(hidden, np.int32)
    spiking = GateUnits("spike", nothing, np.ones(hidden, np.int64), 1, 0, "hard", 8, 0, 0, 0)
    valued = GateUnits("multi_bit", nothing, np.zeros(hidden, np.int64), 1, 0, "hard", 8, 0, 0, 0)
    units = {name: spiking if name in ("output", "cell") else valued for name in NEURONS}
    from_inputs, from_hidden = (np.zeros((4, width, hidden), np.int8) for width in (features, hidden))
    layer = LstmLayer("cell", from_inputs, from_hidden, 8, units, fraction_bits=4, state_bits=16)
    readout = Readout(np.zeros((hidden, 2), np.int8), np.zeros(2, np.int32), 8, "last")
    network = SequenceNetwork(elements, features, 8, (layer,), readout, membrane_carry=False, state_per_step=True)
    values = np.zeros((1, elements, features), np.int8)
    return make.sequence(network, values, [0], 1, name="lstm", dataset="drawn", licence="CC0-1.0")


@cache
def spiking_core() -> PlasticTrace:
    """Two samples to learn from and two to decide on: 256 pixels, three of ten on, on 256 neurons, 48 steps each.

    Potentials stay within 8 bits.  Sizes are those of ODIN and ReckOn; activity is our choice.
    """
    random = np.random.default_rng(_SEED)
    parts = [
        ((random.integers(1, 256, (2, 256)) * (random.random((2, 256)) < 0.3)).astype(np.uint8), np.arange(2))
        for _ in ("train", "test")
    ]
    return make.plastic(_core_network(), *parts, name="256 on 256", dataset="drawn", licence="CC0-1.0")


def _core_network() -> PlasticNetwork:
    inhibiting = InhibitoryNeurons(drive_mv=7.5, leak=60_000, v_threshold_mv=7.0, v_reset_mv=1.0, refractory_steps=1)
    return PlasticNetwork(
        256,
        PoissonInput(120_000, dt_us=1000, present_steps=40, rest_steps=8, fewest_spikes=3, most_repeats=2),
        ExcitatoryNeurons(
            count=256,
            leak=64_000,
            v_threshold_mv=12.0,
            v_reset_mv=1.5,
            v_lowest_mv=-8.0,
            refractory_steps=2,
            theta_plus_mv=0.5,
            theta_leak=65_400,
            one_winner=False,
        ),
        Inhibition("direct", strength_mv=4.25, delay_steps=0, neurons=inhibiting),
        Stdp(
            rule="pairwise",
            potentiation=90_000,
            depression=30_000,
            pre_leak=60_000,
            post_leak=58_000,
            w_highest=1.0,
            weight_sum=8.0,
            initial_highest=0.7,
            window_steps=6,
            spikes_per_factor=2,
        ),
        None,
        seed=11,
    )


def simulated(
    file: str,
    trace: Trace | PlasticTrace | SequenceTrace,
    settings: Sequence[str] = (),
    baselines: Sequence[BaselineKind] = (),
) -> Report:
    """What hwsim says of a chip on a trace, or on the same network without spikes."""
    return api.simulate(design(file, settings), trace, accuracy_samples=0, baselines=baselines)
