"""A shorter direct-coded trace from a longer one; it recomputes nothing."""

from __future__ import annotations

from dataclasses import replace

from hwsim.traces.direct.trace import Trace
from hwsim.traces.trace import Logits, count_of


def first_of_direct(trace: Trace, samples: int | None, timesteps: int | None) -> Trace:
    """The first recorded samples and timesteps; larger sets of logits keep their samples.

    Raises UsageError when the trace has fewer than asked for, or less than one is.
    """
    n = count_of("samples", samples, trace.n_samples)
    t = count_of("timesteps", timesteps, trace.timesteps)
    if (n, t) == (trace.n_samples, trace.timesteps):
        return trace

    def cut(name: str, logits: Logits) -> Logits:
        kept = slice(0, n) if name == "recorded" else slice(None)
        if kept == slice(None) and t == trace.timesteps:
            return logits
        return replace(
            logits,
            values=logits.values[kept, :t],
            labels=logits.labels[kept],
            sample_ids=logits.sample_ids[kept],
        )

    inputs = trace.inputs
    if inputs is not None and trace.network.input.over_time:
        inputs = replace(inputs, values=inputs.values[:, :t])
    return replace(
        trace,
        inputs=inputs,
        timesteps=t,
        provenance=replace(trace.provenance, recipe=None),  # which would draw the whole trace again
        spikes={name: packed.first(n, t) for name, packed in trace.spikes.items()},
        logits={name: cut(name, logits) for name, logits in trace.logits.items()},
    )
