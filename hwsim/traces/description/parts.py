"""What there is to say of a trace of any coding without running it: layers, sizes, how often neurons fire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.accuracy import fraction_error
from hwsim.traces.trace import Logits


@dataclass(frozen=True, slots=True)
class Activity:
    """How often the neurons of a layer fire, over the samples that are recorded."""

    neurons: int
    rate: float  # spikes per neuron and step; of neurons that fire at most once, the fraction that do
    by_step: NDArray[np.float64]  # spikes per neuron, at each step
    dead: int | None = None  # neurons that never fire; None where the trace does not say
    saturated: int | None = None  # neurons that fire at every step of every sample

    def in_bins(self, most: int) -> list[float]:
        """Spikes per neuron and step in n bins, n the steps or `most` of them: bin i begins at step i * steps // n."""
        steps = len(self.by_step)
        if not steps:
            return []
        begins = np.arange(min(most, steps), dtype=np.int64) * steps // min(most, steps)
        widths = np.diff(begins, append=steps)
        return [float(rate) for rate in np.add.reduceat(self.by_step, begins) / widths]


@dataclass(frozen=True, slots=True)
class LayerFigures:
    """One layer, or some neurons of one."""

    name: str
    kind: str
    shape: tuple[int, ...]  # height, width and channels, or as many axes as there are
    macs: int = 0  # dense products of one timestep
    weights: int = 0
    weight_bits: int = 0
    zero_weights: int | None = None  # None where they are drawn and not stored
    parameter_bytes: int = 0  # weights at their bits, other parameters as they are stored
    state_bytes: int = 0  # membranes and synaptic currents of one sample, at their bits
    activity: Activity | None = None


@dataclass(frozen=True, slots=True)
class SampleSet:
    """A set of samples with what the network answers."""

    name: str
    samples: int
    split: str
    accuracy: tuple[float, ...] = ()  # fraction right after each timestep; empty where nobody knows

    @property
    def standard_error(self) -> float | None:
        """Of the last accuracy."""
        return fraction_error(self.accuracy[-1], self.samples) if self.accuracy else None


@dataclass(frozen=True, slots=True)
class RawInputs:
    """Raw samples: each of `shape`, integers of `bits` bits, in two's complement if signed."""

    samples: int
    shape: tuple[int, ...]
    bits: int
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """All of a trace."""

    layers: tuple[LayerFigures, ...]
    sets: tuple[SampleSet, ...]
    inputs: RawInputs | None
    steps: str = "timestep"  # what `Activity.by_step` counts

    @property
    def judged(self) -> SampleSet | None:
        """The set that accuracy is reported on: `test`, or else the largest; None where none has an accuracy."""
        known = [found for found in self.sets if found.accuracy]
        return max(known, key=lambda found: (found.name == "test", found.samples), default=None)


def logit_sets(logits: Mapping[str, Logits], synthetic: bool) -> tuple[SampleSet, ...]:
    """Sets of logits; those of a synthetic trace have no accuracy."""
    return tuple(
        SampleSet(
            name,
            found.labels.size,
            found.split,
            () if synthetic else tuple(float(right) for right in found.accuracy()),
        )
        for name, found in logits.items()
    )
