"""Firing with lateral inhibition, in integers or floats alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.stdp.rules import (
    MEMBRANES_HIGH,
    MEMBRANES_LOW,
    THETA_HIGH,
    Count,
    Firing,
    Inhibiting,
    Membranes,
    Number,
)


@kernel(allocates=False)
def fire(
    membranes: Membranes, rule: Firing, plastic: bool, fired: NDArray[np.uint8], counted: NDArray[np.int64]
) -> int:
    """Let excitatory neurons fire; writes fired uint8 [neuron] and returns how many do."""
    v, theta, refractory = membranes.v, membranes.theta, membranes.refractory
    count = 0
    for j in range(v.size):
        ready = refractory[j] == 0
        fires = ready & (v[j] >= v.dtype.type(rule.v_threshold + theta[j]))
        refractory[j] -= not ready
        fired[j] = fires
        count += fires
    if count == 0:
        return 0
    if rule.one_winner:
        winner = -1
        for j in range(v.size):
            if fired[j] and (winner < 0 or v[j] - theta[j] > v[winner] - theta[winner]):
                winner = j
        fired[:] = 0
        fired[winner] = 1
        count = 1
    for j in range(v.size):
        if fired[j]:
            v[j] = rule.v_reset
            refractory[j] = rule.refractory
            membranes.spikes[j] += 1
            if plastic:
                raised = theta[j] + rule.theta_plus
                counted[THETA_HIGH] += raised > rule.theta_highest
                theta[j] = min(raised, rule.theta_highest)
    return count


@kernel(allocates=False)
def fire_inhibitory(
    membranes: Membranes,
    rule: Inhibiting,
    highest: Number,
    driven: NDArray[np.uint8],
    fired: NDArray[np.uint8],
    counted: NDArray[np.int64],
) -> int:
    """Drive inhibitory neurons that are not refractory and let them fire; `u` has leaked before.

    `driven` and `fired` are uint8 [neuron].  Returns how many fire.
    """
    u, refractory, count = membranes.u, membranes.u_refractory, 0
    for j in range(u.size):
        fired[j] = 0
        if refractory[j] > 0:
            refractory[j] -= 1
            continue
        if driven[j]:
            raised = u[j] + rule.drive
            counted[MEMBRANES_HIGH] += raised > highest
            u[j] = min(raised, highest)
        if u[j] >= rule.v_threshold:
            fired[j] = 1
            u[j] = rule.v_reset
            refractory[j] = rule.refractory
            count += 1
    return count


@kernel(allocates=False)
def inhibit(
    membranes: Membranes,
    strength: Number,
    lowest: Number,
    sources: NDArray[np.uint8],
    count: Count,
    counted: NDArray[np.int64],
) -> None:
    """Lower each potential for every other of the `count` neurons in `sources` uint8 [neuron]."""
    v = membranes.v
    for j in range(v.size):
        others = count - 1 if sources[j] else count
        if others > 0:
            lowered = v[j] - strength * v.dtype.type(others)
            counted[MEMBRANES_LOW] += lowered < lowest
            v[j] = max(lowered, lowest)
