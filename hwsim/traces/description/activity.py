"""How often neurons fire, counted from what is recorded, a few samples at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.description.parts import Activity

_WORDS_AT_ONCE = 1 << 21


def packed_activity(words: NDArray[np.uint64], shape: Sequence[int]) -> Activity:
    """Of spikes packed along the last axis, [sample, step, ..., word], of neurons of a shape."""
    samples, steps = words.shape[:2]
    counts = np.zeros(steps, np.int64)
    ever = np.zeros(words.shape[2:], np.uint64)
    always = ~ever
    for part in _parts(words):
        counts += np.bitwise_count(part).sum(axis=(0, *range(2, part.ndim)), dtype=np.int64)
        ever |= np.bitwise_or.reduce(part, axis=(0, 1))
        always &= np.bitwise_and.reduce(part, axis=(0, 1))
    neurons = int(np.prod(shape, dtype=np.int64))
    fired, throughout = (int(np.bitwise_count(found).sum(dtype=np.int64)) for found in (ever, always))
    return _activity(neurons, samples, counts, neurons - fired, throughout)


def stepwise_activity(spikes: Iterable[NDArray[Any]]) -> Activity:
    """Of spikes or small counts of each step [sample, ...], one place a neuron; several in a step count as so many."""
    counts, samples = list[int](), 0
    ever, always = np.zeros((), np.bool_), np.ones((), np.bool_)
    for values in spikes:
        counts.append(int(values.sum(dtype=np.int64)))
        ever, always = ever | values.any(axis=0), always & values.all(axis=0)
        samples = len(values)
    return _activity(ever.size, samples, np.array(counts), int((~ever).sum()), int(always.sum()))


def _parts(values: NDArray[np.uint64]) -> Iterator[NDArray[np.uint64]]:
    """Whole samples, so few that little is in memory beside what is mapped."""
    at_once = max(1, _WORDS_AT_ONCE // max(1, values[0].size))
    for start in range(0, len(values), at_once):
        yield values[start : start + at_once]


def _activity(neurons: int, samples: int, counts: NDArray[np.int64], dead: int, saturated: int) -> Activity:
    rate = int(counts.sum()) / (samples * len(counts) * neurons)
    return Activity(neurons, rate, counts / (samples * neurons), dead, saturated)
