"""Compute-only energy of an ANN and of a direct-coded SNN, as the papers of this field count it.

    OP_l  = k^2 * Cin * Cout * Hout * Wout  or  Nin * Nout
    E_ANN = sum_l OP_l * E_MAC
    E_SNN = OP_1 * passes * E_MAC + sum_{l >= 2} rho_{l-1} * OP_l * E_AC

rho is spikes per neuron over all timesteps.  Memory, neurons and control are left out: `hwsim simulate` counts those.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from training.dietsnn.model import Geometry

KERNEL = 3


class OperationPrices(NamedTuple):
    """Energy of a multiply-accumulate and of an accumulate."""

    mac_pj: float
    ac_pj: float


PRICES = {"fp32": OperationPrices(4.6, 0.9), "int32": OperationPrices(3.2, 0.1)}
"""45 nm, Horowitz, ISSCC 2014: multiply 3.7 (float) or 3.1 (integer) plus add 0.9 or 0.1 pJ."""


def operation_counts(geometry: Geometry) -> list[int]:
    """OP_l of every layer with weights from input to output; padding counts as if it were data."""
    counts, n_in = [], geometry.image[2]
    for height, width, n_out in geometry.maps():
        counts.append(KERNEL * KERNEL * n_in * n_out * height * width)
        n_in = n_out
    hidden = geometry.channels[-1]
    return [*counts, geometry.n_flat() * hidden, hidden * geometry.n_classes]


def accumulates(counts: Sequence[int], spikes_per_neuron: Sequence[float]) -> float:
    """AC operations of an inference: every layer but the first, from spikes per neuron of the one before it."""
    return sum(rho * n for rho, n in zip(spikes_per_neuron, counts[1:], strict=True))


def ann_pj(counts: Sequence[int], prices: OperationPrices) -> float:
    """Energy of the dense ANN."""
    return sum(counts) * prices.mac_pj


def snn_pj(counts: Sequence[int], spikes_per_neuron: Sequence[float], passes: int, prices: OperationPrices) -> float:
    """Energy of the SNN; `passes`: how often the first layer is computed, once or at every timestep."""
    return counts[0] * passes * prices.mac_pj + accumulates(counts, spikes_per_neuron) * prices.ac_pj
