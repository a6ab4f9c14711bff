"""The steps of the pipeline, and the links that their rows cross, as stages of a schedule for each sample."""

from __future__ import annotations

import numpy as np

from hwsim.accelerators.imc.links import after_transfers, apart, crossings, link_stages
from hwsim.accelerators.imc.plan.plan import Plan
from hwsim.accelerators.imc.timing import crossbar_service, latency, service
from hwsim.accelerators.imc.work import Work
from hwsim.contract.stages import schedules_of
from hwsim.engine.schedule import Schedules
from hwsim.engine.stage import BatchStage

GLOBAL_BUFFER = "global_buffer port"
"""The unit that reads of the raw input hold."""


def shape_of(plan: Plan) -> Schedules:
    """The stages of a run, in which only crossbars are still to be told how long their rows take."""
    pipeline, order = plan.pipeline, plan.pipeline.order
    found = crossings(apart(plan.spec, plan.traffic, pipeline))
    sending = link_stages(plan, found)
    stages: list[BatchStage] = []
    for step in pipeline.steps:
        rows = (order.timesteps, step.rows)
        cycles = np.zeros((1, 1), np.int64) if step.kind == "crossbar" else service(plan, step)
        own = BatchStage(
            name=step.name,
            layer=step.layer.name,
            service=order.arrange(np.broadcast_to(cycles, rows)),
            latency=order.arrange(np.broadcast_to(latency(plan, step), rows)),
            waits=after_transfers(pipeline.waits[step.name], found),
            timestep=order.grid(step.rows)[0].astype(np.int32),
            unit=GLOBAL_BUFFER if step.kind == "source" else None,
        )
        stages += [own, *sending.get(step.name, ())]
    last = np.array([order.timesteps * pipeline.step(pipeline.answer).rows - 1], np.int64)
    return schedules_of(stages, (pipeline.answer, last), 1)


def schedules(work: Work, shape: Schedules) -> Schedules:
    """One schedule for each sample of the batch."""
    order, services = work.pipeline.order, {}
    for step in work.pipeline.steps:
        if step.kind == "crossbar":
            cycles = crossbar_service(work, step)
            full = np.broadcast_to(cycles, (*cycles.shape[:-2], order.timesteps, step.rows))
            services[step.name] = order.arrange(full)
    return shape.retimed(services, work.n_samples)
