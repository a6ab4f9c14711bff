"""The order of work: pipeline steps, which rows each needs of which, and how far each may run ahead.

A job is one output row of a step at one timestep.  `timestep_outer` runs all rows of a timestep before the next
timestep; `layer_outer` runs all timesteps of a row before the next row.

A layer that reads the timestep before waits for rows of that, wherever in the order they are made; two whole maps are
kept for it, one that it reads and one that is made meanwhile.

A network that runs in passes has a step more for each, which writes it: when all steps of the pass before are through
all timesteps.  What a later pass reads is kept whole, of all timesteps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from hwsim.accelerators.imc.parts import DECISION
from hwsim.accelerators.imc.plan.buffers import Edge, Graph, minimum_rows
from hwsim.accelerators.imc.plan.passes import ONE_PASS, Passes
from hwsim.accelerators.imc.plan.rewriting import step_name
from hwsim.contract.arrays import IntArray
from hwsim.contract.maps import arranges, pieces
from hwsim.engine.stage import Wait
from hwsim.traces.network.geometry import window_rows
from hwsim.traces.network.layers import (
    Add,
    Conv2d,
    Input,
    Layer,
    Linear,
    Network,
    Pool,
    Readout,
    is_delayed,
    neuron_of,
)

Kind = Literal["source", "crossbar", "mac", "neuron", "pool", "elsewhere", "decision", "write"]


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

    def arrange(self, per_row: IntArray) -> IntArray:
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
class Buffer:
    """An edge of the pipeline and how many rows of the producer its buffer holds."""

    edge: Edge
    rows: int
    late: bool  # whether rows of the timestep before are read


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Steps in topological order with the waits of each, and the rows that each producer's buffer holds."""

    steps: tuple[Step, ...]
    waits: Mapping[str, tuple[Wait, ...]]
    order: JobOrder
    buffer_rows: Mapping[str, int]  # producer step -> rows its largest output buffer holds
    output: str  # the step that gives the logits
    answer: str  # the step whose last job ends the inference: the output, or the decision on it
    ends: IntArray  # its job that ends each timestep: int64 [timestep]
    edges: tuple[Buffer, ...]  # who reads whom, with the rows of the buffer between them

    def step(self, name: str) -> Step:
        """The step of a name."""
        return next(step for step in self.steps if step.name == name)


@dataclass(frozen=True, slots=True)
class Options:
    """What of an architecture shapes the pipeline."""

    row_pipelining: bool
    layer_outer: bool
    slack_rows: int
    gated: bool  # each timestep waits for the decision on the one before
    overlapped: bool = False  # the decision is made while later timesteps are under way
    off_chip: frozenset[str] = frozenset()  # layers that run elsewhere
    digital: frozenset[str] = frozenset()  # layers that are multiplied beside the crossbars
    passes: Passes = ONE_PASS


def build(network: Network, timesteps: int, options: Options) -> Pipeline:
    """Lay out the steps of a network and everything they wait for."""
    order = JobOrder(timesteps, options.layer_outer)
    steps, reads, late_reads = _steps_and_reads(network, options)
    by_name = {step.name: step for step in steps}
    edges = [_edge(by_name[p], by_name[c], rows, order, options.row_pipelining) for p, c, rows in reads]
    late = [_edge(by_name[p], by_name[c], rows, order, options.row_pipelining, 1) for p, c, rows in late_reads]
    waits: dict[str, list[Wait]] = {step.name: [] for step in steps}
    for edge in (*edges, *late):
        waits[edge.consumer].append(Wait(edge.producer, edge.high))
    buffers = _buffers(steps, edges, late, options, timesteps)
    for buffer in buffers:
        waits[buffer.edge.producer].append(
            space(buffer.edge, buffer.rows, by_name[buffer.edge.producer].rows * timesteps)
        )
    output = steps[-1]
    for name, each in _entering(steps, edges, order, options).items():
        waits[name] += each
    writes, written = _writes(steps, order, options.passes)
    for name, each in written.items():
        waits.setdefault(name, []).extend(each)
    steps += writes
    answer = output
    if options.gated or options.overlapped:
        logits = np.arange(1, timesteps + 1, dtype=np.int64) * output.rows - 1  # of each timestep
        waits[DECISION] = [Wait(output.name, logits)]
        answer = Step(DECISION, network.output, "decision", 1)
        steps = [*steps, answer]
    holds: dict[str, int] = {}
    for buffer in buffers:
        holds[buffer.edge.producer] = max(holds.get(buffer.edge.producer, 0), buffer.rows)
    found = {name: tuple(each) for name, each in waits.items()}
    ends = order.index(np.arange(timesteps), np.full(timesteps, answer.rows - 1), answer.rows)
    return Pipeline(tuple(steps), found, order, holds, output.name, answer.name, ends, buffers)


def _entering(
    steps: Sequence[Step], edges: Sequence[Edge], order: JobOrder, options: Options
) -> Mapping[str, Sequence[Wait]]:
    """What timesteps wait for before they enter: the decision that they go on, or that the one before has left.

    Of a network in passes only the last one waits for decisions, and a timestep enters each pass by itself.
    """
    passes = options.passes
    if not (options.gated or enters_alone(options)):
        return {}
    if passes.n == 1:
        entry = steps[0]
        timestep, _ = order.grid(entry.rows)
        after = DECISION if options.gated else steps[-1].name
        rows = 1 if options.gated else steps[-1].rows
        return {entry.name: [Wait(after, timestep * rows - 1)]}
    fed = {edge.consumer for edge in edges if passes.among(edge.producer, edge.consumer)}
    found: dict[str, list[Wait]] = {}
    for entry in (step for step in steps if step.name not in fed):
        timestep, number = order.grid(entry.rows)[0], passes.of_step(entry.name)
        if options.gated and number == passes.last:
            found[entry.name] = [Wait(DECISION, timestep - 1)]
        elif enters_alone(options):
            within = (step for step in steps if passes.of_step(step.name) == number)
            found[entry.name] = [Wait(step.name, timestep * step.rows - 1) for step in within]
    return found


def _writes(steps: Sequence[Step], order: JobOrder, passes: Passes) -> tuple[list[Step], Mapping[str, Sequence[Wait]]]:
    """Steps that write a pass, with one row of which the first timestep does it all; and who waits for whom."""
    if passes.n == 1:
        return [], {}
    found = [Step(step_name(number), Layer("", (), (1, 1, 1)), "write", 1) for number in range(passes.n)]
    waits: dict[str, list[Wait]] = {step.name: [] for step in found}
    for step in steps:
        number, jobs = passes.of_step(step.name), step.rows * order.timesteps
        if step.kind == "crossbar":
            waits.setdefault(step.name, []).append(Wait(found[number].name, np.zeros(jobs, np.int64)))
        if number < passes.last:
            through = np.full(order.timesteps, jobs - 1, np.int64)
            waits[found[number + 1].name].append(Wait(step.name, through))
    return found, waits


def enters_alone(options: Options) -> bool:
    """Whether a timestep enters when the one before has left."""
    return not options.row_pipelining and not options.layer_outer


Read = tuple[str, str, IntArray]
"""Producer, consumer and rows [output row, 2] from first to one past the last."""


def _steps_and_reads(network: Network, options: Options) -> tuple[list[Step], list[Read], list[Read]]:
    """Steps, and who reads whom: of the same timestep, and of the one before."""
    steps: list[Step] = []
    reads: list[Read] = []
    gives: dict[str, str] = {}  # layer -> step that gives its result
    for layer in network:
        if arranges(layer):
            continue
        name, away = layer.name, layer.name in options.off_chip
        steps.append(Step(name, layer, _kind(layer, options), layer.shape[0]))
        gives[name] = name
        for source in () if is_delayed(layer) else layer.inputs:
            rows = window_rows(layer, network)
            maps = {piece.map: piece for piece in pieces(network, source)}  # one that is there twice is waited for once
            reads += [(gives[piece.map], name, piece.rows(rows)) for piece in maps.values()]
        if isinstance(layer, Conv2d | Linear) and neuron_of(layer) is not None:
            gives[name] = f"{name}.neuron"
            steps.append(Step(gives[name], layer, "elsewhere" if away else "neuron", layer.shape[0]))
            same = np.stack([np.arange(layer.shape[0]), np.arange(1, layer.shape[0] + 1)], axis=1)
            reads.append((name, gives[name], same))
    late = [
        (gives[name], reader, window_rows(network[reader], network))
        for name, readers in network.read_late.items()
        for reader in readers
    ]
    return steps, reads, late


def _kind(layer: Layer, options: Options) -> Kind:
    match layer:
        case Input():
            return "source"
        case Add():
            return "neuron" if layer.neuron else "pool"
        case Pool() | Readout():
            return "pool"
    if layer.name in options.digital:
        return "mac"
    return "elsewhere" if layer.name in options.off_chip else "crossbar"


def _edge(
    producer: Step, consumer: Step, rows: IntArray, order: JobOrder, row_pipelining: bool, before: int = 0
) -> Edge:
    """Jobs of which timestep, so many before their own, need which rows; below zero there is none to wait for."""
    timestep, row = order.grid(consumer.rows)
    timestep = timestep - before
    low = order.index(timestep, rows[row, 0], producer.rows)
    last = np.full_like(row, producer.rows - 1)
    if row_pipelining:
        high = order.index(timestep, rows[row, 1] - 1, producer.rows)
    elif order.layer_outer:
        high = order.index(np.full_like(timestep, order.timesteps - 1), last, producer.rows)
    else:
        high = order.index(timestep, last, producer.rows)
    if before:  # of the first timestep nothing is needed; `low` goes on below zero, as all rows there are free
        high = np.where(timestep < 0, -1, high)
    return Edge(producer.name, consumer.name, low, high)


def _buffers(
    steps: Sequence[Step], edges: Sequence[Edge], late: Sequence[Edge], options: Options, timesteps: int
) -> tuple[Buffer, ...]:
    """Rows that each edge holds: what it needs and the slack, at most all of an inference; two maps if read late.

    What a later pass reads is all of an inference.
    """
    passes = options.passes
    jobs = {step.name: step.rows * timesteps for step in steps}
    by_pair = {(edge.producer, edge.consumer): edge for edge in edges}
    found = []
    for (producer, consumer), needed in minimum_rows(Graph([step.name for step in steps], edges)).items():
        size = min(needed + options.slack_rows, jobs[producer])
        size = size if passes.among(producer, consumer) else jobs[producer]
        found.append(Buffer(by_pair[producer, consumer], size, late=False))
    for edge in late:
        rows = jobs[edge.producer] // timesteps
        size = min(2 * rows, jobs[edge.producer]) if passes.among(edge.producer, edge.consumer) else jobs[edge.producer]
        found.append(Buffer(edge, size, late=True))
    return tuple(found)


def space(edge: Edge, rows: int, jobs: int) -> Wait:
    """A producer of so many jobs waits for space on an edge that holds so many rows: row r takes that of r - rows."""
    needs = np.full(jobs, -1, np.int64)
    needs[rows:] = edge.freed_by(jobs)[: max(jobs - rows, 0)]
    return Wait(edge.consumer, needs, event="free", stall="blocked")
