"""The steps of the pipeline, and the links that their rows cross, as stages of a schedule for each sample."""

from __future__ import annotations

import numpy as np

from hwsim.accelerators.imc.links import after_transfers, apart, crossings, link_stages
from hwsim.accelerators.imc.timing import latency, service
from hwsim.accelerators.imc.work import Work
from hwsim.contract.stages import BatchStage, schedules_of
from hwsim.engine.schedule import Schedule

GLOBAL_BUFFER = "global_buffer port"
"""The unit that reads of the raw input hold."""


def schedules(work: Work) -> list[Schedule]:
    """One schedule for each sample of the batch."""
    pipeline, order = work.pipeline, work.pipeline.order
    found = crossings(apart(work.spec, work.traffic, pipeline))
    sending = link_stages(work, found)
    stages: list[BatchStage] = []
    for step in pipeline.steps:
        cycles, shape = service(work, step), (order.timesteps, step.rows)
        own = BatchStage(
            name=step.name,
            layer=step.layer.name,
            service=order.arrange(np.broadcast_to(cycles, (*cycles.shape[:-2], *shape))),
            latency=order.arrange(np.broadcast_to(latency(work, step), shape)),
            waits=after_transfers(pipeline.waits[step.name], found),
            timestep=order.grid(step.rows)[0].astype(np.int32),
            unit=GLOBAL_BUFFER if step.kind == "source" else None,
        )
        stages += [own, *sending.get(step.name, ())]
    last = np.array([order.timesteps * pipeline.step(pipeline.answer).rows - 1], np.int64)
    return schedules_of(stages, (pipeline.answer, last), work.n_samples)
