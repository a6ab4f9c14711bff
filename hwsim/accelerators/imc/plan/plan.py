"""A network laid out on the machine: where its weights lie, what travels, and in which order work is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from hwsim.accelerators.imc.plan.passes import Passes
from hwsim.accelerators.imc.plan.pipeline import Options, Pipeline, Step, build
from hwsim.accelerators.imc.plan.placement import Placement, place
from hwsim.accelerators.imc.plan.traffic import Traffic, route
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.arch.reads import kept
from hwsim.contract.arrays import IntArray
from hwsim.contract.run import RunName
from hwsim.kept import Keeps
from hwsim.traces.network.layers import Network
from hwsim.traces.network.raw_input import follows_input, multiplies_input


@dataclass(frozen=True, slots=True)
class Plan:
    """What does not depend on spikes."""

    spec: ImcSpec
    network: Network  # with a layer for each part of one that passes share out
    placement: Placement
    traffic: Traffic
    pipeline: Pipeline
    options: Options
    read_until: Mapping[str, int]  # step -> the last pass that reads its rows; not of those that none reads
    crossing_currents: Mapping[str, int]  # the same of layers whose currents a later pass reads: they are stored

    @property
    def timesteps(self) -> int:
        """Timesteps lowered."""
        return self.pipeline.order.timesteps

    def input_runs(self) -> IntArray:
        """1 for timesteps at which the direct-coded input is read and multiplied, else 0: int64 [timestep]."""
        runs = np.ones(self.timesteps, np.int64)
        if self.spec.keeps_currents:
            runs[1:] = 0
        return runs

    def runs(self, step: Step) -> IntArray:
        """1 for timesteps at which a step does its work: int64 [timestep, 1]."""
        if step.kind == "write":
            first: IntArray = (np.arange(self.timesteps) == 0).astype(np.int64)[:, None]
            return first
        weighted = step.kind in ("crossbar", "mac") and multiplies_input(self.network, step.layer)
        direct = weighted or follows_input(self.network, step.layer.name)
        runs = self.input_runs() if direct else np.ones(self.timesteps, np.int64)
        return runs[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Plans(Keeps):
    """The plan of every run: they differ in the order of work alone."""

    by_run: Mapping[RunName, Plan]

    def under(self, spec: ImcSpec) -> Mapping[RunName, Plan]:
        """The same for another design in which all is the same that they were made from."""
        if all(plan.spec is spec for plan in self.by_run.values()):
            return self.by_run
        return {run: replace(plan, spec=spec) for run, plan in self.by_run.items()}


def placed(spec: ImcSpec, network: Network) -> Placement:
    """Where the layers of a network lie, kept with it."""
    return kept(network, "placement", spec, lambda asked: place(asked, network))


def plans_of(spec: ImcSpec, network: Network, timesteps: int, runs: tuple[RunName, ...]) -> Plans:
    """Lay a network out for every run.

    Raises ArchitectureError where the network does not fit the machine.
    """
    placement, plans = placed(spec, network), {}
    network = placement.network
    traffic = route(spec, network, placement)
    for run in runs:
        options = Options(
            row_pipelining=spec.pipelining == "rows",
            layer_outer=spec.loop_order == "layer_outer",
            slack_rows=spec.buffer_slack_rows,
            gated=run is RunName.EARLY_EXIT,
            overlapped=run is RunName.OVERLAPPED,
            off_chip=spec.assumptions.off_chip(network),
            digital=spec.digital_layers(network),
            passes=placement.passes,
        )
        pipeline = build(network, timesteps, options)
        until = _read_until(placement.passes, pipeline)
        crossing = {
            name: last
            for name, last in until.items()
            if last > placement.passes.of_step(name) and name in network.places and network.gives_currents(name)
        }
        plans[run] = Plan(spec, network, placement, traffic, pipeline, options, until, crossing)
    return Plans(plans)


def _read_until(passes: Passes, pipeline: Pipeline) -> Mapping[str, int]:
    """The last pass that reads rows of each step: passes run one after another, so no reader is in an earlier one."""
    found: dict[str, int] = {}
    for edge in (buffer.edge for buffer in pipeline.edges):
        found[edge.producer] = max(passes.of_step(edge.consumer), found.get(edge.producer, 0))
    return found
