"""How many spikes each cell step of a layer takes in and gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwsim.contract.arrays import IntArray
from hwsim.traces.sequence.trace import HIDDEN, LstmLayer, SequenceTrace


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
        own = np.zeros_like(given)  # nothing before the first step
        if trace.network.state_per_step:
            own[:, 1:] = given[:, :-1]
        else:
            own.reshape(len(given), -1)[:, 1:] = given.reshape(len(given), -1)[:, :-1]
        found.append(LayerSpikes(own, found[-1].given if found else None, given))
    return found


def units_not_silent(trace: SequenceTrace, layer: LstmLayer, samples: slice) -> IntArray:
    """Hidden units that fire at an element in any timestep: int64 [sample, element, 1]."""
    words = trace.spikes_of(layer, HIDDEN).words[samples, :, :, 0]
    ever = np.bitwise_or.reduce(words, axis=2)
    return np.asarray(np.bitwise_count(ever).sum(axis=-1, dtype=np.int64))[:, :, None]
