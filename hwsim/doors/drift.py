"""What rounding to integers changed: spikes that differ from the float network's, by layer, and both accuracies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.traces.direct.golden import Execution
from hwsim.traces.planes import unpack_channels

WARNS, FAILS = 0.01, 0.05
"""Shares of all spikes from which on a drift is told, and refused unless it is allowed."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Differences to the float network on the same inputs."""

    differing: Mapping[str, float]  # layer -> spikes of either that the other has not, over the float network's
    overall: float
    accuracy: float
    float_accuracy: float

    def __str__(self) -> str:
        """One line."""
        right = f"right {100 * self.accuracy:.2f} %, in floats {100 * self.float_accuracy:.2f} %"
        if not any(self.differing.values()):
            return f"every spike is the float network's; {right}"
        worst = max(self.differing, key=lambda name: self.differing[name])
        layer = f", most in {worst} ({100 * self.differing[worst]:.2f} %)"
        return f"{100 * self.overall:.2f} % of the spikes differ from the float network's{layer}; {right}"


def drift_of(
    floats: Mapping[str, NDArray[np.int8]],
    float_logits: NDArray[np.float64],
    run: Execution,
    layer_of: Mapping[str, str],
    labels: NDArray[np.int64],
) -> Drift:
    """Compare spikes [sample, timestep, y, x, channel] by node, and decisions by summed logits."""
    counts = {}
    for name, wanted in floats.items():
        packed = run.spikes[layer_of[name]]
        fired, *negative = (
            unpack_channels(words[: len(wanted)], packed.shape[2]).reshape(wanted.shape).astype(np.int8)
            for words in packed.arrays().values()
        )
        found = fired - 2 * negative[0] if negative else fired
        counts[layer_of[name]] = int(np.count_nonzero(found != wanted)), int(np.count_nonzero(wanted))
    right, float_right = (
        float((each.sum(axis=1).argmax(axis=1) == labels[: len(each)]).mean())
        for each in (run.logits[: len(float_logits)], float_logits)
    )
    return drift_of_counts(counts, right, float_right)


def drift_of_counts(counts: Mapping[str, tuple[int, int]], accuracy: float, float_accuracy: float) -> Drift:
    """From spikes that differ, and those of the float network, by layer."""
    changed, fired = (sum(each[k] for each in counts.values()) for k in (0, 1))
    return Drift(
        {name: _share(*each) for name, each in counts.items()}, _share(changed, fired), accuracy, float_accuracy
    )


def _share(changed: int, fired: int) -> float:
    return changed / fired if fired else math.inf if changed else 0.0


def check_drift(drift: Drift, allowed: float | None) -> str:
    """What is to be told of a drift, empty where that is nothing.

    Raises TraceError for more than is allowed, 5 % unless something else is said.
    """
    most = FAILS if allowed is None else allowed
    if drift.overall > most:
        raise TraceError(f"drift: {drift}; more weight bits may help, or allow more: allow_drift is {most:g}")
    return str(drift) if drift.overall > WARNS else ""
