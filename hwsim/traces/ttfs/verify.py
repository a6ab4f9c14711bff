"""A first-spike trace against a second execution, bit for bit, and a shorter one from a longer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hwsim.errors import UsageError
from hwsim.memory import require
from hwsim.traces.network.footprint import executed_bytes
from hwsim.traces.trace import count_of
from hwsim.traces.ttfs.trace import Decisions, FirstSpikeTrace
from hwsim.traces.verification import Mismatch, Verification, compare


def verify_first_spike(trace: FirstSpikeTrace) -> Verification:
    """Execute the network again from its raw inputs: times of all layers, and decisions of samples with raw inputs."""
    from hwsim.traces.ttfs.golden import execute_first_spike

    n_inputs = len(trace.inputs.labels)
    require(executed_bytes(trace.network.network, n_inputs, 1), f"executing {n_inputs} samples again")
    run = execute_first_spike(trace.network, trace.inputs.values)
    arrays = {
        f"{name}/times": compare(times, run.times[name][: trace.n_samples]) for name, times in trace.times.items()
    }
    for name, decisions in trace.decisions.items():
        # Sample ids mean something only within a split.
        if decisions.split == trace.provenance.split and (found := _compare(decisions, trace, run.classes)):
            arrays[f"decisions/{name}"] = found
    return Verification("execution", len(trace.inputs.labels), arrays)


def _compare(
    decisions: Decisions, trace: FirstSpikeTrace, wanted: np.ndarray[tuple[int], np.dtype[np.int16]]
) -> Mismatch | None:
    """Compare the samples that have raw inputs; None if there is none."""
    row_of = {int(sample): row for row, sample in enumerate(trace.inputs.sample_ids)}
    shared = [(here, row_of[int(sample)]) for here, sample in enumerate(decisions.sample_ids) if int(sample) in row_of]
    if not shared:
        return None
    here, there = (np.array(rows) for rows in zip(*shared, strict=True))
    mismatch = compare(decisions.classes[here], wanted[there])
    if mismatch.first is None:
        return mismatch
    return Mismatch(mismatch.compared, mismatch.differing, (int(here[mismatch.first[0]]),))


def first_of_first_spike(trace: FirstSpikeTrace, samples: int | None, timesteps: int | None) -> FirstSpikeTrace:
    """The first recorded samples; larger sets of decisions keep theirs.

    Raises UsageError when the trace has fewer than asked for, and for another number of timesteps than one.
    """
    n = count_of("samples", samples, trace.n_samples)
    if timesteps not in (None, 1):
        raise UsageError(f"timesteps: a first-spike trace is one timestep of windows, got {timesteps}")
    if n == trace.n_samples:
        return trace
    recorded = trace.decisions["recorded"]
    kept = replace(
        recorded, classes=recorded.classes[:n], labels=recorded.labels[:n], sample_ids=recorded.sample_ids[:n]
    )
    return replace(
        trace,
        times={name: times[:n] for name, times in trace.times.items()},
        decisions=dict(trace.decisions) | {"recorded": kept},
    )
