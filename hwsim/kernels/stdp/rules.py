"""State, rules and outcome of the learning kernels as they pass them."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Number: TypeAlias = Any
"""An integer or a float32: which of them, the format decides."""
Numbers: TypeAlias = NDArray[Any]
"""int32 or float32, likewise."""
Count: TypeAlias = int | np.int64
"""A count that a kernel passes to another: as a literal it would have that compiled once more."""

TRUNCATE, NEAREST, STOCHASTIC = 0, 1, 2
FACTOR_BITS = 16
"""Leaks and the factors of a normalisation are multiples of 2**-FACTOR_BITS."""
RATE_BITS = 20
"""Learning rates are multiples of 2**-RATE_BITS."""

WEIGHTS_HIGH, WEIGHTS_LOW, MEMBRANES_HIGH, MEMBRANES_LOW, THETA_HIGH, POTENTIATED, DEPRESSED = range(7)
"""What is counted: values held at a limit, and weight updates whose amount is not zero."""
N_COUNTED = 7

(
    INPUT_SPIKES,
    OUTPUT_SPIKES,
    INHIBITING,
    DEPRESSED_PIXELS,
    DEPRESSED_NEURONS,
    POTENTIATED_NEURONS,
    POTENTIATED_PIXELS,
    CONFLICT,
) = range(8)
"""What happens in a step: pixels and neurons that fire; spikes whose inhibition arrives; depression visits its pixels
times its neurons, potentiation likewise, of traces that are not zero; and whether a pixel that fires has a weight that
learning visited in the step before."""
N_ACTIVITY = 8


class Firing(NamedTuple):
    """How excitatory neurons fire; numbers in the units of the membranes."""

    v_threshold: Number
    v_reset: Number
    v_lowest: Number
    v_highest: Number
    theta_plus: Number
    theta_highest: Number
    refractory: int  # steps
    one_winner: bool


class Inhibiting(NamedTuple):
    """How neurons hold each other down; numbers in the units of the membranes."""

    strength: Number
    delay: int  # steps
    layer: bool  # by inhibitory neurons, each driven by an excitatory one; else the excitatory ones do it themselves
    drive: Number
    v_threshold: Number
    v_reset: Number
    refractory: int  # steps


class Membranes(NamedTuple):
    """State of neurons, [neuron] each; `u` is of inhibitory ones."""

    v: Numbers
    theta: Numbers
    refractory: NDArray[np.int32]  # steps left
    spikes: NDArray[np.int32]  # since the presentation began
    u: Numbers
    u_refractory: NDArray[np.int32]


class Synapses(NamedTuple):
    """Weights uint16 or float32 [pixel, neuron], and traces, zero at first."""

    weights: NDArray[np.uint16] | NDArray[np.float32]
    pre: Numbers  # [pixel]
    post: Numbers  # [neuron]
    visited: NDArray[np.uint8]  # [pixel], whether learning visited its weights in the last step; zero at first


class Window(NamedTuple):
    """What fired in the present window, zero at first."""

    neurons: NDArray[np.uint8]  # [neuron], whether it did
    pixels: NDArray[np.uint8]  # [pixel]


class Steps(NamedTuple):
    """What a presentation does, step by step."""

    fired: NDArray[np.uint8]  # [step, neuron], whether it does
    sources: NDArray[np.uint8]  # [step, neuron], whether it inhibits the others: `fired`, or what a layer of them does
    sent: NDArray[np.int64]  # [step], how many inhibit
    activity: NDArray[np.int32]  # [step, N_ACTIVITY], zero at first


class Room(NamedTuple):
    """Arrays to work in, whatever they hold."""

    current: Numbers  # [neuron]
    traced: NDArray[np.int32]  # [neuron], those whose trace is not zero
    depressed: NDArray[np.int32]  # [neuron]
    deltas: NDArray[np.int64]  # [neuron]
    pixels: NDArray[np.int32]  # [pixel]


class Learning(NamedTuple):
    """How weights change; traces in the units of the traces, weights in those of the weights."""

    plastic: bool
    windowed: bool
    window: int  # steps
    spikes_per_factor: int
    potentiation: Number  # fixed point: in units of 2**-RATE_BITS
    depression: Number
    one: Number  # a trace just after a spike
    w_highest: Number


class Leaks(NamedTuple):
    """What a step leaves: numbers in units of 2**-FACTOR_BITS, or float32."""

    v: Number
    pre: Number
    post: Number
    u: Number


class Rounding(NamedTuple):
    """Rounding of weights, membranes, traces; bits to shift by; and streams for stochastic rounding."""

    weights: int
    membranes: int
    traces: int
    delta_shift: int  # learning rate times trace to weight, above 0
    current_shift: int  # weight to membrane
    keys: NDArray[np.uint64]  # [5]: weights, membranes, pre, post, inhibitory


class Core(NamedTuple):
    """Everything a presentation needs but its input and, in fixed point, the rounding."""

    synapses: Synapses
    membranes: Membranes
    window: Window
    room: Room
    learning: Learning
    firing: Firing
    inhibiting: Inhibiting
    leaks: Leaks
