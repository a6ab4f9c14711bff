"""Who multiplies activations with weights while a network is executed: exact integers, or another in their place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.golden import ConvShape, add_currents
from hwsim.traces.network.geometry import window
from hwsim.traces.network.layers import Conv2d, Layer, Linear
from hwsim.traces.network.weights import weights_of

Values = NDArray[np.int32]


class Products(Protocol):
    """Who multiplies in the place of exact arithmetic."""

    @property
    def varying(self) -> bool:
        """Whether the same activations may give other currents at another timestep."""

    def __call__(self, layer: Conv2d | Linear, activations: Values, first_sample: int, timestep: int) -> Values:
        """Currents int32 [sample, y, x, channel] of a layer, its bias not added, from its activations of that form."""


class ExactProducts:
    """Products in exact integers, of some layers."""

    varying = False

    def __init__(self, layers: Iterable[Layer]) -> None:
        self.weights = {layer.name: weights_of(layer) for layer in layers if isinstance(layer, Conv2d | Linear)}

    def __call__(self, layer: Conv2d | Linear, activations: Values, first_sample: int, timestep: int) -> Values:
        """Currents of one timestep, the same for every sample number and timestep."""
        moves, groups = window(layer), layer.groups if isinstance(layer, Conv2d) else 1
        shape = ConvShape(moves.kernel, moves.stride, moves.before, moves.dilation, groups)
        currents = np.zeros((len(activations), *layer.shape), dtype=np.int32)
        add_currents(np.ascontiguousarray(moves.spread_out(activations)), self.weights[layer.name], shape, currents)
        return currents
