"""The order of work: pipeline steps, which rows each needs of which, and how far each may run ahead; no durations.

A job is one output row of a step at one timestep.  `timestep_outer` runs all rows of a timestep before the next
timestep;
`layer_outer` runs all timesteps of a row before the next row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hwsim.accelerators.imc.plan.buffers import Edge, minimum_rows
from hwsim.engine.schedule import Wait
from hwsim.traces.network.geometry import window_rows
from hwsim.traces.network.layers import Add, Conv2d, Flatten, Input, Layer, Linear, Network, Pool, neuron_of

IntArray = NDArray[np.int64]
Kind = Literal["source", "crossbar", "neuron", "pool", "elsewhere", "decision"]
DECISION = "sigma_e"


@dataclass(frozen=True, slots=True)
class JobOrder:
    """How (timestep, row) pairs are numbered."""

    timesteps: int
    layer_outer: bool

    def index(self, timestep: IntArray, row: IntArray, rows: int) -> IntArray:
        """Job number of each (timestep, row) of a step of `rows` rows."""
        return row * self.timesteps + timestep if self.layer_outer else timestep * rows + row

    def grid(self, rows: int) -> tuple[IntArray, IntArray]:
        """Timestep and row of every job: int64 [job] each."""
        job = np.arange(rows * self.timesteps, dtype=np.int64)
        if self.layer_outer:
            return job % self.timesteps, job // self.timesteps
        return job // rows, job % rows

    def arrange(self, per_row: NDArray[np.int64]) -> NDArray[np.int64]:
        """Counts [..., timestep, row] in job order: [..., job]."""
        ordered = np.swapaxes(per_row, -1, -2) if self.layer_outer else per_row
        return ordered.reshape(*ordered.shape[:-2], -1)


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of the pipeline: what kind of unit, for which layer, with how many rows a timestep."""

    name: str
    layer: Layer
    kind: Kind
    rows: int


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps in topological order with the waits of each, and the rows that each producer's buffer holds."""

    steps: tuple[Step, ...]
    waits: Mapping[str, tuple[Wait, ...]]
    order: JobOrder
    buffer_rows: Mapping[str, int]  # producer step -> rows its largest output buffer holds
    output: str  # the step that gives the logits
    answer: str  # the step whose last job ends the inference: the output, or the decision on it

    @property
    def n_jobs(self) -> int:
        """Jobs of one sample."""
        return self.order.timesteps * sum(step.rows for step in self.steps)

    def step(self, name: str) -> Step:
        """The step of a name."""
        return next(step for step in self.steps if step.name == name)

    def step_ends(self) -> tuple[str, IntArray]:
        """The answering step and its job [timestep] that ends each timestep."""
        rows = self.step(self.answer).rows
        last_row = np.full(self.order.timesteps, rows - 1)
        return self.answer, self.order.index(np.arange(self.order.timesteps), last_row, rows)


@dataclass(frozen=True, slots=True)
class Options:
    """What of an architecture shapes the pipeline."""

    row_pipelining: bool
    layer_outer: bool
    slack_rows: int
    gated: bool  # each timestep waits for the decision on the one before
    overlapped: bool = False  # the decision is made while later timesteps are under way
    off_chip: frozenset[str] = frozenset()  # layers that run elsewhere


def build(network: Network, timesteps: int, options: Options) -> Pipeline:
    """Lay out the steps of a network and everything they wait for."""
    order = JobOrder(timesteps, options.layer_outer)
    steps, reads = _steps_and_reads(network, options.off_chip)
    by_name = {step.name: step for step in steps}
    edges = [_edge(by_name[p], by_name[c], rows, order, options.row_pipelining) for p, c, rows in reads]
    waits: dict[str, list[Wait]] = {step.name: [] for step in steps}
    for edge in edges:
        waits[edge.consumer].append(Wait(edge.producer, edge.high))
    holds = _bound_buffers(steps, edges, options, timesteps, waits)
    output = steps[-1]
    if options.gated:
        _gate(steps[0], order, waits)
    elif not options.row_pipelining and not options.layer_outer:
        _after_last_timestep(steps[0], output, order, waits)
    if options.gated or options.overlapped:
        waits[DECISION] = [_logits_of_each_timestep(output, order)]
        steps = [*steps, Step(DECISION, network.output, "decision", 1)]
    return Pipeline(tuple(steps), {n: tuple(w) for n, w in waits.items()}, order, holds, output.name, steps[-1].name)


def _steps_and_reads(network: Network, off_chip: frozenset[str]) -> tuple[list[Step], list[tuple[str, str, IntArray]]]:
    """Steps, and (producer, consumer, rows [output row, 2] from first to one past the last) for each pair."""
    steps: list[Step] = []
    reads: list[tuple[str, str, IntArray]] = []
    gives: dict[str, str] = {}  # layer -> step that gives its result
    rows_of: dict[str, int] = {}

    def add(name: str, layer: Layer, kind: Kind) -> str:
        steps.append(Step(name, layer, kind, layer.shape[0]))
        rows_of[name] = layer.shape[0]
        return name

    def read(source: str, reader: str, rows: IntArray) -> None:
        producer = gives[source]
        flattened = rows_of[producer] != network[source].shape[0]  # so every row is needed at once
        reads.append((producer, reader, np.array([[0, rows_of[producer]]]) if flattened else rows))

    for layer in network:
        if isinstance(layer, Flatten):
            gives[layer.name] = gives[layer.inputs[0]]
            continue
        same = np.stack([np.arange(layer.shape[0]), np.arange(1, layer.shape[0] + 1)], axis=1)
        if isinstance(layer, Input):
            gives[layer.name] = add(layer.name, layer, "source")
            continue
        if isinstance(layer, Add):
            name = add(layer.name, layer, "neuron" if layer.neuron else "pool")
            for source in layer.inputs:
                read(source, name, same)
            gives[layer.name] = name
            continue
        away = layer.name in off_chip
        name = add(layer.name, layer, "pool" if isinstance(layer, Pool) else "elsewhere" if away else "crossbar")
        read(layer.inputs[0], name, window_rows(layer, network))
        gives[layer.name] = name
        if isinstance(layer, Conv2d | Linear) and neuron_of(layer) is not None:
            gives[layer.name] = add(f"{name}.neuron", layer, "elsewhere" if away else "neuron")
            reads.append((name, gives[layer.name], same))
    return steps, reads


def _edge(producer: Step, consumer: Step, rows: IntArray, order: JobOrder, row_pipelining: bool) -> Edge:
    timestep, row = order.grid(consumer.rows)
    low = order.index(timestep, rows[row, 0], producer.rows)
    last = np.full_like(row, producer.rows - 1)
    if row_pipelining:
        high = order.index(timestep, rows[row, 1] - 1, producer.rows)
    elif order.layer_outer:
        high = order.index(np.full_like(timestep, order.timesteps - 1), last, producer.rows)
    else:
        high = order.index(timestep, last, producer.rows)
    return Edge(producer.name, consumer.name, low, high)


def _bound_buffers(
    steps: Sequence[Step], edges: Sequence[Edge], options: Options, timesteps: int, waits: dict[str, list[Wait]]
) -> dict[str, int]:
    """Make each producer wait for space: its row r takes the place of row r - size."""
    jobs = {step.name: step.rows * timesteps for step in steps}
    by_pair = {(edge.producer, edge.consumer): edge for edge in edges}
    holds: dict[str, int] = {}
    for (producer, consumer), needed in minimum_rows([step.name for step in steps], edges).items():
        size = min(needed + options.slack_rows, jobs[producer])
        holds[producer] = max(holds.get(producer, 0), size)
        needs = np.full(jobs[producer], -1, np.int64)
        needs[size:] = by_pair[producer, consumer].freed_by(jobs[producer])[: jobs[producer] - size]
        waits[producer].append(Wait(consumer, needs, event="free", stall="blocked"))
    return holds


def _logits_of_each_timestep(output: Step, order: JobOrder) -> Wait:
    """What the decision on each timestep reads."""
    return Wait(output.name, np.arange(1, order.timesteps + 1, dtype=np.int64) * output.rows - 1)


def _gate(entry: Step, order: JobOrder, waits: dict[str, list[Wait]]) -> None:
    """A timestep starts when the decision on the one before has said no."""
    timestep, _ = order.grid(entry.rows)
    waits[entry.name].append(Wait(DECISION, timestep - 1))


def _after_last_timestep(entry: Step, output: Step, order: JobOrder, waits: dict[str, list[Wait]]) -> None:
    """Without pipelining a timestep enters when the one before has left."""
    timestep, _ = order.grid(entry.rows)
    waits[entry.name].append(Wait(output.name, timestep * output.rows - 1))
