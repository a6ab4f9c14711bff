"""The engines of all cells, and what their jobs wait for.

A cell does one step at a time: its first engine starts when the step before it and all that it reads are done.

In a stream the elements of the next sample follow those of the one before through cells and queues; its first step in a
cell begins from nothing.  Hidden values of the last element stay in their registers until the readout has them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from hwsim.accelerators.lstm.plan import Cell, Plan
from hwsim.accelerators.lstm.work import AC, DETECT, ELEMENTWISE, MAC, NEURONS, READOUT, StepWork
from hwsim.contract.arrays import IntArray
from hwsim.contract.streams import StreamWaits, after_sample_before, repeated
from hwsim.engine.stage import Wait

START = "start"
"""The stage that a sample begins with; what is not to run is void once its job is done."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine of one cell as a stage, for every sample alike."""

    name: str
    layer: str
    role: str
    cell: Cell
    elements: IntArray  # [job]
    timesteps: IntArray  # [job]
    waits: tuple[Wait, ...]
    unit: str | None
    latency: int

    def of_jobs(self, values: IntArray) -> IntArray:
        """What is given for every step [sample, element, timestep] as that of the jobs [sample, job]."""
        return values[:, self.elements, self.timesteps]


def stage_name(layer: str, cell: Cell, role: str) -> str:
    """Name of an engine's stage."""
    return f"{layer}.cell{cell.index}.{role}"


def engines(plan: Plan, works: Mapping[str, StepWork]) -> list[Engine]:
    """All engines, the readout last; only the first cell has a MAC engine where the product is kept."""
    found = []
    for (position, layer), cell in product(enumerate(plan.network.layers), plan.cells):
        missing = MAC if cell.index and plan.multiplies_once else None
        roles = [role for role in works[layer.name].services if role != missing]
        element, step = _steps(plan, cell)
        for role in roles:
            waits = tuple(_waits(plan, position, cell, role, roles))
            name, unit = stage_name(layer.name, cell, role), _unit(plan, layer.name, cell, role)
            latency = plan.spec.cells.latency_cycles if role == ELEMENTWISE else 0
            found.append(Engine(name, layer.name, role, cell, element, step, waits, unit, latency))
    return [*found, _readout(plan)]


def streamed(plan: Plan, built: list[Engine], samples: int) -> StreamWaits:
    """What the jobs of so many samples in a row wait for, of every engine."""
    *engines_of_cells, readout = built
    roles: dict[tuple[str, int], list[str]] = {}
    for engine in engines_of_cells:
        roles.setdefault((engine.layer, engine.cell.index), []).append(engine.role)
    positions = {layer.name: position for position, layer in enumerate(plan.network.layers)}
    waits: dict[str, tuple[Wait, ...]] = {}
    for engine in engines_of_cells:
        there, position = roles[engine.layer, engine.cell.index], positions[engine.layer]
        waits[engine.name] = tuple(_waits(plan, position, engine.cell, engine.role, there, samples))
        if engine.role == ELEMENTWISE and position == len(positions) - 1:
            waits[engine.name] += (_read_out(readout, engine, samples),)
    entry, width = built[0], plan.network.n_elements * built[0].cell.width
    first = np.arange(samples, dtype=np.int64) * width  # of each sample, which begins when that does
    waits[START] = (Wait(entry.name, first, event="start"),)
    jobs = {stage_name(plan.network.layers[-1].name, cell, ELEMENTWISE): cell.width for cell in plan.cells}
    waits[READOUT] = tuple(
        Wait(wait.stage, repeated(wait.needs, samples, plan.network.n_elements * jobs[wait.stage]))
        for wait in readout.waits
    )
    return waits


def _read_out(readout: Engine, engine: Engine, samples: int) -> Wait:
    """The first step of a sample at each timestep waits until the readout has the hidden values of the one before."""
    last = int(readout.elements.max())
    job_of = {int(readout.timesteps[job]): job for job in np.flatnonzero(readout.elements == last)}
    read = np.array([job_of[int(timestep)] for timestep in engine.timesteps], np.int64)
    return after_sample_before(READOUT, np.where(engine.elements == 0, read, -1), samples, readout.elements.size)


def _steps(plan: Plan, cell: Cell, samples: int = 1) -> tuple[IntArray, IntArray]:
    """Element and timestep of a cell's jobs; elements are counted on from sample to sample."""
    job = np.arange(samples * plan.network.n_elements * cell.width, dtype=np.int64)
    return job // cell.width, cell.first + job % cell.width


def _job(cell: Cell, element: IntArray, timestep: IntArray | int) -> IntArray:
    """Number of a cell's job; below 0 for elements before the first."""
    return element * cell.width + timestep - cell.first


def _waits(plan: Plan, position: int, cell: Cell, role: str, roles: list[str], samples: int = 1) -> Iterator[Wait]:
    layer, first = plan.network.layers[position].name, roles[0]
    job = np.arange(samples * plan.network.n_elements * cell.width, dtype=np.int64)
    if role == first:
        yield from _step_waits(plan, position, cell, first, samples)
    elif role == MAC:
        yield Wait(stage_name(layer, cell, first), job, event="start")
    elif role in AC:
        yield Wait(stage_name(layer, cell, DETECT), job)
    elif role == NEURONS:
        yield from (Wait(stage_name(layer, cell, before), job) for before in roles if before in (MAC, *AC))
    else:
        yield Wait(stage_name(layer, cell, NEURONS), job)


def _step_waits(plan: Plan, position: int, cell: Cell, first: str, samples: int) -> Iterator[Wait]:
    """What a step needs, and the room for what it gives."""
    layers = plan.network.layers
    element, step = _steps(plan, cell, samples)
    job = np.arange(element.size, dtype=np.int64)
    name = layers[position].name
    ended_by = layers[-1].name if plan.serial and position == 0 else name  # the step before
    yield Wait(stage_name(ended_by, cell, ELEMENTWISE), job - 1)
    if position:
        yield Wait(stage_name(layers[position - 1].name, cell, ELEMENTWISE), job)
    if plan.serial:
        return
    if cell.index:
        before = plan.cells[cell.index - 1]
        needs = np.where(step == cell.first, _job(before, element, before.stop - 1), -1)
        yield Wait(stage_name(name, before, ELEMENTWISE), needs)
    depth = plan.spec.cells.queue_elements
    if cell.index + 1 < len(plan.cells):
        after = plan.cells[cell.index + 1]
        needs = np.where(step == cell.stop - 1, np.maximum(_job(after, element - depth, after.first), -1), -1)
        yield Wait(stage_name(name, after, first), needs, event="start", stall="blocked")
    if position + 1 < len(layers):
        needs = np.maximum(_job(cell, element - depth, step), -1)
        yield Wait(stage_name(layers[position + 1].name, cell, first), needs, event="start", stall="blocked")


def _unit(plan: Plan, layer: str, cell: Cell, role: str) -> str | None:
    """The weight port that an engine shares with others; None where it has one to itself."""
    shared = plan.spec.weight_copies == "shared" and len(plan.cells) > 1
    own = "" if shared else f".cell{cell.index}"
    if role == MAC and shared and not plan.multiplies_once:
        return f"{layer}.input_weights"
    if role in AC and plan.spec.gate_ports == "shared":
        return f"{layer}{own}.weights"
    if role in AC and shared:
        return f"{layer}.weights.{role.removeprefix('ac.')}"
    return None


def _readout(plan: Plan) -> Engine:
    """One engine for all cells, in the order in which their steps end if all last equally long."""
    last = plan.network.n_elements - 1
    from_all = plan.network.readout.over == "all" and plan.dense is None
    elements = range(0 if from_all else last, last + 1)
    cells = {t: plan.cell_of(t) for t in range(plan.timesteps)}
    steps = sorted(
        product(elements, range(plan.timesteps)), key=lambda step: (step[0] + cells[step[1]].index, *reversed(step))
    )
    element, timestep = (np.array(values, np.int64) for values in zip(*steps, strict=True))
    name = plan.network.layers[-1].name
    waits = []
    for cell in plan.cells:
        own = (timestep >= cell.first) & (timestep < cell.stop)
        needs = np.where(own, _job(cell, element, timestep), -1)
        waits.append(Wait(stage_name(name, cell, ELEMENTWISE), needs))
    return Engine(READOUT, READOUT, READOUT, plan.cells[0], element, timestep, tuple(waits), None, 0)
