"""All that is known of a network on the machine before there are spikes, kept with the network for other designs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hwsim.accelerators.digital.blocked import Blocked, block_layers
from hwsim.accelerators.digital.hardware import hardware
from hwsim.accelerators.digital.mean_fan_out import denominator
from hwsim.accelerators.digital.mover import Traffic
from hwsim.accelerators.digital.parts import Taken, taken
from hwsim.accelerators.digital.plan import Plan, plan_network
from hwsim.accelerators.digital.posting import Fixed, fixed_postings
from hwsim.accelerators.digital.schedule import frame_of, shape_of
from hwsim.accelerators.digital.spec import DigitalSpec
from hwsim.accelerators.digital.storage import Storage, needed_bits, store
from hwsim.accelerators.digital.timing import TaskWork
from hwsim.accelerators.digital.traffic import traffic
from hwsim.arch.reads import derived, kept, real
from hwsim.contract.dense import Dense
from hwsim.contract.hardware import Hardware
from hwsim.contract.neuron_parts import ACTIONS, neuron_parts
from hwsim.engine.schedule import Schedules
from hwsim.traces.network.layers import Network


@dataclass(frozen=True, slots=True)
class Layout:
    """The plan of a network, and what follows from it alone."""

    plan: Plan
    made: Plan  # the same for the design that it was made for
    storage: Storage
    taken: Taken
    fixed: Fixed
    unit: int  # counts of accumulates are in 1 / unit
    still: Mapping[str, Traffic]  # what every task moves without spikes

    @classmethod
    def of(cls, spec: DigitalSpec, network: Network, timesteps: int, dense: Dense | None = None) -> Layout:
        """That of a network, or of the one without spikes in its place.

        Raises ArchitectureError where the network does not fit the machine.
        """
        found = kept(
            network, ("layout", timesteps, dense), spec, lambda asked: cls._made(asked, network, timesteps, dense)
        )
        return replace(found, plan=replace(found.made, spec=spec))

    @classmethod
    def _made(cls, spec: DigitalSpec, network: Network, timesteps: int, dense: Dense | None) -> Layout:
        whole = _planned(spec, network, timesteps, dense)
        homes = kept(whole, "storage", spec, lambda asked: store(replace(whole, spec=asked)))

        def blocked(asked: DigitalSpec) -> Blocked:
            found = block_layers(replace(whole, spec=asked), homes)
            return Blocked(replace(found.plan, spec=whole.spec), found.storage)

        found = kept(homes, "blocked", spec, blocked)
        made, storage = found.plan, found.storage
        actions = {**derived(spec, taken, dense)}
        if dense is None and spec.neuron != "none":
            actions |= {name: ACTIONS[name] for name in neuron_parts(network)}

        def fixed(asked: DigitalSpec) -> Fixed:
            same = replace(made, spec=asked)
            return fixed_postings(same, storage, _without_spikes(same, storage), actions)

        return cls(
            plan=made,
            made=made,
            storage=storage,
            taken=actions,
            fixed=kept(storage, ("fixed postings", tuple(actions.items())), spec, fixed),
            still=_still(replace(made, spec=spec), storage),
            unit=kept(made, "unit", spec, lambda asked: denominator(replace(made, spec=asked))),
        )

    def shape(self) -> Schedules:
        """What the schedules of all samples share (see `schedule.shape_of`)."""
        made, storage = self.made, self.storage

        def compute(asked: DigitalSpec) -> Schedules:
            same = replace(made, spec=asked)
            frame = kept(storage, "frame", asked, lambda spec: frame_of(replace(made, spec=spec), storage))
            return shape_of(same, storage, _without_spikes(same, storage), frame)

        return kept(storage, "shape", self.plan.spec, compute)

    def hardware(self) -> Hardware:
        """Instances, clock domains and memory footprint."""
        return kept(
            self.storage,
            ("hardware", tuple(self.taken)),
            self.plan.spec,
            lambda asked: self._hardware(replace(self.made, spec=asked)),
        )

    def _hardware(self, plan: Plan) -> Hardware:
        return hardware(plan, self.storage, _without_spikes(plan, self.storage), self.taken)


def needed(spec: DigitalSpec, network: Network, timesteps: int, dense: Dense | None = None) -> Mapping[str, int]:
    """Bits that a network, or the one without spikes in its place, needs of each memory (see `needed_bits`)."""
    made = _planned(spec, network, timesteps, dense)
    return kept(made, "needed bits", spec, lambda asked: needed_bits(replace(made, spec=asked)))


def _planned(spec: DigitalSpec, network: Network, timesteps: int, dense: Dense | None) -> Plan:
    def plan(asked: DigitalSpec) -> Plan:
        return replace(plan_network(asked, network, timesteps, dense), spec=real(spec))

    return kept(network, ("plan", timesteps, dense), spec, plan)


def _without_spikes(plan: Plan, storage: Storage) -> list[TaskWork]:
    """What every task does that is the same for any spikes."""

    def compute(asked: DigitalSpec) -> list[TaskWork]:
        same = replace(plan, spec=asked)
        return [TaskWork(task, None, None, traffic(same, storage, task, None)) for task in plan.tasks]

    return kept(storage, "work without spikes", plan.spec, compute)


def _still(plan: Plan, storage: Storage) -> Mapping[str, Traffic]:
    return {work.task.name: work.traffic for work in _without_spikes(plan, storage)}
