"""A sequence trace against a second execution, bit for bit, and a shorter one from a longer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.traces.planes import unpack_channels
from hwsim.traces.provenance import Recipe
from hwsim.traces.sequence.record import sequence_arrays, sequence_record
from hwsim.traces.sequence.trace import SequenceSpikes, SequenceTrace
from hwsim.traces.trace import Logits, count_of
from hwsim.traces.verification import Mismatch, Verification, compare_logits, compare_redrawn


def verify_sequence(trace: SequenceTrace) -> Verification:
    """Execute the network again from its raw sequences: gate and hidden spikes, and logits of the same split.

    The first that differs is named as (sample, element, timestep, plane, unit).  A synthetic trace is drawn again.
    """
    if trace.provenance.recipe is not None:
        return _verify_recipe(trace, trace.provenance.recipe)
    from hwsim.traces.sequence.golden import execute_sequence

    run = execute_sequence(trace.network, trace.inputs.values, trace.timesteps)
    arrays = {
        f"{name}/spikes": _compare(spikes, run.spikes[name].words[: trace.n_samples])
        for name, spikes in trace.spikes.items()
    }
    arrays |= compare_logits(trace.logits, trace.provenance.split, run.logits, trace.inputs.sample_ids)
    return Verification("execution", len(trace.inputs.labels), arrays)


def _verify_recipe(trace: SequenceTrace, recipe: Recipe) -> Verification:
    from hwsim.traces.sequence.synth import draw_sequence

    again = draw_sequence(recipe)
    same = (sequence_record(again), again.provenance) == (sequence_record(trace), trace.provenance)
    return compare_redrawn(trace.n_samples, sequence_arrays(trace), sequence_arrays(again), same)


def _compare(spikes: SequenceSpikes, wanted: NDArray[np.uint64]) -> Mismatch:
    differing = spikes.words ^ wanted
    compared = int(np.prod(differing.shape[:-1])) * spikes.n_units
    if not differing.any():
        return Mismatch(compared, 0, None)
    place = tuple(int(i) for i in np.argwhere(differing)[0][:-1])
    unit = int(unpack_channels(differing[place], spikes.n_units).argmax())
    return Mismatch(compared, int(np.bitwise_count(differing).sum()), (*place, unit))


def first_of_sequence(trace: SequenceTrace, samples: int | None, timesteps: int | None) -> SequenceTrace:
    """The first recorded samples and timesteps; larger sets of logits keep their samples.

    Raises UsageError when the trace has fewer than asked for, and for fewer timesteps of a network in which the first
    timesteps of an element follow from the last ones of the element before.
    """
    n = count_of("samples", samples, trace.n_samples)
    t = count_of("timesteps", timesteps, trace.timesteps)
    if (n, t) == (trace.n_samples, trace.timesteps):
        return trace
    if t < trace.timesteps and not trace.network.wavefront:
        raise UsageError(
            f"timesteps: membranes or states of this network run on from timestep {trace.timesteps} of an element to "
            f"the next element, so that fewer timesteps are another network, got {t}"
        )

    def cut(name: str, logits: Logits) -> Logits:
        kept = slice(0, n) if name == "recorded" else slice(None)
        return replace(
            logits, values=logits.values[kept, :t], labels=logits.labels[kept], sample_ids=logits.sample_ids[kept]
        )

    return replace(
        trace,
        timesteps=t,
        provenance=replace(trace.provenance, recipe=None),  # which would draw the whole trace again
        spikes={name: replace(spikes, words=spikes.words[:n, :, :t]) for name, spikes in trace.spikes.items()},
        logits={name: cut(name, logits) for name, logits in trace.logits.items()},
    )
