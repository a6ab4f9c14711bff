"""What fired in a step and in an observation window, in integers or floats alike; it changes no weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.kernels.compiled import kernel
from hwsim.kernels.stdp.rules import (
    DEPRESSED_NEURONS,
    DEPRESSED_PIXELS,
    POTENTIATED_NEURONS,
    POTENTIATED_PIXELS,
    Count,
    Number,
    Numbers,
    Room,
    Window,
)


@kernel(allocates=False)
def conflicts(visited: NDArray[np.uint8], step_spikes: NDArray[np.int32]) -> bool:
    """Whether a pixel that fires has a weight that learning visited in the step before; forgets which did."""
    found = False
    for i in step_spikes:
        if visited[i]:
            found = True
    visited[:] = 0
    return found


@kernel(allocates=False)
def visit_depressed(
    visited: NDArray[np.uint8], pixels: NDArray[np.int32], neurons: Count, activity: NDArray[np.int32]
) -> None:
    """Note the weights of some pixels to a number of neurons for `activity` int32 [N_ACTIVITY]."""
    if neurons == 0 or pixels.size == 0:
        return
    activity[DEPRESSED_PIXELS] = pixels.size
    activity[DEPRESSED_NEURONS] = neurons
    for i in pixels:
        visited[i] = 1


@kernel(allocates=False)
def visit_potentiated(visited: NDArray[np.uint8], pre: Numbers, neurons: Count, activity: NDArray[np.int32]) -> None:
    """Note the weights of all pixels with a trace to a number of neurons for `activity` int32 [N_ACTIVITY]."""
    if neurons == 0:
        return
    count = 0
    for i in range(pre.size):
        if pre[i] > 0:
            visited[i] = 1
            count += 1
    if count:
        activity[POTENTIATED_NEURONS] = neurons
        activity[POTENTIATED_PIXELS] = count


@kernel(allocates=False)
def trace(post: Numbers, one: Number, fired: NDArray[np.uint8], traced: NDArray[np.int32], count: Count) -> Count:
    """Set traces of the neurons that fire, and list them after the first `count` that have one; how many have then."""
    for j in range(fired.size):
        if fired[j]:
            if post[j] == 0:
                traced[count] = j
                count += 1
            post[j] = one
    return count


@kernel(allocates=False)
def watch(window: Window, step_spikes: NDArray[np.int32], fired: NDArray[np.uint8]) -> None:
    """Note what fires in a step for its window."""
    for i in step_spikes:
        window.pixels[i] = 1
    for j in range(fired.size):
        window.neurons[j] |= fired[j]


@kernel(allocates=False)
def listed(window: Window, traced: NDArray[np.int32], room: Room) -> tuple[int, int]:
    """List the pixels that fired in the window, and the neurons with a trace that did not, in `room`; how many each."""
    pixels, neurons = 0, 0
    for i in range(window.pixels.size):
        room.pixels[pixels] = i
        pixels += 1 if window.pixels[i] else 0
    for j in traced:
        room.depressed[neurons] = j
        neurons += 0 if window.neurons[j] else 1
    return pixels, neurons


@kernel(allocates=False)
def forget(window: Window) -> None:
    """Begin another window."""
    window.neurons[:] = 0
    window.pixels[:] = 0


@kernel(allocates=False)
def most(spikes: NDArray[np.int32]) -> int:
    """The most spikes of a neuron."""
    highest = 0
    for count in spikes:
        highest = max(highest, count)
    return highest
