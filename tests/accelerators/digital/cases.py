"""What tests of the digital machine share: specifications with any option changed, and a twin of its counts."""

from __future__ import annotations

from functools import cache

import numpy as np
from accelerators.imc import cases
from accelerators.imc.reference import is_direct, read_by

from hwsim import api
from hwsim.accelerators.digital import Machine
from hwsim.traces.network.layers import Conv2d, Linear

NETWORKS = (cases.convolutions, cases.residuals, cases.flattened_input, cases.binary, cases.wide, cases.arranged)


@cache
def shipped(name="digital"):
    return api.load_architecture(name).spec


def variant(name="digital", **changes):
    """A shipped machine with other values, `__` for a dot: variant(array__rows=2); checked as a file would be."""
    values = shipped(name).model_dump()
    for key, value in changes.items():
        *path, last = key.split("__")
        place = values
        for step in path:
            place = place[step]
        place[last] = value
    return Machine.spec_type.model_validate(values)


def without_memory(**changes):
    """The shipped machine without scratchpads, buffer and DRAM: what is left is the array and what finishes sums."""
    return variant(**({"scratchpad": "none", "global_buffer": "none", "dram": "none"} | changes))


def geometry(layer):
    """Kernel, stride, padding, groups."""
    if isinstance(layer, Conv2d):
        return layer.kernel, layer.stride, layer.padding, layer.groups
    return 1, 1, 0, 1


def windows(trace, layer):
    """Inputs under the window of each output: {(y, x): int64 [sample, timestep, group, tap]}, zeros on the padding."""
    values = read_by(trace, layer)
    samples, steps, height, width, channels = values.shape
    kernel, stride, padding, groups = geometry(layer)
    padded = np.zeros((samples, steps, height + 2 * padding, width + 2 * padding, channels), np.int64)
    padded[:, :, padding : padding + height, padding : padding + width] = values
    found = {}
    for y in range(layer.shape[0]):
        for x in range(layer.shape[1]):
            part = padded[:, :, y * stride : y * stride + kernel, x * stride : x * stride + kernel]
            by_group = part.reshape(samples, steps, kernel * kernel, groups, channels // groups)
            found[y, x] = by_group.transpose(0, 1, 3, 2, 4).reshape(samples, steps, groups, -1)
    return found


def set_bits(values):
    """Number of ones in the binary digits of integers."""
    return np.vectorize(lambda value: bin(value).count("1"), otypes=[np.int64])(values)


def accumulates(trace, layer):
    """One a set bit of an input and a synapse it meets: int64 [sample, timestep], by brute force over outputs."""
    _, _, _, groups = geometry(layer)
    total = 0
    for seen in windows(trace, layer).values():
        total = total + set_bits(seen).sum(axis=(2, 3)) * (layer.shape[2] // groups)
    return total


def on_picture(network, layer):
    """Synapses of all outputs that do not meet padding, by brute force."""
    kernel, stride, padding, groups = geometry(layer)
    source = network[layer.inputs[0]].shape
    count = 0
    for y in range(layer.shape[0]):
        for x in range(layer.shape[1]):
            for ky in range(kernel):
                for kx in range(kernel):
                    iy, ix = y * stride - padding + ky, x * stride - padding + kx
                    count += 0 <= iy < source[0] and 0 <= ix < source[1]
    return count * source[2] // groups * layer.shape[2]


def dense(network, layer):
    """Dense operations of one pass, padding counted."""
    kernel, _, _, groups = geometry(layer)
    return kernel**2 * network[layer.inputs[0]].shape[2] // groups * layer.shape[0] * layer.shape[1] * layer.shape[2]


def weighted(network):
    return [layer for layer in network if isinstance(layer, Conv2d | Linear)]


def multiplies(network, layer):
    return is_direct(network, layer.inputs[0])
