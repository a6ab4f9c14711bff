"""The network with weights of other widths, as learned precision asks for: only for what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hwsim import arguments
from hwsim.errors import UsageError, guess
from hwsim.traces.direct.rate import RateTrace
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Conv2d, Linear, Network, StoredWeights, Weights
from hwsim.traces.network.weights import MOST_BITS, weight_range, weight_type


def with_bits(trace: Any, bits: Mapping[str, int]) -> Trace | RateTrace:
    """A trace whose layers have weights of so many bits, the same otherwise; those that are not named stay.

    Raises UsageError for layers without weights and for widths that there are not.
    """
    if not isinstance(trace, Trace | RateTrace):
        raise UsageError(f"weight_bits: wanted a network of layers, and this one is of coding {trace.coding}")
    names = [layer.name for layer in trace.network.weighted()]
    for name, wanted in bits.items():
        if name not in names:
            raise UsageError(f"weight_bits: no layer with weights is called '{name}'{guess(str(name), names)}")
        arguments.within(f"weight_bits, {name}", wanted, 1, MOST_BITS)
    layers = (
        replace(layer, weights=_as_wide(layer.weights, bits[layer.name]))
        if isinstance(layer, Conv2d | Linear) and layer.name in bits
        else layer
        for layer in trace.network
    )
    return replace(trace, network=Network(tuple(layers)), sha256="")


def _as_wide(weights: Weights, bits: int) -> Weights:
    """Weights of so many bits: of the same steps times a power of two, rounded, and signs alone of one bit."""
    if bits == weights.bits:
        return weights
    if not isinstance(weights, StoredWeights):
        return replace(weights, bits=bits)
    low, high = weight_range(bits)
    exact = weights.values.astype(np.float64) * 2.0 ** (bits - weights.bits)
    values = np.where(exact < 0, -1, 1) if bits == 1 else np.clip(np.rint(exact), low, high)
    scale = (weights.scale * np.float32(2.0 ** (weights.bits - bits))).astype(np.float32)
    return StoredWeights(values.astype(weight_type(bits)), bits, scale)
