"""A direct-coded network and the spikes it gave on some samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from hwsim.kept import Keeps
from hwsim.traces.network.layers import Network
from hwsim.traces.provenance import Provenance
from hwsim.traces.trace import Inputs, Logits, PackedSpikes, in_a_line


@dataclass(frozen=True, slots=True)
class Trace(Keeps):
    """A direct-coded network, what it did, and where that was recorded."""

    coding: ClassVar = "direct"

    network: Network
    timesteps: int
    spikes: Mapping[str, PackedSpikes]  # per spiking layer
    inputs: Inputs | None  # None only for synthetic traces without raw samples
    logits: Mapping[
        str, Logits
    ]  # "recorded": the samples with spikes; "test", "calibration": larger sets, where present
    provenance: Provenance
    sha256: str = ""  # of the file it was read from

    def __repr__(self) -> str:
        """What it is of, in one line."""
        return in_a_line(self)

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

    def with_inputs(self, samples: int) -> Trace:
        """The same with only the first raw inputs, and no more recorded samples than those."""
        if self.inputs is None:
            return self
        values, labels, ids = (getattr(self.inputs, name)[:samples] for name in ("values", "labels", "sample_ids"))
        recorded = {name: packed.first(samples) for name, packed in self.spikes.items()}
        return replace(self, inputs=Inputs(values, labels, ids), spikes=recorded)

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


@dataclass(frozen=True, slots=True, weakref_slot=False, repr=False)
class EventTrace(Trace):
    """A network whose input changes from timestep to timestep: `inputs.values` [sample, timestep, y, x, channel]."""

    coding: ClassVar = "events"
