"""Memory that a network takes by its geometry alone: at least so much, known before any of it is asked for.

A file of a few kilobytes can describe layers of billions of values, since what pools, adds or is summed without firing
is not stored.
"""

from __future__ import annotations

import math

from hwsim.traces.network.geometry import n_words, window
from hwsim.traces.network.layers import Conv2d, Linear, Network, Pool, SeededWeights, neuron_of

_SAMPLES_AT_ONCE = 64
_PLACE_BYTES = 24  # of a place under a window: its number, that of its tile, and a sorted copy
_VIEW_BYTES = 160  # of a place of a pool's window, which is a view of the whole map
_JOB_BYTES = 32  # service, waiting and labels of a job


def executed_bytes(network: Network, samples: int, timesteps: int) -> int:
    """To run a network on raw inputs: what all layers pass on, membranes, weights, and packed spikes of all samples."""
    at_once = min(samples, _SAMPLES_AT_ONCE)
    total = 0
    for layer in network:
        n_outputs, fires = math.prod(layer.shape), neuron_of(layer) is not None
        total += at_once * n_outputs * (12 if fires else 4)
        if fires:
            total += samples * timesteps * _packed_bytes(layer.shape)
        if isinstance(layer, Conv2d | Linear) and isinstance(layer.weights, SeededWeights):
            total += math.prod(layer.weights.shape)
    return total


def played_bytes(network: Network, timesteps: int) -> int:
    """To play one sample on a machine: the largest of what one layer needs, and the jobs of all."""
    jobs = sum(layer.shape[0] for layer in network) * timesteps * _JOB_BYTES
    largest = 0
    for layer in network:
        height, width, _ = layer.shape
        taps = window(layer).taps
        places = height * width * taps * _PLACE_BYTES if isinstance(layer, Conv2d | Pool) else 0
        views = taps * _VIEW_BYTES if isinstance(layer, Pool) else 0
        known = neuron_of(layer) is not None or network.gives_currents(layer.name) or layer.name == network.input.name
        planes = 0 if known else network.max_value(layer.name).bit_length() * _packed_bytes(layer.shape)
        largest = max(largest, places, views, planes)
    return jobs + largest


def _packed_bytes(shape: tuple[int, int, int]) -> int:
    return shape[0] * shape[1] * n_words(shape[2]) * 8
