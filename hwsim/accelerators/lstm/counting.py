"""How many spikes each cell step of a layer takes in and gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.sequence.trace import HIDDEN, LstmLayer, SequenceNetwork, SequenceTrace

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LayerSpikes:
    """Spikes of either sign: int64 [sample, element, timestep] each."""

    own: IntArray  # hidden spikes of the earlier step that a step reads
    below: IntArray | None  # of the layer before at the same step; None where a layer reads the raw input
    given: IntArray  # hidden spikes of the step itself


def count_layers(trace: SequenceTrace, samples: slice) -> list[LayerSpikes]:
    """Spikes of all layers, of some samples."""
    found: list[LayerSpikes] = []
    for layer in trace.network.layers:
        given = trace.spikes_of(layer, HIDDEN).counts()[samples]
        found.append(LayerSpikes(_before(trace.network, given), found[-1].given if found else None, given))
    return found


def _before(network: SequenceNetwork, given: IntArray) -> IntArray:
    """Those of the step that each step reads, none before the first."""
    before = np.zeros_like(given)
    if network.state_per_step:
        before[:, 1:] = given[:, :-1]
    else:
        before.reshape(len(given), -1)[:, 1:] = given.reshape(len(given), -1)[:, :-1]
    return before


def units_not_silent(trace: SequenceTrace, layer: LstmLayer, samples: slice) -> IntArray:
    """Hidden units that fire at an element in any timestep: int64 [sample, element, 1]."""
    words = trace.spikes_of(layer, HIDDEN).words[samples, :, :, 0]
    ever = np.bitwise_or.reduce(words, axis=2)
    return np.asarray(np.bitwise_count(ever).sum(axis=-1, dtype=np.int64))[:, :, None]
