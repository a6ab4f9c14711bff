"""Firing with lateral inhibition, in integers or floats alike."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel

Number: TypeAlias = Any
"""An integer or a float32: which of them, the format decides."""


class Firing(NamedTuple):
    """How excitatory neurons fire; numbers in the units of the membranes."""

    v_threshold: Number
    v_reset: Number
    v_lowest: Number
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
    """State of neurons: int32 or float32 [neuron], refractory counts int32 [neuron]; `u` is of inhibitory ones."""

    v: NDArray[np.int32] | NDArray[np.float32]
    theta: NDArray[np.int32] | NDArray[np.float32]
    refractory: NDArray[np.int32]  # steps left
    u: NDArray[np.int32] | NDArray[np.float32]
    u_refractory: NDArray[np.int32]


@kernel
def fire(
    membranes: Membranes, rule: Firing, plastic: bool, fired: NDArray[np.uint8], saturated: NDArray[np.int64]
) -> int:
    """Let excitatory neurons fire; writes fired uint8 [neuron] and returns how many do.

    `saturated` int64 [2] counts in its second place adaptive thresholds held at theta_highest.
    """
    v, theta, refractory = membranes.v, membranes.theta, membranes.refractory
    count = 0
    for j in range(v.size):
        ready = refractory[j] == 0
        refractory[j] -= not ready
        fired[j] = ready & (v[j] >= rule.v_threshold + theta[j])
        count += 1 if fired[j] else 0
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
            if plastic:
                raised = theta[j] + rule.theta_plus
                saturated[1] += raised > rule.theta_highest
                theta[j] = min(raised, rule.theta_highest)
    return count


@kernel
def fire_inhibitory(
    membranes: Membranes, rule: Inhibiting, highest: Number, driven: NDArray[np.uint8], fired: NDArray[np.uint8]
) -> int:
    """Drive inhibitory neurons that are not refractory and let them fire; `u` has leaked before.

    `driven` and `fired` are uint8 [neuron].  Returns how many membranes were held at `highest`.
    """
    u, refractory = membranes.u, membranes.u_refractory
    held = 0
    for j in range(u.size):
        fired[j] = 0
        if refractory[j] > 0:
            refractory[j] -= 1
            continue
        if driven[j]:
            raised = u[j] + rule.drive
            held += raised > highest
            u[j] = min(raised, highest)
        if u[j] >= rule.v_threshold:
            fired[j] = 1
            u[j] = rule.v_reset
            refractory[j] = rule.refractory
    return held


@kernel
def inhibit(
    membranes: Membranes, strength: Number, lowest: Number, sources: NDArray[np.uint8], saturated: NDArray[np.int64]
) -> int:
    """Lower each potential for every other neuron in `sources` uint8 [neuron]; returns how many there are.

    `saturated` int64 [2] counts in its first place membranes held at `lowest`.
    """
    v, count = membranes.v, 0
    for j in range(v.size):
        count += 1 if sources[j] else 0
    if count == 0:
        return 0
    for j in range(v.size):
        others = count - 1 if sources[j] else count
        if others > 0:
            lowered = v[j] - strength * v.dtype.type(others)
            saturated[0] += lowered < lowest
            v[j] = max(lowered, lowest)
    return count
