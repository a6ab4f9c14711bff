"""Firing with lateral inhibition, in integers or floats alike; it knows no synapses and no rounding."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Number: TypeAlias = Any
"""An integer or a float32: which of them, the format decides."""


class Firing(NamedTuple):
    """How neurons fire; numbers in the units of the membranes."""

    v_threshold: Number
    v_reset: Number
    v_lowest: Number
    inhibition: Number
    theta_plus: Number
    theta_highest: Number
    refractory: int  # steps
    one_winner: bool


class Membranes(NamedTuple):
    """State of neurons: int32 or float32 [neuron], refractory int32 [neuron]."""

    v: NDArray[np.int32] | NDArray[np.float32]
    theta: NDArray[np.int32] | NDArray[np.float32]
    refractory: NDArray[np.int32]  # steps left


@njit(cache=True)
def fire(
    membranes: Membranes, rule: Firing, plastic: bool, fired: NDArray[np.uint8], saturated: NDArray[np.int64]
) -> int:
    """Let neurons fire and inhibit each other; writes fired uint8 [neuron] and returns how many fired.

    `saturated` int64 [2] counts membranes held at v_lowest and adaptive thresholds held at theta_highest.
    """
    v, theta, refractory = membranes
    count, winner = 0, -1
    for j in range(v.size):
        fired[j] = 0
        if refractory[j] > 0:
            refractory[j] -= 1
        elif v[j] >= rule.v_threshold + theta[j]:
            fired[j] = 1
            count += 1
            if winner < 0 or v[j] - theta[j] > v[winner] - theta[winner]:
                winner = j
    if count == 0:
        return 0
    if rule.one_winner:
        fired[:] = 0
        fired[winner] = 1
        count = 1
    for j in range(v.size):
        others = count - np.int64(fired[j])
        if fired[j]:
            v[j] = rule.v_reset
            refractory[j] = rule.refractory
            if plastic:
                raised = theta[j] + rule.theta_plus
                saturated[1] += raised > rule.theta_highest
                theta[j] = min(raised, rule.theta_highest)
        if others > 0:
            lowered = v[j] - rule.inhibition * others
            saturated[0] += lowered < rule.v_lowest
            v[j] = max(lowered, rule.v_lowest)
    return count
