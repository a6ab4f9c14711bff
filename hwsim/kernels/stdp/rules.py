"""State, rules and outcome of the learning kernels as they pass them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.stdp.neurons import Firing, Inhibiting, Membranes, Number

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


class Synapses(NamedTuple):
    """Weights uint16 or float32 [pixel, neuron], traces int32 or float32 [pixel] and [neuron], with room to work in."""

    weights: NDArray[np.uint16] | NDArray[np.float32]
    pre: NDArray[np.int32] | NDArray[np.float32]
    post: NDArray[np.int32] | NDArray[np.float32]
    current: NDArray[np.int32] | NDArray[np.float32]  # [neuron], overwritten
    window_spikes: NDArray[np.int32]  # [neuron], of the present window; zero before a presentation
    window_pixels: NDArray[np.uint8]  # [pixel], whether it fired in the present window; zero before a presentation
    all_spikes: NDArray[np.int32]  # [neuron], since the presentation began; zero before it
    visited: NDArray[np.uint8]  # [pixel], whether learning visited its weights in the last step; zero before


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
    delta_shift: int  # learning rate times trace to weight
    current_shift: int  # weight to membrane
    v_highest: int
    keys: NDArray[np.uint64]  # [5]: weights, membranes, pre, post, inhibitory


class Room(NamedTuple):
    """Room for a presentation, which leaves nothing of it."""

    held: NDArray[np.int64]  # [2] membranes and thresholds held at a limit
    sources: NDArray[np.uint8]  # [step, neuron] inhibitory neurons that fire
    pixels: NDArray[np.int32]  # [pixel] those that fired in a window


class Core(NamedTuple):
    """Everything a presentation needs but its input and, in fixed point, the rounding."""

    synapses: Synapses
    membranes: Membranes
    learning: Learning
    firing: Firing
    inhibiting: Inhibiting
    leaks: Leaks
