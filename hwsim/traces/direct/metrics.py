"""How complex a network is by NeuroBench's metrics, in its names; docs/formats/metrics.md has their definitions.

After Yik et al., The neurobench framework for benchmarking neuromorphic computing algorithms and systems, Nature
Communications 16 (2025), and the metrics of the package `neurobench`, version 2.3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwsim.errors import UsageError
from hwsim.memory import require
from hwsim.traces.direct.describe import describe_direct
from hwsim.traces.direct.encode import Activations
from hwsim.traces.direct.events import as_events
from hwsim.traces.direct.golden import execute
from hwsim.traces.direct.products import ExactProducts
from hwsim.traces.direct.rate import RateTrace, input_spikes
from hwsim.traces.direct.trace import Trace
from hwsim.traces.network.footprint import executed_bytes
from hwsim.traces.network.geometry import fan_in
from hwsim.traces.network.layers import Conv2d, Linear, Network
from hwsim.traces.planes import unpack_channels
from hwsim.traces.trace import AnyTrace

Weighted = Conv2d | Linear
_SAMPLES_AT_ONCE = 4
_LARGEST_SUM = 2**31 - 1


def neurobench(trace: AnyTrace) -> dict[str, Any]:
    """NeuroBench's metrics of a network on the recorded samples, ready for JSON.

    Membrane updates are None where spikes are not what the network makes of raw inputs, and with synaptic operations
    where there are no raw inputs; accuracy is None of synthetic traces, the share of zeros of no weights.  Raises
    UsageError for a coding that has no neurons which fire at timesteps, and for a network that takes more memory than
    may be used.
    """
    played = _over_time(trace)
    require(executed_bytes(played.network, played.n_samples, played.timesteps), "counting operations")
    layers = describe_direct(played).layers
    weighted = [layer for layer in played.network if isinstance(layer, Weighted)]
    firing = {layer.name: layer.activity for layer in layers if layer.activity and layer.name in played.spikes}
    neurons = sum(found.neurons for found in firing.values())
    weights = ExactProducts(weighted).weights.values()
    n_weights = sum(map(np.size, weights))
    accuracy = played.logits["recorded"].accuracy()[-1]
    return {
        "Footprint": sum(layer.parameter_bytes for layer in layers),
        "ParameterCount": n_weights + sum(_biases(layer) for layer in played.network),
        "ConnectionSparsity": 1 - sum(map(np.count_nonzero, weights)) / n_weights if n_weights else None,
        "ClassificationAccuracy": None if played.provenance.synthetic else float(accuracy),
        "ActivationSparsity": 1 - sum(found.rate * found.neurons for found in firing.values()) / neurons,
        "ActivationSparsityByLayer": {name: 1 - found.rate for name, found in firing.items()},
        "SynapticOperations": None if played.inputs is None else _synaptic_operations(played, weighted),
        "MembraneUpdates": None if played.inputs is None or played.provenance.recipe else _membrane_updates(played),
    }


def _over_time(trace: AnyTrace) -> Trace:
    """A trace whose input is what the network reads at each timestep."""
    if isinstance(trace, Trace):
        return trace
    if not isinstance(trace, RateTrace):
        wanted = "a trace of coding direct, events or rate"
        raise UsageError(f"metrics: wanted {wanted}, found {trace.coding}: NeuroBench has no measure of its neurons")
    _, *others = trace.network.layers
    network = Network((replace(trace.network.input, bits=1, over_time=True), *others))
    inputs = trace.inputs
    if inputs is not None:
        values = inputs.values[: trace.n_samples]
        spikes = [input_spikes(values, trace.network.input.bits, t).astype(np.uint8) for t in range(trace.timesteps)]
        inputs = replace(inputs, values=np.stack(spikes, axis=1))
    return as_events(replace(trace.as_direct, network=network, inputs=inputs))


def _biases(layer: object) -> int:
    bias = getattr(layer, "bias", None)
    return 0 if bias is None else int(bias.size)


def _synaptic_operations(trace: Trace, weighted: list[Weighted]) -> dict[str, float]:
    """Products a sample: all, and those of a weight and an activation that both are not zero."""
    nonzero, dense = Ones(weighted, lambda weights: weights != 0), Ones(weighted, np.ones_like)
    arriving = _nonzero_inputs(trace, weighted)
    slots = trace.n_samples * trace.timesteps
    found = Counter[str]()
    for layer in weighted:
        counts = arriving[layer.name]
        kind = "Effective_ACs" if max(map(abs, trace.network.values(layer.inputs[0]))) == 1 else "Effective_MACs"
        found[kind] += _operations(layer, trace.network, counts, nonzero)
        found["Dense"] += slots * _operations(layer, trace.network, np.ones_like(counts), dense)
    return {name: found[name] / trace.n_samples for name in ("Effective_MACs", "Effective_ACs", "Dense")}


class Ones(ExactProducts):
    """Weights that are 1, or 0 where there is nothing to do."""

    def __init__(self, layers: list[Weighted], nonzero: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        super().__init__(layers)
        self.weights = {name: nonzero(weights).astype(np.int8) for name, weights in self.weights.items()}


def _operations(layer: Weighted, network: Network, counts: NDArray[np.int64], ones: Ones) -> int:
    """Sum over all products of how often the activation is there: `counts` [y, x, channel]; the padding has none."""
    limit = _LARGEST_SUM // fan_in(layer, network)  # sums of counts below it fit in 32 bits
    above, below = np.divmod(counts, limit)
    total = 0
    for part, each in ((above, limit), (below, 1)):
        if part.any():
            total += each * int(ones(layer, part[None].astype(np.int32), 0, 0).sum(dtype=np.int64))
    return total


def _nonzero_inputs(trace: Trace, weighted: list[Weighted]) -> dict[str, NDArray[np.int64]]:
    """How often, over all recorded samples and timesteps, what each layer reads is not zero: int64 [y, x, channel]."""
    shapes = {layer.name: trace.network[layer.inputs[0]].shape for layer in weighted}
    counts = {name: np.zeros(shape, np.int64) for name, shape in shapes.items()}
    for first in range(0, trace.n_samples, _SAMPLES_AT_ONCE):
        activations = Activations(trace, slice(first, first + _SAMPLES_AT_ONCE))
        for layer in weighted:
            there = np.bitwise_or.reduce(activations.read_by(layer), axis=0)
            repeated = trace.timesteps // there.shape[1]  # what follows the input alone is there once for all timesteps
            bits = unpack_channels(there, shapes[layer.name][2]).sum(axis=(0, 1), dtype=np.int64)
            counts[layer.name] += repeated * bits.reshape(shapes[layer.name])
    return counts


def _membrane_updates(trace: Trace) -> float:
    """Membranes a sample that a timestep leaves other than it found them; all of them at the first timestep."""
    assert trace.inputs is not None
    changed = 0

    def watch(_name: str, timestep: int, before: NDArray[np.int64], after: NDArray[np.int64]) -> None:
        nonlocal changed
        changed += before.size if timestep == 0 else int(np.count_nonzero(before != after))

    execute(trace.network, trace.inputs.values[: trace.n_samples], trace.timesteps, watch=watch)
    return changed / trace.n_samples
