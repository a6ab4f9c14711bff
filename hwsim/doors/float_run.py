"""A float graph executed as its framework would: the yardstick for what rounding to integers changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.doors.graph import Added, Flattened, Floats, Graph, Neurons, Node, Pooled, Source, Votes, Weighted


@dataclass(frozen=True, slots=True)
class FloatRun:
    """Spikes of every node of neurons, bool [sample, timestep, y, x, channel], and logits [sample, timestep, class]."""

    spikes: Mapping[str, NDArray[np.bool_]]
    logits: Floats


def run_floats(graph: Graph, inputs: NDArray[np.uint8], timesteps: int) -> FloatRun:
    """Execute on integers [sample, (timestep,) y, x, channel], in 64-bit floats."""
    membranes: dict[str, Floats] = {}
    spikes: dict[str, list[NDArray[np.bool_]]] = {node.name: [] for node in graph if isinstance(node, Neurons)}
    logits, last = [], graph.nodes[-1]
    for t in range(timesteps):
        values: dict[str, Floats] = {}
        before = {name: v.copy() for name, v in membranes.items()} if isinstance(last, Votes) else {}
        for node in graph:
            sources = [values[name] for name in node.inputs]
            if isinstance(node, Source):
                now = inputs[:, t] if node.over_time else inputs
                values[node.name] = np.asarray(now * node.unit, np.float64)
            elif isinstance(node, Neurons):
                v = membranes.get(node.name, np.zeros_like(sources[0]))
                membranes[node.name], fired = fire(node, v, sources[0])
                spikes[node.name].append(fired)
                values[node.name] = fired.astype(np.float64)
            elif isinstance(node, Votes) and node.of == "membrane":
                (name,) = node.inputs
                values[node.name] = membranes[name] - before.get(name, 0.0)
            else:
                values[node.name] = give(node, sources)
        logits.append(values[last.name][:, 0, 0])
    found = {name: np.stack(each, axis=1) for name, each in spikes.items()}
    return FloatRun(found, np.stack(logits, axis=1))


def fire(node: Neurons, v: Floats, x: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """One timestep of neurons: membrane after it, and who fired."""

    def fires(potential: Floats) -> NDArray[np.bool_]:
        over: NDArray[np.bool_] = potential >= node.threshold if node.fires_at_threshold else potential > node.threshold
        return over

    due = fires(v) & node.delayed_reset
    if node.reset == "hard":
        v = np.where(due, node.v_reset, v)
    v = node.leak * v + node.gain * x + node.drive
    if node.reset == "soft":
        v = v - due * node.threshold
    fired = fires(v)
    if not node.delayed_reset:
        v = {"soft": v - fired * node.threshold, "hard": np.where(fired, node.v_reset, v), "none": v}[node.reset]
    return v, fired


def give(node: Node, sources: list[Floats]) -> Floats:
    """What a node without memory gives."""
    match node:
        case Weighted():
            return _weighted(node, sources[0])
        case Pooled():
            views = list(node.window.views(sources[0], node.shape[:2]))
            pooled: Floats = np.max(views, axis=0) if node.kind == "max" else np.sum(views, axis=0)
            return pooled / node.window.taps if node.kind == "mean" else pooled
        case Flattened():
            return sources[0].reshape(len(sources[0]), *node.shape)
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
