"""Graphs within graphs, and loops, of a NIR network."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Edge = tuple[str, str]


def flattened(read: Any) -> tuple[dict[str, Any], list[Edge]]:
    """Nodes and edges of a graph, with those of graphs within it under names of both; their ends are left out."""
    nodes: dict[str, Any] = dict(read.nodes)
    edges = [(str(a), str(b)) for a, b in read.edges]
    while (name := next((name for name, node in nodes.items() if type(node).__name__ == "NIRGraph"), None)) is not None:
        inner, inner_edges = flattened(nodes.pop(name))
        ends = {
            kind: [each for each, node in inner.items() if type(node).__name__ == kind] for kind in ("Input", "Output")
        }
        within = [(a, b) for a, b in inner_edges if a not in ends["Input"] and b not in ends["Output"]]
        nodes |= {
            f"{name}.{each}": node for each, node in inner.items() if each not in (*ends["Input"], *ends["Output"])
        }
        after = [f"{name}.{b}" for a, b in inner_edges if a in ends["Input"]]
        before = [f"{name}.{a}" for a, b in inner_edges if b in ends["Output"]]
        outer = [
            (x, y) for a, b in edges for x in (before if a == name else [a]) for y in (after if b == name else [b])
        ]
        edges = outer + [(f"{name}.{a}", f"{name}.{b}") for a, b in within]
    return nodes, edges


def back_edges(starts: Iterable[str], edges: Sequence[Edge]) -> set[Edge]:
    """Edges to a node on the way to which one is, walking in depth from each start; without them there is no loop."""
    targets: dict[str, list[str]] = {}
    for a, b in edges:
        targets.setdefault(a, []).append(b)
    found: set[Edge] = set()
    done: set[str] = set()
    for start in starts:
        walked: dict[str, list[str]] = {} if start in done else {start: list(targets.get(start, []))}
        while walked:
            here, left = next(reversed(walked.items()))
            if not left:
                del walked[here]
                done.add(here)
                continue
            there = left.pop(0)
            if there in walked:
                found.add((here, there))
            elif there not in done:
                walked[there] = list(targets.get(there, []))
    return found
