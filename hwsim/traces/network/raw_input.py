"""Raw inputs: their range, and which layers follow from them alone, so that they are the same at every timestep."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.network.layers import Conv2d, Input, Layer, Linear, Network


def beyond(values: NDArray[np.integer[Any]], source: Input) -> int | None:
    """The largest or the least of raw values if an input layer has none such."""
    low, high = int(values.min()), int(values.max())
    least, largest = source.values
    return high if high > largest else low if low < least else None


def follows_input(network: Network, name: str) -> bool:
    """Whether a layer is the input, perhaps flattened, pooled or added, with no weights and no neuron in between."""
    return name in network.following_input


def multiplies_input(network: Network, layer: Layer) -> bool:
    """Whether a layer has weights and multiplies them with what follows from the raw input alone."""
    return isinstance(layer, Conv2d | Linear) and follows_input(network, layer.inputs[0])
