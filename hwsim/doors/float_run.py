"""A float graph executed as its framework would: the yardstick for what rounding to integers changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.graph import (
    Added,
    Flattened,
    Floats,
    Graph,
    Joined,
    Neurons,
    Node,
    Pooled,
    Source,
    Upsampled,
    Votes,
    Weighted,
)
from hwsim.traces.trace import RawValues


@dataclass(frozen=True, slots=True)
class FloatRun:
    """Spikes of every node of neurons, int8 [sample, timestep, y, x, channel], and logits [sample, timestep, class]."""

    spikes: Mapping[str, NDArray[np.int8]]
    logits: Floats


@dataclass(slots=True)
class State:
    """Of a node of neurons: membranes, synaptic currents, and spikes of the timestep before."""

    v: Floats
    i: Floats
    fired: NDArray[np.int8]


def run_floats(graph: Graph, inputs: RawValues, timesteps: int) -> FloatRun:
    """Execute on integers [sample, (timestep,) y, x, channel], in 64-bit floats."""
    states = {
        node.name: State(*(np.zeros((len(inputs), *node.shape), kind) for kind in (float, float, np.int8)))
        for node in graph
        if isinstance(node, Neurons)
    }
    spikes: dict[str, list[NDArray[np.int8]]] = {name: [] for name in states}
    logits, last = [], graph.nodes[-1]
    for t in range(timesteps):
        values: dict[str, Floats] = {}
        late = {name: state.fired.astype(np.float64) for name, state in states.items()}
        before = {name: state.v for name, state in states.items()}  # `fire` makes new ones
        for node in graph:
            is_late = isinstance(node, Weighted) and node.delayed
            sources = [(late if is_late else values)[name] for name in node.inputs]
            if isinstance(node, Source):
                now = inputs[:, t] if node.over_time else inputs
                values[node.name] = np.asarray(now * node.unit, np.float64)
            elif isinstance(node, Neurons):
                fired = fire(node, states[node.name], sources[0])
                spikes[node.name].append(fired)
                values[node.name] = fired.astype(np.float64)
            elif isinstance(node, Votes) and node.of != "spikes":
                (name,) = node.inputs
                values[node.name] = states[name].v - (before[name] if node.of == "membrane" else 0)
            else:
                values[node.name] = give(node, sources)
        logits.append(values[last.name][:, 0, 0])
    found = {name: np.stack(each, axis=1) for name, each in spikes.items()}
    return FloatRun(found, np.stack(logits, axis=1))


def fire(node: Neurons, state: State, x: Floats) -> NDArray[np.int8]:
    """One timestep of neurons: their spikes, 1 or, signed, -1; their state becomes that after it."""

    def over(potential: Floats) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = (
            potential >= node.threshold if node.fires_at_threshold else potential > node.threshold
        )
        return found

    def fires(potential: Floats) -> NDArray[np.int8]:
        spikes = over(potential).astype(np.int8)
        return spikes - over(-potential) if node.signed else spikes

    if node.feedback is not None:
        x = x + node.feedback * state.fired
    if node.synapse is not None:
        before, state.i = state.i, node.synapse.leak * state.i + x
        x = before if node.synapse.delayed else state.i
    v = state.v
    due = fires(v) * node.delayed_reset
    if node.reset == "hard":
        v = np.where(due != 0, node.v_reset, v)
    v = node.leak * v + node.gain * x + node.drive
    if node.reset == "soft":
        v = v - due * node.threshold
    if node.reset_after_sum:
        v = np.where(due != 0, node.v_reset, v)
    fired = fires(v)
    if node.delayed_reset or node.reset == "none":
        state.v = v
    else:
        state.v = np.where(fired != 0, v - fired * node.threshold if node.reset == "soft" else node.v_reset, v)
    state.fired = fired
    return fired


def give(node: Node, sources: list[Floats]) -> Floats:
    """What a node without memory gives."""
    match node:
        case Weighted():
            return _weighted(node, sources[0])
        case Pooled():
            nothing = -np.inf if node.kind == "max" else 0
            views = list(node.window.views(sources[0], node.shape[:2], nothing))
            pooled: Floats = np.max(views, axis=0) if node.kind == "max" else np.sum(views, axis=0)
            return pooled / node.divisor
        case Flattened():
            return sources[0].reshape(len(sources[0]), *node.shape)
        case Joined():
            return np.concatenate(sources, axis=-1)
        case Upsampled():
            return sources[0].repeat(node.factor[0], axis=1).repeat(node.factor[1], axis=2)
        case Added():
            total: Floats = np.sum(sources, axis=0)
            return total
        case Votes():
            counted: Floats = sources[0].reshape(len(sources[0]), *node.shape, node.votes).sum(axis=-1)
            return counted
    raise TypeError(type(node).__name__)


def _weighted(node: Weighted, x: Floats) -> Floats:
    taps = node.weight.reshape(-1, *node.weight.shape[2:])
    per_in, per_out = x.shape[3] // node.groups, node.shape[2] // node.groups
    out = np.zeros((len(x), *node.shape))
    for part, weight in zip(node.window.views(x, node.shape[:2]), taps, strict=True):
        for group in range(node.groups):
            ins, outs = slice(group * per_in, (group + 1) * per_in), slice(group * per_out, (group + 1) * per_out)
            out[..., outs] += part[..., ins] @ weight[:, outs]
    return out if node.bias is None else out + node.bias
