"""Bit planes of any layer's activations equal integer arithmetic on the unpacked spikes, layer by layer."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernels.integers import unpack_integers
from traces.direct.networks import Sketch, met, networks, small_network, trace_of

from hwsim.errors import TraceError
from hwsim.traces import Add, Concat, Flatten, Input, Pool, Upsample, activation_planes, neuron_of
from hwsim.traces.network.ranges import signed_bits
from hwsim.traces.planes import unpack_channels


def unpacked(trace, layer):
    """The activation int64 [sample, timestep, y, x, channel] of a layer, from unpacked spikes and raw inputs."""
    n, t = trace.n_samples, trace.timesteps
    if neuron_of(layer) is not None:
        spikes = trace.spikes[layer.name]
        fired, *negative = (unpack_channels(w, layer.shape[2]).astype(np.int64) for w in spikes.arrays().values())
        return (fired * (1 - 2 * negative[0]) if negative else fired).reshape(n, t, *layer.shape)
    sources = [unpacked(trace, trace.network[name]) for name in layer.inputs]
    match layer:
        case Input():
            raw = trace.inputs.values[:n].astype(np.int64)
            return raw if layer.over_time else np.broadcast_to(raw[:, None], (n, t, *layer.shape))
        case Pool():
            pooled = np.zeros((n, t, *layer.shape), dtype=np.int64)
            for y, x in np.ndindex(layer.shape[:2]):
                rows, columns = (
                    [place for place in met(layer, axis, at) if 0 <= place < sources[0].shape[2 + axis]]
                    for axis, at in enumerate((y, x))
                )
                part = sources[0][:, :, rows][:, :, :, columns]
                pooled[:, :, y, x] = part.sum(axis=(2, 3)) if layer.kind == "avg" else part.max(axis=(2, 3))
            return pooled
        case Flatten():
            return sources[0].reshape(n, t, *layer.shape)
        case Concat():
            return np.concatenate(sources, axis=4)
        case Upsample():
            return np.kron(sources[0], np.ones((1, 1, *layer.factor, 1), np.int64))
        case Add():
            return sum(gain * source for gain, source in zip(layer.gains, sources, strict=True))


def agrees(trace, layer, samples=slice(None)):
    planes = activation_planes(trace, layer.name, samples)
    wanted = unpacked(trace, layer)[samples]
    positions = layer.shape[0] * layer.shape[1]
    assert planes.dtype == np.uint64
    low, high = trace.network.values(layer.name)
    assert planes.shape[0] == signed_bits(low, high)
    assert planes.shape[2] in (1, trace.timesteps)
    assert planes.shape[3:] == (positions, -(-layer.shape[2] // 64))
    integers = unpack_integers(planes, layer.shape[2])
    if low < 0:  # the highest digit is a sign
        integers = integers - (integers >> (len(planes) - 1) << len(planes))
    flat = wanted.reshape(*wanted.shape[:2], positions, layer.shape[2])
    assert np.array_equal(np.broadcast_to(integers, flat.shape), flat)
    if layer.shape[2] % 64:
        assert not (planes[..., -1] >> np.uint64(layer.shape[2] % 64)).any()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(networks(), st.integers(0, 100))
def test_planes_of_every_layer_of_any_network(network, seed):
    trace = trace_of(network, samples=2, timesteps=2, extra=1, seed=seed)
    for layer in network:
        if not network.gives_currents(layer.name):
            agrees(trace, layer)


@pytest.mark.parametrize("channels", [5, 63, 64, 65, 128, 200])
def test_flatten_leaves_no_gap_between_positions(channels):
    trace = trace_of(small_network(channels=channels), samples=2, timesteps=2)
    flat = next(layer for layer in trace.network if isinstance(layer, Flatten))
    assert activation_planes(trace, flat.name).shape[-1] == -(-9 * channels // 64)
    agrees(trace, flat)


def test_average_pools_of_pools_and_of_the_input():
    sketch = Sketch((8, 8, 3), bits=8)
    sketch.pool("avg", 2, 2)
    sketch.pool("avg", 2, 1)
    sketch.conv(70)
    sketch.pool("avg", 3, 3)
    sketch.flatten()
    sketch.linear(4, neuron=None)
    trace = trace_of(sketch.network())
    for layer in trace.network.layers[:-1]:
        agrees(trace, layer)
    assert activation_planes(trace, "pool1").shape[:3] == (
        10,
        3,
        1,
    )  # 4 * 255 needs 10 bits; the same at every timestep
    assert activation_planes(trace, "pool4").shape[:3] == (4, 3, 3)


@pytest.mark.parametrize("samples", [slice(0, 1), slice(1, None), slice(-1, None), slice(None, None, 2), slice(0, 99)])
def test_samples_count_in_the_recorded_ones(samples):
    trace = trace_of(small_network(), samples=3, extra=4)
    for layer in trace.network:
        if not trace.network.gives_currents(layer.name):
            agrees(trace, layer, samples)


def test_planes_cannot_be_written_to():
    trace = trace_of(small_network())
    for name in ("input", "conv1", "pool2", "flatten6"):
        with pytest.raises(ValueError, match="read-only"):
            activation_planes(trace, name)[:] = 0
    assert trace.spikes["conv1"].words.flags.writeable


def test_layers_without_activations_are_refused():
    trace = trace_of(small_network())
    with pytest.raises(TraceError, match="layer 'conv4': wanted activations, found a layer that gives currents"):
        activation_planes(trace, "conv4")
    with pytest.raises(TraceError, match="layer 'input': wanted raw inputs of the recorded samples"):
        activation_planes(dataclasses.replace(trace, inputs=None), "input")
