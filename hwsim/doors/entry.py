"""Through any door: a float graph and inputs to a trace, executed exactly, with what rounding changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwsim import make
from hwsim.doors.drift import Drift, check_drift, drift_of
from hwsim.doors.float_run import FloatRun, run_floats
from hwsim.doors.graph import Graph
from hwsim.doors.lattice import OnLattice, Precision, to_integers
from hwsim.errors import TraceError
from hwsim.traces.direct.golden import Execution
from hwsim.traces.direct.trace import Trace
from hwsim.traces.trace import Logits, PackedSpikes

SAMPLES_COMPARED = 32
"""Inputs on which floats and integers are compared unless the framework's own spikes are given; our choice."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A trace, and how far it is from the network that it was made from."""

    trace: Trace
    drift: Drift
    warning: str  # empty where there is nothing to tell
    late: int = 0  # events of recordings after the last timestep, which are in no count


def enter(
    graph: Graph,
    inputs: NDArray[np.uint8],
    labels: ArrayLike,
    timesteps: int,
    precision: Precision,
    recorded: int | None = None,
    allowed_drift: float | None = None,
    floats: FloatRun | None = None,
    about: Mapping[str, Any] | None = None,
) -> Entered:
    """Make the trace of a graph on inputs [sample, (timestep,) y, x, channel].

    `floats` is what the framework itself gave on the first of them; without it the graph is run in NumPy.
    Raises TraceError for what the format cannot say, and for a drift of more than is allowed.
    """
    on = to_integers(graph, precision)
    right = np.asarray(labels)
    told = dict(about or {})
    found = floats or run_floats(graph, inputs[:SAMPLES_COMPARED], timesteps)
    if graph.source.over_time:
        trace: Trace = make.events(on.network, inputs, right, len(inputs), **told)
    else:
        trace = make.direct(on.network, inputs, right, timesteps, len(inputs), **told)
    run = Execution(trace.spikes, trace.logits["test"].values)
    drift = drift_of(found.spikes, found.logits, run, on.layer_of, right)
    warning = check_drift(drift, allowed_drift)
    return Entered(_with_scale(_few(trace, recorded), on), drift, warning)


def _few(trace: Trace, recorded: int | None) -> Trace:
    """Spikes of the first samples only; logits stay those of all."""
    if recorded is None or recorded == trace.n_samples:
        return trace
    if not 1 <= recorded <= trace.n_samples:
        raise TraceError(f"recorded: wanted 1 to {trace.n_samples}, found {recorded}")
    spikes = {name: PackedSpikes(packed.words[:recorded], packed.shape) for name, packed in trace.spikes.items()}
    whole = trace.logits["recorded"]
    values, labels, ids = (getattr(whole, name)[:recorded] for name in ("values", "labels", "sample_ids"))
    first = Logits(values, whole.scale, labels, ids, whole.split)
    return replace(trace, spikes=spikes, logits={**trace.logits, "recorded": first})


def _with_scale(trace: Trace, on: OnLattice) -> Trace:
    """Logits with their real value, which the rule of early exit needs."""
    return replace(trace, logits={name: replace(each, scale=on.logit_scale) for name, each in trace.logits.items()})
