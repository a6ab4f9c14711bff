"""Through any door: a float graph and inputs to a trace, executed exactly, with what rounding changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hwsim import make
from hwsim.doors.drift import Drift, check_drift, drift_of
from hwsim.doors.float_run import FloatRun, run_floats
from hwsim.doors.graph import Graph
from hwsim.doors.lattice import OnLattice, to_integers
from hwsim.doors.precision import Precision
from hwsim.doors.products import DenseProducts
from hwsim.doors.spool import Spool
from hwsim.errors import TraceError
from hwsim.traces.direct.golden import Execution, execute_parts
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.layers import Layer, Network, neuron_of
from hwsim.traces.trace import PackedSpikes, RawValues

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
    inputs: RawValues,
    labels: ArrayLike,
    timesteps: int,
    precision: Precision,
    recorded: int | None = None,
    allowed_drift: float | None = None,
    floats: FloatRun | None = None,
    about: Mapping[str, Any] | None = None,
    spool: Spool | None = None,
) -> Entered:
    """Make the trace of a graph on inputs [sample, (timestep,) y, x, channel].

    `floats` is what the framework itself gave on the first of them; without it the graph is run in NumPy.  With a
    spool on disk spikes lie there, and nothing is checked that writing the trace does not check.
    Raises TraceError for what the format cannot say, and for a drift of more than is allowed.
    """
    on = to_integers(graph, precision)
    values, right, _ = make.samples_of(inputs, on.network.input.dtype, labels, None)
    n = len(right) if recorded is None else recorded
    if not 1 <= n <= len(right):
        raise TraceError(f"recorded: wanted 1 to {len(right)}, found {recorded}")
    found = floats or run_floats(graph, values[:SAMPLES_COMPARED], timesteps)
    run = _executed(on.network, values, timesteps, max(n, len(found.logits)), spool or Spool())
    drift = drift_of(found.spikes, found.logits, run, on.layer_of, right)
    warning = check_drift(drift, allowed_drift)
    trace = make.of_run(on.network, timesteps, run, values, right, n, dict(about or {}))
    if spool is None:
        make.check(trace)
    return Entered(_with_scale(trace, on), drift, warning)


def _executed(network: Network, inputs: RawValues, timesteps: int, kept: int, spool: Spool) -> Execution:
    """Logits of all samples, and spikes of the first ones, which are put away as they come."""
    logits, done = [], 0
    for part in execute_parts(network, inputs, timesteps, DenseProducts(network)):
        for name, packed in part.spikes.items():
            for field, words in packed.first(max(kept - done, 0)).arrays().items():
                spool.append(f"{name}/{field}", words)
        logits.append(part.logits)
        done += len(part.logits)
    spikes = {layer.name: _spooled(spool, layer) for layer in network.spiking()}
    return Execution(spikes, np.concatenate(logits))


def _spooled(spool: Spool, layer: Layer) -> PackedSpikes:
    neuron = neuron_of(layer)
    negative = spool.array(f"{layer.name}/negative") if neuron is not None and neuron.signed else None
    return PackedSpikes(spool.array(f"{layer.name}/spikes"), layer.shape, negative)


def _with_scale(trace: Trace, on: OnLattice) -> Trace:
    """Logits with their real value, which the rule of early exit needs."""
    return replace(trace, logits={name: replace(each, scale=on.logit_scale) for name, each in trace.logits.items()})
