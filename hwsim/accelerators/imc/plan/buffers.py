"""How many rows each buffer between layers must hold so that no path, skips included, can deadlock.

The buffer on the edge p -> c holds the rows of p that c has not finished with.  When c is about to run job j, p has
been asked for rows up to R(j): by c itself and by every other path from p that c's inputs depend on.  With `lowest(j)`
the first row that c or any later job of c still needs, the edge must hold R(j) - lowest(j) + 1 rows.  Where paths from
p meet again in a join, each edge out of p must further hold what the other paths can pull out of p before its own
consumer moves on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

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


def minimum_rows(stages: Sequence[str], edges: Sequence[Edge]) -> Mapping[tuple[str, str], int]:
    """Rows that the buffer of each (producer, consumer) edge must hold; `stages` in topological order."""
    sizes: dict[tuple[str, str], int] = {}
    for source in stages:
        outgoing = [e for e in edges if e.producer == source]
        if not outgoing:
            continue
        demand = _demand(source, stages, edges)
        for edge in outgoing:
            reach = np.maximum.accumulate(demand[edge.consumer])
            joined = _rows_pulled_by_joins(edge, demand, stages, edges) if len(outgoing) > 1 else 1
            sizes[source, edge.consumer] = int((reach - edge.lowest + 1).max(initial=joined))
    return sizes


def _demand(source: str, stages: Sequence[str], edges: Sequence[Edge]) -> dict[str, IntArray]:
    """Last row of `source` that each job of each stage needs, directly or through others (only stages that do)."""
    demand: dict[str, IntArray] = {}
    for stage in stages:
        reaches = []
        for edge in edges:
            if edge.consumer != stage:
                continue
            if edge.producer == source:
                reaches.append(edge.high)
            elif edge.producer in demand:
                reaches.append(np.where(edge.high >= 0, demand[edge.producer][edge.high], -1))
        if reaches:
            demand[stage] = np.maximum.accumulate(np.max(reaches, axis=0))
    return demand


def _rows_pulled_by_joins(
    edge: Edge, demand: Mapping[str, IntArray], stages: Sequence[str], edges: Sequence[Edge]
) -> int:
    """Rows on `edge` when a join has pulled its inputs for job k and the edge's consumer has done those for k - 1."""
    through = _demand(edge.consumer, stages, edges)
    most = 1
    for join in through:
        inputs = [e for e in edges if e.consumer == join]
        sources = {e.producer for e in inputs} & (set(demand) | {edge.producer})
        if len(sources) < 2:
            continue
        done = np.concatenate([[-1], through[join][:-1]])
        following = np.minimum(done + 1, edge.lowest.size - 1)
        most = max(most, int((demand[join] - edge.lowest[following] + 1).max()))
    return most
