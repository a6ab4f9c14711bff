"""The steps of the pipeline, and the links that their rows cross, as stages of a schedule for each sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hwsim.accelerators.imc.counting import LayerCounts
from hwsim.accelerators.imc.first_layer import MAC
from hwsim.accelerators.imc.links import Crossing, after_transfers, apart, crossings, head_cycles, link_stages
from hwsim.accelerators.imc.plan.pipeline import Step
from hwsim.accelerators.imc.plan.plan import Plan
from hwsim.accelerators.imc.plan.streams import stream_waits
from hwsim.accelerators.imc.timing import crossbar_service, latency, neurons_of, service
from hwsim.contract.arrays import IntArray
from hwsim.contract.stages import schedules_of
from hwsim.contract.streams import StreamWaits
from hwsim.engine.schedule import Schedules
from hwsim.engine.stage import BatchStage, Wait

GLOBAL_BUFFER = "global_buffer port"
"""The unit that reads of the raw input hold."""
WRITERS = "writing of crossbars"
"""The unit that passes hold while they are written."""


class Frame(NamedTuple):
    """The stages of a run with what they wait for, none told how long its rows take, and the links that these cross."""

    stages: Schedules
    crossings: Mapping[str, Sequence[Crossing]]  # by step


def frame_of(plan: Plan) -> Frame:
    """That of a run."""
    pipeline, order = plan.pipeline, plan.pipeline.order
    found = crossings(apart(plan.spec, plan.traffic, pipeline))
    stages: list[BatchStage] = []
    for step in pipeline.steps:
        nothing = np.zeros(order.timesteps * step.rows, np.int64)
        own = BatchStage(
            name=step.name,
            layer=plan.placement.layer_of(step.layer.name),
            service=nothing,
            latency=nothing,
            waits=after_transfers(pipeline.waits[step.name], found),
            timestep=_spent_at(plan, step).astype(np.int32),
            unit=_unit(plan, step),
        )
        stages += [own, *link_stages(own, found.get(step.name, ()))]
    last = np.array([order.timesteps * pipeline.step(pipeline.answer).rows - 1], np.int64)
    return Frame(schedules_of(stages, (pipeline.answer, last), 1), found)


def _spent_at(plan: Plan, step: Step) -> IntArray:
    """Up to which timestep a sample has to stay to have done each job: int64 [job].

    That is its own; but what is done in a pass before the last, and to write one, is done whenever a sample leaves.
    """
    timestep, _ = plan.pipeline.order.grid(step.rows)
    passes = plan.placement.passes
    if step.kind == "decision":
        return timestep
    last = step.kind != "write" and passes.of_step(step.name) == passes.last
    return timestep if last else np.zeros_like(timestep)


def _unit(plan: Plan, step: Step) -> str | None:
    """What a step shares with others: the port of the raw input, or crossbars and neuron lanes that layers share."""
    if step.kind == "source":
        return GLOBAL_BUFFER
    if step.kind == "mac":
        return MAC
    if step.kind == "write":
        return WRITERS
    if step.kind == "crossbar":
        return plan.placement.crossbar_units.get(step.name)
    at = neurons_of(plan, step) if step.kind == "neuron" else None
    return None if at is None else plan.placement.neuron_units.get(at)


def shape_of(plan: Plan, frame: Frame) -> Schedules:
    """The stages of a run, in which only crossbars are still to be told how long their rows take."""
    services: dict[str, IntArray] = {}
    latencies: dict[str, IntArray] = {}
    for step in plan.pipeline.steps:
        if step.kind != "crossbar":
            services[step.name] = _by_job(plan, step, service(plan, step))
        latencies[step.name] = _by_job(plan, step, latency(plan, step))
        for crossing in frame.crossings.get(step.name, ()):
            services[crossing.stage] = _by_job(plan, step, plan.runs(step) * np.int64(crossing.flits))
            latencies[crossing.stage] = _by_job(plan, step, plan.runs(step) * head_cycles(plan, step.name))
    return frame.stages.retimed(services, 1, latencies)


def _by_job(plan: Plan, step: Step, cycles: IntArray) -> IntArray:
    """Cycles [timestep or 1, row or 1] of a step's rows: int64 [job]."""
    order = plan.pipeline.order
    return order.arrange(np.broadcast_to(cycles, (order.timesteps, step.rows)))


def services_of(plan: Plan, counts: Mapping[str, LayerCounts]) -> Mapping[str, IntArray]:
    """How long rows take on crossbars with such counts, in every run alike: int64 [job] or [sample, job] by step."""
    order, found = plan.pipeline.order, {}
    for step in plan.pipeline.steps:
        if step.kind == "crossbar":
            cycles = crossbar_service(plan, step, counts[step.name])
            full = np.empty((*cycles.shape[:-2], order.timesteps, step.rows), np.int64)
            full[:] = cycles
            found[step.name] = order.arrange(full)
    return found


def streamed(plan: Plan, samples: int) -> StreamWaits:
    """What the rows of so many samples in a row wait for, those on links included."""
    found = crossings(apart(plan.spec, plan.traffic, plan.pipeline))
    waits = {name: after_transfers(each, found) for name, each in stream_waits(plan, samples).items()}
    for step, crossed in found.items():
        rows = np.arange(samples * plan.timesteps * plan.pipeline.step(step).rows, dtype=np.int64)
        waits |= {crossing.stage: (Wait(step, rows),) for crossing in crossed}
    return waits
