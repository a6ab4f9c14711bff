"""Exact products of layers by matrices of floats, where activations are not nearly all zero.

A float holds every integer up to 2^24, or 2^53, and sums of products stay whole in any order as long as none of them
leaves that range; which of both holds all partial sums follows from a layer's weights and its largest input.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.direct.products import ExactProducts
from hwsim.traces.network.layers import Conv2d, Linear, Network
from hwsim.traces.network.ranges import sum_range
from hwsim.traces.network.weights import weights_of

_WHOLE_IN_SINGLE = 1 << 24
_SPARSE = 1 / 4
"""Share of activations that are not zero below which going through them one by one is faster; measured, our choice."""
_COLUMN_BYTES = 8 << 20
"""Of the windows that are laid out at once: they stay in a processor's cache."""


class DenseProducts:
    """`hwsim.traces.direct.products.Products` of a network; what they give is what `ExactProducts` gives."""

    varying = False

    def __init__(self, network: Network) -> None:
        self._one_by_one = ExactProducts(network)
        self._weights = {layer.name: _matrices(network, layer) for layer in network.weighted()}

    def __call__(
        self, layer: Conv2d | Linear, activations: NDArray[np.int32], first_sample: int, timestep: int
    ) -> NDArray[np.int32]:
        """Currents int32 [sample, y, x, channel] of a layer from its activations of that form."""
        if np.count_nonzero(activations) < _SPARSE * activations.size:
            return self._one_by_one(layer, activations, first_sample, timestep)
        currents = np.empty((len(activations), *layer.shape), np.int32)
        matrices = self._weights[layer.name]
        n_rows, n_taps = layer.shape[0] * layer.shape[1], matrices.shape[1]
        at_once = max(1, _COLUMN_BYTES // (n_rows * n_taps * len(matrices) * matrices.itemsize))
        for start in range(0, len(activations), at_once):
            part = activations[start : start + at_once].astype(matrices.dtype)
            currents[start : start + at_once] = _products(layer, part, matrices)
        return currents


def _matrices(network: Network, layer: Conv2d | Linear) -> NDArray[Any]:
    """Weights [group, tap x channel_in, channel_out] in the narrowest float that holds all their sums."""
    least, most = sum_range(layer, *reversed(network.values(layer.inputs[0])))
    kind = np.float32 if max(-least, most) < _WHOLE_IN_SINGLE else np.float64
    groups = layer.groups if isinstance(layer, Conv2d) else 1
    weights = weights_of(layer)
    apart = weights.reshape(-1, groups, weights.shape[3] // groups)
    return np.ascontiguousarray(apart.transpose(1, 0, 2), kind)


def _products(layer: Conv2d | Linear, x: NDArray[Any], matrices: NDArray[Any]) -> NDArray[Any]:
    n_groups, _, per_out = matrices.shape
    columns = _columns(layer, x, n_groups)
    by_group = np.matmul(columns, matrices)  # [group, row, channel]
    found: NDArray[Any] = by_group.transpose(1, 0, 2).reshape(len(x), *layer.shape[:2], n_groups * per_out)
    return found


def _columns(layer: Conv2d | Linear, x: NDArray[Any], n_groups: int) -> NDArray[Any]:
    """What every window holds: [group, sample x y x x, tap x channel]."""
    if isinstance(layer, Linear):
        return x.reshape(1, len(x), -1)
    rows, across, _ = layer.shape
    columns = np.empty((n_groups, len(x), rows, across, layer.window.taps, x.shape[3] // n_groups), x.dtype)
    for tap, view in enumerate(layer.window.views(x, (rows, across))):
        columns[..., tap, :] = np.moveaxis(view.reshape(*view.shape[:3], n_groups, -1), 3, 0)
    return columns.reshape(n_groups, len(x) * rows * across, -1)
