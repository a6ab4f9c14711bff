"""What a trained spiking network did on some samples: the value that machines are driven by; it knows no hardware."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.network import Network, Shape

MAX_TIMESTEPS = 4096
MAX_SAMPLES = 2**31 - 1


@dataclass(frozen=True, slots=True)
class PackedSpikes:
    """Spikes of one layer, bit-packed along channels.

    `words` is uint64 [sample, timestep, position, word]: position = y * width + x, channel c is bit `c % 64` of word
    `c // 64`, bits past the last channel are zero.
    """

    words: NDArray[np.uint64]
    shape: Shape


@dataclass(frozen=True, slots=True)
class Inputs:
    """Raw samples; the first ones are those whose spikes are recorded."""

    values: NDArray[np.uint8]  # [sample, height, width, channel]
    labels: NDArray[np.int64]  # [sample]
    sample_ids: NDArray[np.int64]  # index of each in its data set's split


@dataclass(frozen=True, slots=True)
class Logits:
    """Integer logits of every timestep, not accumulated, of a set of samples, perhaps larger than the recorded one."""

    values: NDArray[np.int32]  # [sample, timestep, class]
    scale: float  # real logit = values * scale
    labels: NDArray[np.int64]  # [sample]
    sample_ids: NDArray[np.int64]  # [sample]
    split: str  # data set split the ids count in: "test", "train"

    def accumulated(self) -> NDArray[np.int64]:
        """Logits summed over timesteps up to and including each: int64 [sample, timestep, class]."""
        return np.cumsum(self.values, axis=1, dtype=np.int64)

    def accuracy(self) -> NDArray[np.float64]:
        """Fraction right at every timestep, from the accumulated logits (ties go to the lower class): [timestep]."""
        right = self.accumulated().argmax(axis=2) == self.labels[:, None]
        return np.asarray(right.mean(axis=0), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The arguments from which a synthetic trace is drawn again, bit for bit (see `hwsim.traces.synth`)."""

    geometry: str
    timesteps: int
    samples: int
    rates: Mapping[str, float]  # per layer: probability of a spike, or of a set bit in the raw input
    seed: int
    steady: bool


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a trace comes from; every field is shown by `hwsim trace info`."""

    name: str
    dataset: str
    split: str
    licence: str
    framework: str
    command: str
    seed: int
    synthetic: bool
    accuracy: tuple[float, ...]  # recorded fraction right at T = 1, 2, ...; empty for synthetic traces
    float_accuracy: tuple[float, ...] = ()  # of the network before quantisation
    notes: str = ""
    recipe: Recipe | None = None  # of synthetic traces that this program can draw again


class AnyTrace(Protocol):
    """What traces of every coding have."""

    @property
    def timesteps(self) -> int:
        """Timesteps of the network."""

    @property
    def n_samples(self) -> int:
        """How many samples have recorded spikes."""

    @property
    def provenance(self) -> Provenance:
        """Where it comes from."""

    @property
    def sha256(self) -> str:
        """Digest of the file it was read from."""

    def spike_rates(self) -> Mapping[str, float]:
        """Spikes per neuron per timestep of every layer."""

    def accuracy_by_timestep(self) -> list[float]:
        """Fraction right after each timestep; empty where nobody knows."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A direct-coded network, what it did, and where that was recorded."""

    network: Network
    timesteps: int
    spikes: Mapping[str, PackedSpikes]  # per spiking layer
    inputs: Inputs | None  # None only for synthetic traces without raw samples
    logits: Mapping[
        str, Logits
    ]  # "recorded": the samples with spikes; "test", "calibration": larger sets, where present
    provenance: Provenance
    sha256: str = ""  # of the file it was read from

    @property
    def n_samples(self) -> int:
        """How many samples have recorded spikes."""
        return int(next(iter(self.spikes.values())).words.shape[0])

    def spike_rate(self, layer: str) -> float:
        """Spikes per neuron per timestep of one layer."""
        packed = self.spikes[layer]
        n_slots = math.prod(packed.words.shape[:2]) * math.prod(packed.shape)
        return int(np.bitwise_count(packed.words).sum(dtype=np.int64)) / n_slots

    def spike_rates(self) -> Mapping[str, float]:
        """Spikes per neuron per timestep of every spiking layer."""
        return {name: self.spike_rate(name) for name in self.spikes}

    def static_accuracy(self) -> tuple[float | None, int]:
        """Fraction right after all timesteps on the largest set of logits, None if unknown; and that set's size."""
        for name in ("test", "recorded"):
            if name in self.logits and not self.provenance.synthetic:
                logits = self.logits[name]
                return float(logits.accuracy()[-1]), logits.labels.size
        return None, self.n_samples

    def accuracy_by_timestep(self) -> list[float]:
        """Fraction right after each timestep on the largest set of logits; empty for synthetic traces."""
        if self.provenance.synthetic or not self.logits:
            return []
        logits = self.logits.get("test", next(iter(self.logits.values())))
        return [float(a) for a in logits.accuracy()]
