"""Buffers between layers: as many rows as a search of all paths finds, looking at a fixed number of edges a layer.

The slow twin follows, for every producer, everything that depends on it to the end of the network.
"""

from __future__ import annotations

import random

import numpy as np
import pytest
from accelerators.imc.test_pipeline import branched
from traces.direct.networks import Sketch

from hwsim.accelerators.imc.plan import pipeline
from hwsim.accelerators.imc.plan.buffers import Edge, Graph, minimum_rows
from hwsim.accelerators.imc.plan.pipeline import Options, build

pytestmark = pytest.mark.no_kernel


def slow_minimum_rows(stages, edges):
    """The slow twin: rows by (producer, consumer)."""
    sizes = {}
    for source in stages:
        outgoing = [edge for edge in edges if edge.producer == source]
        demand = slow_demand(source, stages, edges)
        for edge in outgoing:
            reach = np.maximum.accumulate(demand[edge.consumer])
            joined = slow_rows_pulled_by_joins(edge, demand, stages, edges) if len(outgoing) > 1 else 1
            sizes[source, edge.consumer] = int((reach - edge.lowest + 1).max(initial=joined))
    return sizes


def slow_demand(source, stages, edges):
    """Last row of `source` that each job of each stage needs, directly or through others."""
    demand = {}
    for stage in stages:
        reaches = []
        for edge in edges:
            if edge.consumer == stage and edge.producer == source:
                reaches.append(edge.high)
            elif edge.consumer == stage and edge.producer in demand:
                reaches.append(np.where(edge.high >= 0, demand[edge.producer][edge.high], -1))
        if reaches:
            demand[stage] = np.maximum.accumulate(np.max(reaches, axis=0))
    return demand


def slow_rows_pulled_by_joins(edge, demand, stages, edges):
    """Rows on `edge` when a join anywhere has pulled its inputs for job k, and those for k - 1 are done with."""
    through, most = slow_demand(edge.consumer, stages, edges), 1
    for join in through:
        producers = {other.producer for other in edges if other.consumer == join}
        if len(producers & (set(demand) | {edge.producer})) < 2:
            continue
        done = np.concatenate([[-1], through[join][:-1]])
        following = np.minimum(done + 1, edge.lowest.size - 1)
        most = max(most, int((demand[join] - edge.lowest[following] + 1).max()))
    return most


@pytest.fixture
def graphs(monkeypatch):
    """The graphs of which pipelines asked for the rows, each compared with the slow twin."""
    seen = []

    def compared(graph):
        found = minimum_rows(graph)
        assert list(found.items()) == list(slow_minimum_rows(graph.stages, edges_of(graph)).items())
        seen.append(graph)
        return found

    monkeypatch.setattr(pipeline, "minimum_rows", compared)
    return seen


def edges_of(graph):
    return [edge for stage in graph.stages for edge in graph.outgoing[stage]]


@pytest.mark.parametrize("network", ["branched", "tangled"])
def test_networks_with_skips_strides_and_pools_get_the_rows_of_the_slow_twin(graphs, network):
    for seed in range(300):
        options = Options(row_pipelining=seed % 5 > 0, layer_outer=bool(seed % 2), slack_rows=1, gated=False)
        build({"branched": branched, "tangled": tangled}[network](seed), 1 + seed % 3, options)
    assert len(graphs) == 300
    assert sum(max(len(edges) for edges in graph.outgoing.values()) > 1 for graph in graphs) > 290


def tangled(seed):
    """Sums that reach over each other, so that paths hardly meet; strides, pools and a flattened end after them."""
    rng = random.Random(seed)
    sketch = Sketch((rng.randint(5, 9), rng.randint(4, 6), 1), bits=1, seed=0)
    for kind in rng.sample(["conv", "stride", "pool"], 3):
        if kind == "pool":
            alike = [sketch.pool(rng.choice(["avg", "max"]), 2, rng.randint(1, 2))]
        else:
            alike = [sketch.conv(2, stride=1 + (kind == "stride"))]
        for _ in range(rng.randint(2, 5)):
            name = rng.choice(alike[-2:])
            if len(alike) > 1 and rng.randint(0, 2):
                alike.append(sketch.sum([name, *rng.sample(alike[-4:], rng.randint(1, 2))], [1, 1, 1]))
            else:
                kernel = rng.choice([1, 3])
                alike.append(sketch.conv(2, kernel, padding=kernel // 2, source=name))
    sketch.flatten()
    hidden = sketch.linear(3)
    sketch.sum([hidden, sketch.linear(3)], [1, 1], neuron=True)
    sketch.linear(2, neuron=None)
    return sketch.network()


@pytest.mark.parametrize("seed", [*range(300), 3926, 4768])  # the last two: what a later join pulls is not all
def test_so_do_any_graphs(seed):
    """Any needs at all, several ends too."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    stages, jobs = [f"s{i}" for i in range(n)], rng.integers(1, 8, n)
    edges = []
    for c in range(1, n):
        for p in rng.choice(c, size=min(c, int(rng.integers(1, 4))), replace=bool(rng.integers(2))):
            high = np.sort(rng.integers(-1, jobs[p], jobs[c]))
            edges.append(Edge(stages[p], stages[c], np.minimum(rng.integers(0, jobs[p], jobs[c]), high), high))
    assert list(minimum_rows(Graph(stages, edges)).items()) == list(slow_minimum_rows(stages, edges).items())


def blocks(n):
    """A chain of residual blocks, the last of which is followed by a classifier."""
    sketch = Sketch((4, 2, 1), bits=1, seed=0)
    last = sketch.conv(2)
    for _ in range(n):
        inner = sketch.conv(2, source=last)
        last = sketch.sum([sketch.conv(2, source=inner, neuron=None), last], [1, 1], neuron=True)
    sketch.flatten()
    sketch.linear(2, neuron=None)
    return sketch.network()


def chain(n):
    """Convolutions one after another."""
    sketch = Sketch((4, 2, 1), bits=1, seed=0)
    for _ in range(n):
        sketch.conv(2)
    return sketch.network()


@pytest.mark.parametrize("network", [chain, blocks])
def test_edges_looked_at_grow_with_layers(monkeypatch, network):
    seen = []
    monkeypatch.setattr(pipeline, "minimum_rows", lambda graph: seen.append(graph) or minimum_rows(graph))
    for n in (10, 20, 30):
        build(network(n), 2, Options(row_pipelining=True, layer_outer=False, slack_rows=1, gated=False))
    few, more, most = (graph.visited for graph in seen)
    assert most - more == more - few > 0
    assert most < 12 * len(edges_of(seen[-1]))
