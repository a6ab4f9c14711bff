"""What tests of the digital machine share: specifications with any option changed, and a twin of its counts."""

from __future__ import annotations

from functools import cache

import numpy as np
from accelerators.imc import cases
from accelerators.imc.reference import is_direct, read_by
from traces.direct.networks import lies_between, met

from hwsim import api
from hwsim.accelerators.digital import Machine
from hwsim.traces.network.layers import Conv2d, Linear

NETWORKS = (*cases.WINDOWS, cases.flattened_input, cases.binary, cases.wide, cases.arranged)


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


def groups_of(layer):
    return layer.groups if isinstance(layer, Conv2d) else 1


def on_map(layer, source, y, x):
    """Places of a map of shape `source` that the window of an output meets: [(tap, row, column)]."""
    columns = met(layer, 1, x)
    taps = [(row, column) for row in met(layer, 0, y) for column in columns]
    return [
        (tap, row, column) for tap, (row, column) in enumerate(taps) if 0 <= row < source[0] and 0 <= column < source[1]
    ]


def windows(trace, layer):
    """Inputs under the window of each output: {(y, x): int64 [sample, timestep, group, tap]}, zeros on the padding."""
    values = read_by(trace, layer)
    samples, steps, *shape, channels = values.shape
    groups, found = groups_of(layer), {}
    for y, x in np.ndindex(layer.shape[:2]):
        seen = np.zeros((samples, steps, taps_of(layer), groups, channels // groups), np.int64)
        for tap, row, column in on_map(layer, shape, y, x):
            seen[:, :, tap] = values[:, :, row, column].reshape(samples, steps, groups, -1)
        found[y, x] = seen.transpose(0, 1, 3, 2, 4).reshape(samples, steps, groups, -1)
    return found


def taps_of(layer):
    return layer.window.kernel[0] * layer.window.kernel[1] if hasattr(layer, "window") else 1


def set_bits(values):
    """Number of ones in the binary digits of integers' magnitudes."""
    return np.vectorize(lambda value: bin(abs(value)).count("1"), otypes=[np.int64])(values)


def accumulates(trace, layer):
    """One a set bit of an input and a synapse it meets: int64 [sample, timestep], by brute force over outputs."""
    total = 0
    for seen in windows(trace, layer).values():
        total = total + set_bits(seen).sum(axis=(2, 3)) * (layer.shape[2] // groups_of(layer))
    return total


def on_picture(network, layer):
    """Synapses of all outputs that do not meet padding, by brute force."""
    source = network[layer.inputs[0]].shape
    count = sum(len(on_map(layer, source, y, x)) for y, x in np.ndindex(layer.shape[:2]))
    return count * source[2] // groups_of(layer) * layer.shape[2]


def asked(layer, y, x):
    """Taps of the window of an output that a map or its padding lies under, not what a map is spread by."""
    rows, columns = lies_between(layer, 0, y), lies_between(layer, 1, x)
    return {place for place in np.ndindex(len(rows), len(columns)) if not (rows[place[0]] or columns[place[1]])}


def dense(network, layer):
    """Dense operations of one pass, padding counted."""
    per_tap = network[layer.inputs[0]].shape[2] // groups_of(layer)
    return sum(len(asked(layer, y, x)) for y, x in np.ndindex(layer.shape[:2])) * per_tap * layer.shape[2]


def weighted(network):
    return [layer for layer in network if isinstance(layer, Conv2d | Linear)]


def multiplies(network, layer):
    return is_direct(network, layer.inputs[0])
