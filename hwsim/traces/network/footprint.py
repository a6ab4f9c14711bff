"""Memory that a network takes by its geometry alone: at least so much, known before any of it is asked for.

A file of a few kilobytes can describe layers of billions of values, since what pools, adds or is summed without firing
is not stored.
"""

from __future__ import annotations

import math

from hwsim.kept import kept_with
from hwsim.traces.network.geometry import input_shape, n_words, window
from hwsim.traces.network.layers import Conv2d, Layer, Linear, Network, Pool, SeededWeights, neuron_of

_SAMPLES_AT_ONCE = 64
_PLACE_BYTES = 24  # of a place under a window: its number, that of its tile, and a sorted copy
_VIEW_BYTES = 160  # of a place of a pool's window, which is a view of the whole map
_FRAME_BYTES = 48  # of a place of a map that is written down with padding: counts of its windows
_JOB_BYTES = 32  # service, waiting and labels of a job


def executed_bytes(network: Network, samples: int, timesteps: int) -> int:
    """To run a network on raw inputs: what all layers pass on, membranes, weights, and packed spikes of all samples."""
    at_once = min(samples, _SAMPLES_AT_ONCE)
    total = 0
    for layer in network:
        n_outputs, fires = math.prod(layer.shape), neuron_of(layer) is not None
        total += at_once * n_outputs * (12 if fires else 4)
        total += 4 * at_once * _framed_places(layer, network) * _channels_read(layer, network)
        if fires:
            total += samples * timesteps * _packed_bytes(layer.shape) * spike_bits(layer)
        if isinstance(layer, Conv2d | Linear) and isinstance(layer.weights, SeededWeights):
            total += math.prod(layer.weights.shape)
    return total


def played_bytes(network: Network, timesteps: int) -> int:
    """To play one sample on a machine: the largest of what one layer needs, and the jobs of all."""
    return kept_with(network).once(("played bytes", timesteps), lambda: _played_bytes(network, timesteps))


def _played_bytes(network: Network, timesteps: int) -> int:
    jobs = sum(layer.shape[0] for layer in network) * timesteps * _JOB_BYTES
    largest = 0
    for layer in network:
        height, width, _ = layer.shape
        taps = window(layer).taps
        places = height * width * taps * _PLACE_BYTES if isinstance(layer, Conv2d | Pool) else 0
        views = taps * _VIEW_BYTES if isinstance(layer, Pool) else 0
        known = neuron_of(layer) is not None or network.gives_currents(layer.name) or layer.name == network.input.name
        planes = 0 if known else network.bits(layer.name) * _packed_bytes(layer.shape)
        framed = _framed_places(layer, network) * (_FRAME_BYTES + 8 * n_words(_channels_read(layer, network)))
        largest = max(largest, places, views, planes, framed)
    return jobs + largest


def _framed_places(layer: Layer, network: Network) -> int:
    """Places of the map that a layer reads where it is far larger with padding and what it is spread by, else 0."""
    moves = window(layer)
    if moves.spread == moves.dilation == (1, 1) and not (isinstance(layer, Pool) and any(moves.padding)):
        return 0
    return math.prod(moves.framed_size(*input_shape(layer, network)[:2]))


def _channels_read(layer: Layer, network: Network) -> int:
    return network[layer.inputs[0]].shape[2] if layer.inputs else 0


def spike_bits(layer: Layer) -> int:
    """Bits of what a neuron gives at a timestep: one more of signed spikes."""
    neuron = neuron_of(layer)
    return 1 if neuron is None else 1 + neuron.signed


def _packed_bytes(shape: tuple[int, int, int]) -> int:
    return shape[0] * shape[1] * n_words(shape[2]) * 8
