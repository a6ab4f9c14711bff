"""A first-spike trace against a second execution, bit for bit, and a shorter one from a longer."""

from __future__ import annotations

from dataclasses import replace

from hwsim.errors import UsageError
from hwsim.memory import require
from hwsim.traces.network.footprint import executed_bytes
from hwsim.traces.trace import count_of
from hwsim.traces.ttfs.trace import FirstSpikeTrace
from hwsim.traces.verification import Verification, compare, compare_shared


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
        if decisions.split != trace.provenance.split:
            continue
        found = compare_shared(decisions.classes, decisions.sample_ids, run.classes, trace.inputs.sample_ids)
        if found is not None:
            arrays[f"decisions/{name}"] = found
    return Verification("execution", len(trace.inputs.labels), arrays)


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
