"""Links of the mesh as shared units of a schedule: which stages hold them, for how long.

When a row is done it asks for all links of its routes at once and holds each for a cycle a flit.  It has arrived
everywhere once the last of them has passed it on and the head has gone through the routers of the longest route: if it
never waits, after (flits on its busiest link) + hops * router cycles.  Space for a row is granted where it goes before
it is made, so what is under way is bounded and links never wait for space.

Some links stand for others, with the same times: of those that only one step uses the busiest, and any one of those
that the same steps cross with the same flits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from hwsim.accelerators.imc.plan.mesh import Link
from hwsim.accelerators.imc.plan.pipeline import Pipeline
from hwsim.accelerators.imc.plan.plan import Plan
from hwsim.accelerators.imc.plan.traffic import Traffic, Transfer
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.engine.stage import BatchStage, Wait


@dataclass(frozen=True, slots=True)
class Crossing:
    """The rows of a step on a link."""

    step: str
    unit: str
    flits: int  # of one row

    @property
    def stage(self) -> str:
        """Name of the stage that holds the link."""
        return f"{self.step} {self.unit}"


def crossings(transfers: Mapping[str, Transfer]) -> dict[str, list[Crossing]]:
    """By step, the links that matter, those that stand for others only once."""
    users: defaultdict[Link, list[tuple[str, int]]] = defaultdict(list)
    for step, transfer in transfers.items():
        for link, flits in transfer.flits.items():
            users[link].append((step, flits))
    chosen: dict[tuple[tuple[str, int], ...], Link] = {}
    for link in sorted(users):
        chosen.setdefault(tuple(users[link]), link)
    found: dict[str, list[Crossing]] = {step: [] for step in transfers}
    alone: dict[str, Crossing] = {}
    for group, (source, destination) in chosen.items():
        unit = f"link {source}-{destination}"
        for step, flits in group:
            crossing = Crossing(step, unit, flits)
            if len(group) > 1:
                found[step].append(crossing)
            elif step not in alone or flits > alone[step].flits:
                alone[step] = crossing
    for step, crossing in alone.items():
        found[step].append(crossing)
    return found


def apart(spec: ImcSpec, traffic: Traffic, pipeline: Pipeline) -> Mapping[str, Transfer]:
    """Transfers that have stages of their own: all but the one that ends the inference, which has the mesh to itself.

    There are none where links are ideal.
    """
    return {step: sent for step, sent in traffic.transfers.items() if _is_apart(spec, step, pipeline)}


def _is_apart(spec: ImcSpec, step: str, pipeline: Pipeline) -> bool:
    return spec.mesh != "ideal" and step != pipeline.output


def own_cycles(plan: Plan, step: str) -> int:
    """Cycles that a row of a step is under way where links are ideal, so that it never waits for any."""
    sent = plan.traffic.transfers.get(step)
    if sent is None or _is_apart(plan.spec, step, plan.pipeline):
        return 0
    return sent.most + head_cycles(plan, step)


def head_cycles(plan: Plan, step: str) -> int:
    """Cycles that the head of a row takes through the routers of its longest route."""
    return plan.traffic.transfers[step].hops * plan.spec.noc.cycles


def link_stages(own: BatchStage, found: Iterable[Crossing]) -> list[BatchStage]:
    """The stages that hold links for the rows of a step, whose own stage is given; not for how long."""
    sent = replace(own, waits=(Wait(own.name, np.arange(own.n_jobs, dtype=np.int64)),))
    return [replace(sent, name=each.stage, unit=each.unit) for each in found]


def after_transfers(waits: Iterable[Wait], found: Mapping[str, Iterable[Crossing]]) -> tuple[Wait, ...]:
    """Waits for rows, of which those that travel must have arrived."""
    changed: list[Wait] = []
    for wait in waits:
        if wait.event == "done" and wait.stage in found:
            changed += [replace(wait, stage=crossing.stage) for crossing in found[wait.stage]]
        else:
            changed.append(wait)
    return tuple(changed)
