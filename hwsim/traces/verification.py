"""The outcome of computing again what a trace records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.traces.trace import Logits


@dataclass(frozen=True, slots=True)
class Mismatch:
    """How many of `compared` values differ, and the indices of the first that does.

    `first` is (sample, timestep, y, x, channel) for spikes, (sample, timestep, class) for logits, where sample counts
    in the array, not in the data set; None if all agree.
    """

    compared: int
    differing: int
    first: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What was compared, by `execution` from raw inputs or by `regeneration` of a synthetic trace from its recipe.

    `arrays` has an entry per spiking layer ('conv1/spikes') and per set of logits ('logits/test'); a set that shares no
    sample with the raw inputs has none.  After regeneration it has one per array of the file, and 'manifest'
    for the rest.
    """

    method: Literal["execution", "regeneration"]
    samples: int
    arrays: Mapping[str, Mismatch]

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return not any(mismatch.differing for mismatch in self.arrays.values())


def compare(found: NDArray[Any], wanted: NDArray[Any]) -> Mismatch:
    """How many values differ, all of them where shapes do."""
    if found.shape != wanted.shape:
        return Mismatch(found.size, found.size, (0,) * found.ndim)
    differs = found != wanted
    count = int(np.count_nonzero(differs))
    first = tuple(int(i) for i in np.unravel_index(int(differs.argmax()), differs.shape)) if count else None
    return Mismatch(found.size, count, first)


def compare_shared(
    found: NDArray[Any], sample_ids: NDArray[np.int64], wanted: NDArray[Any], wanted_ids: NDArray[np.int64]
) -> Mismatch | None:
    """Compare the samples [sample, ...] that both have, by their ids [sample]; None if there is none."""
    row_of = {int(sample): row for row, sample in enumerate(wanted_ids)}
    shared = [(here, row_of[int(sample)]) for here, sample in enumerate(sample_ids) if int(sample) in row_of]
    if not shared:
        return None
    here, there = (np.array(rows) for rows in zip(*shared, strict=True))
    mismatch = compare(found[here], wanted[there])
    if mismatch.first is None:
        return mismatch
    return Mismatch(mismatch.compared, mismatch.differing, (int(here[mismatch.first[0]]), *mismatch.first[1:]))


def compare_logits(
    recorded: Mapping[str, Logits], split: str, wanted: NDArray[np.int32], wanted_ids: NDArray[np.int64]
) -> dict[str, Mismatch]:
    """Compare every set of logits of a split with those of the samples that were executed, where they share any."""
    found = {}
    for name, logits in recorded.items():
        # Sample ids mean something only within a split.
        if logits.split == split and (mismatch := compare_shared(logits.values, logits.sample_ids, wanted, wanted_ids)):
            found[f"logits/{name}"] = mismatch
    return found


def compare_redrawn(
    samples: int, found: Mapping[str, NDArray[Any]], again: Mapping[str, NDArray[Any]], same_record: bool
) -> Verification:
    """Compare the arrays of a trace with those drawn again; `same_record` says that the manifests are equal."""
    arrays = {name: compare(found[name], again[name]) for name in found if name in again}
    same = same_record and again.keys() == found.keys()
    arrays["manifest"] = Mismatch(1, int(not same), None if same else (0,))
    return Verification("regeneration", samples, arrays)
