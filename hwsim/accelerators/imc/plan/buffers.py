"""How many rows each buffer between layers must hold so that no path, skips included, can deadlock.

The buffer on the edge p -> c holds the rows of p that c has not finished with.  When c is about to run job j, p has
been asked for rows up to R(j): by c itself and by every other path from p that c's inputs depend on.  With `lowest(j)`
the first row that c or any later job of c still needs, the edge must hold R(j) - lowest(j) + 1 rows.  Where paths from
p meet again in a join, each edge out of p must further hold what the other paths can pull out of p before its own
consumer moves on.

All paths from p come together at the next stage m that none of them goes around, so p needs to know of the stages up to
m, and of all later ones only what `pulls` of m says: how far joins pull m at once.  Going from the last stage to the
first, each looks no further than its own m: in a chain, of blocks with shortcuts too, that is a fixed number of edges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from hwsim.contract.arrays import IntArray


@dataclass(frozen=True, slots=True)
class Edge:
    """Consumer jobs of one stage reading rows of another: needs `high[j]`, and nothing below `low[j]` any more."""

    producer: str
    consumer: str
    low: IntArray  # [consumer job] first row needed by this job
    high: IntArray  # [consumer job] last row needed by this job

    @property
    def lowest(self) -> IntArray:
        """First row that this or any later job needs: int64 [consumer job]."""
        return np.minimum.accumulate(self.low[::-1])[::-1]

    def freed_by(self, n_rows: int) -> IntArray:
        """The last consumer job that needs each row or an earlier one, -1 if none does: int64 [row]."""
        return np.searchsorted(self.lowest, np.arange(n_rows), side="right") - 1


def minimum_rows(graph: Graph) -> Mapping[tuple[str, str], int]:
    """Rows that the buffer of each (producer, consumer) edge must hold."""
    sizes: dict[str, dict[tuple[str, str], int]] = {}
    pulls: dict[str, IntArray] = {}
    for source in reversed(graph.stages):
        if graph.outgoing[source]:
            paths = Paths.of(graph, source, pulls)
            sizes[source] = {(source, edge.consumer): paths.rows(edge) for edge in graph.outgoing[source]}
            if graph.incoming[source]:
                pulls[source] = paths.pulls()
    return {pair: rows for source in graph.stages for pair, rows in sizes.get(source, {}).items()}


class Graph:
    """Stages in topological order with the edges between them; `visited` counts the edges looked at."""

    def __init__(self, stages: Sequence[str], edges: Iterable[Edge]) -> None:
        self.stages = stages
        self.position = {stage: position for position, stage in enumerate(stages)}
        self.incoming: dict[str, list[Edge]] = {stage: [] for stage in stages}
        self.outgoing: dict[str, list[Edge]] = {stage: [] for stage in stages}
        self.visited = 0
        for edge in edges:
            self.outgoing[edge.producer].append(edge)
            self.incoming[edge.consumer].append(edge)

    def edges_from(self, stage: str) -> Sequence[Edge]:
        """Edges out of a stage."""
        self.visited += len(self.outgoing[stage])
        return self.outgoing[stage]

    def edges_to(self, stage: str) -> Sequence[Edge]:
        """Edges into a stage."""
        self.visited += len(self.incoming[stage])
        return self.incoming[stage]

    def between(self, source: str) -> tuple[list[str], str | None]:
        """The stages that follow from `source`, in order, up to the first that no path goes around, and that one.

        All that follow, and None, where paths end without having met.
        """
        found: list[str] = []
        ahead = [self.position[source]]
        seen, ended = {source}, False
        while ahead:
            stage = self.stages[heappop(ahead)]
            if stage != source:
                found.append(stage)
                if not ahead and not ended:
                    return found, stage
            ended = ended or not self.outgoing[stage]
            for edge in self.edges_from(stage):
                if edge.consumer not in seen:
                    seen.add(edge.consumer)
                    heappush(ahead, self.position[edge.consumer])
        return found, None

    def demand(self, source: str, between: Iterable[str]) -> dict[str, IntArray]:
        """Last row of `source` that each job of some stages needs, directly or through others (only stages that do).

        They are in order, with all that lie between them and the source.
        """
        demand: dict[str, IntArray] = {}
        for stage in between:
            reaches = []
            for edge in self.edges_to(stage):
                if edge.producer == source:
                    reaches.append(edge.high)
                elif edge.producer in demand:
                    reaches.append(_through(demand[edge.producer], edge.high))
            if reaches:
                demand[stage] = np.maximum.accumulate(np.max(reaches, axis=0))
        return demand


@dataclass(frozen=True, slots=True)
class Paths:
    """All paths from a stage to where they meet."""

    graph: Graph
    source: str
    between: Sequence[str]  # the stages on them, in order; where all paths meet, that is the last
    demand: Mapping[str, IntArray]  # of each of these, see `Graph.demand`
    joins: frozenset[str]  # those of them that read several stages on these paths
    beyond: IntArray  # `pulls` of where all paths meet

    @classmethod
    def of(cls, graph: Graph, source: str, pulls: Mapping[str, IntArray]) -> Paths:
        """Those from `source`, from what was found for the stages after it."""
        between, meeting = graph.between(source)
        demand = graph.demand(source, between)
        joins = set()
        for stage in between:
            producers = {edge.producer for edge in graph.edges_to(stage)}
            if len(producers & (demand.keys() | {source})) > 1:
                joins.add(stage)
        beyond = np.empty(0, np.int64) if meeting is None else pulls.get(meeting, np.empty(0, np.int64))
        return cls(graph, source, between, demand, frozenset(joins), beyond)

    def rows(self, edge: Edge) -> int:
        """Rows that the buffer of an edge out of the source must hold."""
        reach = np.maximum.accumulate(self.demand[edge.consumer])
        joined = self._pulled_by_joins(edge) if len(self.graph.outgoing[self.source]) > 1 else 1
        return int((reach - edge.lowest + 1).max(initial=joined))

    def pulls(self) -> IntArray:
        """The last row of the source that any later join pulls at once, when it has done with those up to row r.

        int64 [r + 1], of r = -1 and every row; -1 where there is none.
        """
        found = np.full(self.graph.incoming[self.source][0].high.size + 1, -1, np.int64)
        for join in self.joins:
            np.maximum.at(found, _before(self.demand[join]) + 1, self.demand[join])
        done = np.flatnonzero(self.beyond >= 0)
        if done.size:
            meeting = self.demand[self.between[-1]]
            np.maximum.at(found, _through(meeting, done - 1) + 1, meeting[self.beyond[done]])
        return found

    def _pulled_by_joins(self, edge: Edge) -> int:
        """Rows on `edge` when a join has pulled its inputs for job k and the edge's consumer has done job k - 1's."""
        lowest = edge.lowest

        def rows(pulled: IntArray, done: IntArray) -> int:
            return int((pulled - lowest[np.minimum(done + 1, lowest.size - 1)] + 1).max(initial=1))

        through = self.graph.demand(edge.consumer, self.between[self.between.index(edge.consumer) + 1 :])
        most = max(
            (rows(self.demand[join], _before(through[join])) for join in through if join in self.joins), default=1
        )
        done = np.flatnonzero(self.beyond >= 0)
        if not done.size:
            return most
        last = self.between[-1]
        own = done - 1 if edge.consumer == last else _through(through[last], done - 1)
        return max(most, rows(self.demand[last][self.beyond[done]], own))


def _through(demand: IntArray, jobs: IntArray) -> IntArray:
    """What jobs of a stage need of a source, -1 for no job."""
    return np.where(jobs >= 0, demand[jobs], -1)


def _before(values: IntArray) -> IntArray:
    """The value before each, -1 before the first."""
    return np.concatenate([[-1], values[:-1]])
