"""What a trained spiking network did on some samples: the value that machines are driven by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.kept import Keeps
from hwsim.printable import shortened, so_many
from hwsim.traces.network.layers import Shape
from hwsim.traces.provenance import Provenance

MAX_TIMESTEPS = 4096
MAX_EVENT_TIMESTEPS = 100_000
"""Of inputs over time."""

MAX_SAMPLES = 2**31 - 1


RawValues = NDArray[np.integer[Any]]
"""Raw samples, uint8, int8, uint16 or int16 as the input layer says."""


@dataclass(frozen=True, slots=True)
class PackedSpikes:
    """Spikes of one layer, bit-packed along channels.

    `words` is uint64 [sample, timestep, position, word]: position = y * width + x, channel c is bit `c % 64` of word
    `c // 64`, bits past the last channel are zero.  Of signed spikes `negative` says likewise which of them are -1.
    """

    words: NDArray[np.uint64]
    shape: Shape
    negative: NDArray[np.uint64] | None = None

    @classmethod
    def joined(cls, parts: Sequence[PackedSpikes]) -> PackedSpikes:
        """Those of some samples after those of others."""
        return parts[0].each(lambda *words: np.concatenate(words), *parts[1:])

    def first(self, samples: int, timesteps: int | None = None) -> PackedSpikes:
        """Those of the first samples, and of the first timesteps."""
        return self.each(lambda words: words[:samples, :timesteps])

    def each(self, change: Callable[..., NDArray[np.uint64]], *others: PackedSpikes) -> PackedSpikes:
        """The same with its words, and likewise those of negative spikes, changed with those of others."""
        negative = None
        if self.negative is not None:
            negative = change(self.negative, *(other.negative for other in others))
        return PackedSpikes(change(self.words, *(other.words for other in others)), self.shape, negative)

    def planes(self, samples: slice) -> NDArray[np.uint64]:
        """Those of some samples as integers in one bit, or signed in two's complement: uint64 [plane, sample, ...]."""
        if self.negative is None:
            return self.words[samples][None]
        return np.stack([self.words[samples], self.negative[samples]])

    def arrays(self) -> dict[str, NDArray[np.uint64]]:
        """What a file holds of them, by field: words as they are here."""
        negative = {} if self.negative is None else {"negative": self.negative}
        return {"spikes": self.words, **negative}


@dataclass(frozen=True, slots=True)
class Inputs(Keeps):
    """Raw samples; the first ones are those whose spikes are recorded."""

    values: RawValues  # [sample, height, width, channel], or with [timestep] after the sample: over time
    labels: NDArray[np.int64]  # [sample]
    sample_ids: NDArray[np.int64]  # index of each in its data set's split


@dataclass(frozen=True)
class Logits:
    """Integer logits of every timestep, not accumulated, of a set of samples, perhaps larger than the recorded one."""

    values: NDArray[np.int32]  # [sample, timestep, class]
    scale: float  # real logit = values * scale
    labels: NDArray[np.int64]  # [sample]
    sample_ids: NDArray[np.int64]  # [sample]
    split: str  # data set split the ids count in: "test", "train"

    def accumulated(self) -> NDArray[np.int64]:
        """Logits summed over timesteps up to and including each: int64 [sample, timestep, class]."""
        return self._accumulated

    def accuracy(self) -> NDArray[np.float64]:
        """Fraction right at every timestep, from the accumulated logits (ties go to the lower class): [timestep]."""
        return self._accuracy

    def right(self) -> NDArray[np.bool_]:
        """Whether each sample would be decided rightly at each timestep: bool [sample, timestep]."""
        return self._right

    @cached_property
    def _accumulated(self) -> NDArray[np.int64]:
        return np.cumsum(self.values, axis=1, dtype=np.int64)

    @cached_property
    def _accuracy(self) -> NDArray[np.float64]:
        return np.asarray(self._right.mean(axis=0), dtype=np.float64)

    @cached_property
    def _right(self) -> NDArray[np.bool_]:
        return np.asarray(self._accumulated.argmax(axis=2) == self.labels[:, None])


class AnyTrace(Protocol):
    """What traces of every coding have."""

    coding: ClassVar[str]
    """Its name among `hwsim.traces.codings.CODINGS`."""

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


def in_a_line(trace: AnyTrace) -> str:
    """A trace as Python shows it, without its arrays."""
    name = shortened(trace.provenance.name)
    size = f"{so_many(trace.n_samples, 'sample')}, T = {trace.timesteps}"
    return f"<{type(trace).__name__} {name}: {size}, {trace.coding} coding>"


def count_of(what: str, wanted: int | None, available: int) -> int:
    """How many to keep, all unless asked for fewer; raises UsageError for more than there are, and for none."""
    if wanted is None:
        return available
    if not 1 <= wanted <= available:
        raise UsageError(f"{what}: must be between 1 and the trace's {available}, got {wanted}")
    return wanted
