"""What rows wait for where samples follow each other in the pipeline: buffers and kept currents that samples share.

The rows of all samples pass a buffer in one order, so its first rows of a sample wait until the last ones of the sample
before have been read, row by row; membranes are taken over the same way, as each step does its rows in order.  Buffers
are those of one sample.  Currents of the raw input that are kept over the timesteps of a sample have one place, which
the next sample gets when the last timestep has read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from hwsim.accelerators.imc.plan.buffers import Edge, Graph, minimum_rows
from hwsim.accelerators.imc.plan.pipeline import Buffer, enters_alone, space
from hwsim.accelerators.imc.plan.plan import Plan
from hwsim.contract.streams import after_sample_before, repeated
from hwsim.engine.stage import Wait
from hwsim.errors import ArchitectureError


def stream_waits(plan: Plan, samples: int) -> Mapping[str, tuple[Wait, ...]]:
    """Waits of every step's rows, for so many samples that take all timesteps: needs int64 [sample * row].

    Raises ArchitectureError where a buffer is too small for the rows of two samples at a join.
    """
    pipeline = plan.pipeline
    jobs = {step.name: step.rows * plan.timesteps for step in pipeline.steps}
    _check_buffers(plan, jobs)
    waits: dict[str, list[Wait]] = {name: [] for name in jobs}
    for buffer in pipeline.edges:
        edge = _continued(buffer.edge, samples, jobs)
        waits[edge.consumer].append(Wait(edge.producer, edge.high))
        waits[edge.producer].append(space(edge, buffer.rows, samples * jobs[edge.producer]))
        if kept := _kept(plan, buffer, samples, jobs):
            waits[edge.producer].append(kept)
    if enters_alone(plan.options):
        entry, output = pipeline.steps[0], pipeline.step(pipeline.output)
        timestep = np.repeat(np.arange(samples * plan.timesteps, dtype=np.int64), entry.rows)
        waits[entry.name].append(Wait(output.name, timestep * output.rows - 1))
    return {name: tuple(found) for name, found in waits.items()}


def _continued(edge: Edge, samples: int, jobs: Mapping[str, int]) -> Edge:
    """An edge with the rows and jobs of so many samples in a row."""
    first = np.arange(samples, dtype=np.int64)[:, None] * jobs[edge.producer]
    low = (edge.low + first).reshape(-1)
    return replace(edge, low=low, high=repeated(edge.high, samples, jobs[edge.producer]))


def _kept(plan: Plan, buffer: Buffer, samples: int, jobs: Mapping[str, int]) -> Wait | None:
    """A row that is made once and read at every timestep waits until the sample before has read it to the end."""
    producer, consumer = (plan.pipeline.step(name) for name in (buffer.edge.producer, buffer.edge.consumer))
    if plan.runs(producer).all() or not plan.runs(consumer).all():
        return None
    timestep, row = plan.pipeline.order.grid(producer.rows)
    read = plan.pipeline.order.index(np.full_like(row, plan.timesteps - 1), row, producer.rows)
    last = buffer.edge.freed_by(jobs[producer.name])[read]
    return after_sample_before(consumer.name, np.where(timestep == 0, last, -1), samples, jobs[consumer.name])


def _check_buffers(plan: Plan, jobs: Mapping[str, int]) -> None:
    """A buffer that holds less than a sample must hold what paths that meet pull out of two samples."""
    edges = [buffer.edge for buffer in plan.pipeline.edges if not buffer.late]
    twice = [_continued(edge, 2, jobs) for edge in edges]
    needed = minimum_rows(Graph(list(jobs), twice))
    for buffer in plan.pipeline.edges:
        pair = buffer.edge.producer, buffer.edge.consumer
        if buffer.late or needed[pair] <= buffer.rows or buffer.rows == jobs[pair[0]]:
            continue
        more = plan.options.slack_rows + needed[pair] - buffer.rows
        raise ArchitectureError(
            f"buffer_slack_rows: in a stream {pair[1]} needs {needed[pair]} rows of {pair[0]} at once, its buffer "
            f"holds {buffer.rows}; buffer_slack_rows={more} is enough"
        )
