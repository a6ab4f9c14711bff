"""What 1 of every node of a float graph is worth, and of each of its channels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hwsim.doors.graph import Added, Flattened, Floats, Graph, Joined, Neurons, Node, Pooled, Source, Upsampled


def units_of(graph: Graph) -> dict[str, float]:
    """The real value of 1 of every node that gives activations; currents have steps, which follow from weights."""
    units: dict[str, float] = {}
    for node in graph:
        sources = [units[name] for name in node.inputs if name in units]
        match node:
            case Source():
                units[node.name] = node.unit
            case Neurons():
                units[node.name] = 1.0
            case Pooled() if sources:
                units[node.name] = sources[0] / node.divisor
            case Flattened() | Upsampled() if sources:
                units[node.name] = sources[0]
            case Added() | Joined() if len(sources) == len(node.inputs):
                units[node.name] = min(sources)
    return units


def shares_of(graph: Graph, units: Mapping[str, float]) -> dict[str, Floats]:
    """What 1 of each channel of a node is worth in its unit, of those in which it is not the same for all."""
    shares: dict[str, Floats] = {}
    for node in graph:
        found = [shares.get(name, np.ones(graph[name].shape[2])) for name in node.inputs if name in units]
        if node.name not in units or isinstance(node, Neurons | Source) or not found:
            continue
        if isinstance(node, Joined):
            relative = [share * units[name] / units[node.name] for name, share in zip(node.inputs, found, strict=True)]
            found = [np.concatenate(relative)]
        share = np.resize(found[0], node.shape[2])  # of each position, where they are flattened
        if not isinstance(node, Added) and (share != 1).any():
            shares[node.name] = share
    return shares


def with_flat_sums(graph: Graph) -> Graph:
    """A sum that only another sum reads is part of it, so that all summands share one step."""
    nodes: dict[str, Node] = {}
    for node in graph:
        inner = [graph[name] for name in node.inputs] if isinstance(node, Added) else []
        parts = [each for each in inner if isinstance(each, Added) and graph.readers(each.name) == [node]]
        inputs = tuple(
            name for each in node.inputs for name in (nodes.pop(each).inputs if graph[each] in parts else (each,))
        )
        nodes[node.name] = replace(node, inputs=inputs)
    return Graph(tuple(nodes.values()))
