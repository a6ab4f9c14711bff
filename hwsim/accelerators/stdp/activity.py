"""What the steps of some samples do, as arrays by quantity, and what a core that skips nothing does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hwsim.contract.arrays import IntArray
from hwsim.kernels.stdp.rules import (
    CONFLICT,
    DEPRESSED_NEURONS,
    DEPRESSED_PIXELS,
    INHIBITING,
    INPUT_SPIKES,
    OUTPUT_SPIKES,
    POTENTIATED_NEURONS,
    POTENTIATED_PIXELS,
)
from hwsim.traces.plastic.trace import PlasticNetwork


@dataclass(frozen=True, slots=True)
class Activity:
    """Samples of one phase with the same number of presentations: int64 [sample, step of all presentations] each."""

    learns: bool
    presentations: int
    inputs: IntArray  # pixels that fire
    outputs: IntArray  # neurons that fire
    inhibiting: IntArray  # spikes whose inhibition arrives
    depressed_pixels: IntArray
    depressed_neurons: IntArray
    potentiated_neurons: IntArray
    potentiated_pixels: IntArray
    conflicts: NDArray[np.bool_]  # whether the input reads weights that the step before learns

    @property
    def n_samples(self) -> int:
        """How many samples."""
        return len(self.inputs)

    @property
    def steps(self) -> int:
        """Steps of all presentations of a sample."""
        return int(self.inputs.shape[1])

    @property
    def depressions(self) -> IntArray:
        """Weights that depression visits: [sample, step]."""
        return self.depressed_pixels * self.depressed_neurons

    @property
    def potentiations(self) -> IntArray:
        """Weights that potentiation visits: [sample, step]."""
        return self.potentiated_neurons * self.potentiated_pixels


def gather(activity: Sequence[NDArray[np.unsignedinteger]], presentations: int, learns: bool) -> Activity:
    """Samples' arrays [step, N_ACTIVITY] side by side."""
    columns = np.ascontiguousarray(np.moveaxis(np.stack(activity), 2, 0)).astype(np.int64)
    return Activity(
        learns=learns,
        presentations=presentations,
        inputs=columns[INPUT_SPIKES],
        outputs=columns[OUTPUT_SPIKES],
        inhibiting=columns[INHIBITING],
        depressed_pixels=columns[DEPRESSED_PIXELS],
        depressed_neurons=columns[DEPRESSED_NEURONS],
        potentiated_neurons=columns[POTENTIATED_NEURONS],
        potentiated_pixels=columns[POTENTIATED_PIXELS],
        conflicts=columns[CONFLICT] > 0,
    )


def without_skipping(found: Activity, network: PlasticNetwork) -> Activity:
    """The same steps on dense arrays: every pixel and neuron takes part, and learning sweeps all weights.

    A windowed rule sweeps at the end of each window, a pairwise one at every step.
    """
    pixels, neurons = (np.full_like(found.inputs, size) for size in (network.pixels, network.neurons.count))
    dense = replace(found, inputs=pixels, outputs=neurons, inhibiting=neurons)
    if not found.learns:
        return dense
    swept = _sweeps(found, network)
    before = np.concatenate([[0], swept[:-1]])
    return replace(
        dense,
        depressed_pixels=pixels * swept,
        depressed_neurons=neurons * swept,
        potentiated_neurons=neurons * swept,
        potentiated_pixels=pixels * swept,
        conflicts=np.broadcast_to(before > 0, found.conflicts.shape),
    )


def _sweeps(found: Activity, network: PlasticNetwork) -> IntArray:
    """1 at steps that learn: int64 [step]."""
    if network.stdp.rule == "pairwise":
        return np.ones(found.steps, np.int64)
    presentation = found.steps // found.presentations
    ends = (np.arange(found.steps) % presentation + 1) % network.stdp.window_steps == 0
    return np.asarray(ends, np.int64)
