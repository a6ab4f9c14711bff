"""Does a trace hold what its network really does: a second computation, compared bit for bit; it repairs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import TraceError
from hwsim.traces.manifest import trace_arrays, trace_record
from hwsim.traces.planes import unpack_channels
from hwsim.traces.trace import Inputs, Logits, PackedSpikes, Trace


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


def verify(trace: Trace) -> Verification:
    """Compute again what `trace` records and compare.

    A trace of a real network is executed from its raw inputs in golden integers; spikes and logits of the recorded
    samples are compared, and those of every set of logits of the same split whose samples have raw inputs.  A synthetic
    trace follows no dynamics and is drawn again from its recipe.  Raises TraceError if it can be neither.
    """
    if trace.provenance.recipe is not None:
        return _verify_recipe(trace)
    if trace.inputs is None:
        raise TraceError("trace: wanted raw inputs to execute or a recipe to draw again, found neither")
    from hwsim.traces.golden import execute

    run = execute(trace.network, trace.inputs.values, trace.timesteps)
    arrays = {
        f"{name}/spikes": _compare_spikes(packed, run.spikes[name].words[: trace.n_samples])
        for name, packed in trace.spikes.items()
    }
    for name, logits in trace.logits.items():
        # Sample ids mean something only within a split.
        if logits.split == trace.provenance.split and (found := _compare_logits(logits, trace.inputs, run.logits)):
            arrays[f"logits/{name}"] = found
    return Verification("execution", len(trace.inputs.labels), arrays)


def _verify_recipe(trace: Trace) -> Verification:
    from hwsim.traces.synth import draw

    recipe = trace.provenance.recipe
    assert recipe is not None
    again = draw(recipe)
    wanted, found = trace_arrays(again), trace_arrays(trace)
    arrays = {name: _compare(found[name], wanted[name]) for name in found if name in wanted}
    same = trace_record(again) == trace_record(trace) and wanted.keys() == found.keys()
    arrays["manifest"] = Mismatch(1, int(not same), None if same else (0,))
    return Verification("regeneration", trace.n_samples, arrays)


def _compare(found: NDArray[Any], wanted: NDArray[Any]) -> Mismatch:
    if found.shape != wanted.shape:
        return Mismatch(found.size, found.size, (0,) * found.ndim)
    differs = found != wanted
    count = int(np.count_nonzero(differs))
    first = tuple(int(i) for i in np.unravel_index(int(differs.argmax()), differs.shape)) if count else None
    return Mismatch(found.size, count, first)


def _compare_spikes(packed: PackedSpikes, wanted: NDArray[np.uint64]) -> Mismatch:
    """Compare words first, so that bits are unpacked only where something is wrong."""
    height, width, channels = packed.shape
    differing = packed.words ^ wanted
    compared = differing.shape[0] * differing.shape[1] * height * width * channels
    if not differing.any():
        return Mismatch(compared, 0, None)
    sample, t, position, _ = (int(i) for i in np.argwhere(differing)[0])
    channel = int(unpack_channels(differing[sample, t, position], channels).argmax())
    first = (sample, t, position // width, position % width, channel)
    return Mismatch(compared, int(np.bitwise_count(differing).sum()), first)


def _compare_logits(logits: Logits, inputs: Inputs, wanted: NDArray[np.int32]) -> Mismatch | None:
    """Compare the samples that have raw inputs; None if there is none."""
    row_of = {int(sample): row for row, sample in enumerate(inputs.sample_ids)}
    shared = [(here, row_of[int(sample)]) for here, sample in enumerate(logits.sample_ids) if int(sample) in row_of]
    if not shared:
        return None
    here, there = (np.array(rows) for rows in zip(*shared, strict=True))
    mismatch = _compare(logits.values[here], wanted[there])
    if mismatch.first is None:
        return mismatch
    return Mismatch(mismatch.compared, mismatch.differing, (int(here[mismatch.first[0]]), *mismatch.first[1:]))
