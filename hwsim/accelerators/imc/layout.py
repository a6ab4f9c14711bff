"""All that is known of a network on the machine before there are spikes, kept with the network for other designs.

Each piece holds for every design in which what it read is the same: a plan for those that place, route and order alike,
times for those whose units are as fast, counts of actions for those whose memories are as wide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hwsim.accelerators.imc.forms import Form
from hwsim.accelerators.imc.hardware import hardware
from hwsim.accelerators.imc.plan.plan import Plan, Plans, plans_of
from hwsim.accelerators.imc.plan.storage import needed_bits
from hwsim.accelerators.imc.posting import constant_postings, forms_of
from hwsim.accelerators.imc.schedule import Frame, frame_of, shape_of
from hwsim.accelerators.imc.spec import ImcSpec
from hwsim.arch.reads import kept, real
from hwsim.contract.hardware import Hardware
from hwsim.contract.ledger import Checked
from hwsim.contract.run import RunName
from hwsim.engine.schedule import Schedules
from hwsim.traces.network.layers import Network


@dataclass(frozen=True, slots=True)
class Layout:
    """Plans of a network, and what follows from them alone."""

    spec: ImcSpec
    made: Plans
    plans: Mapping[RunName, Plan]
    constant: Mapping[str, Sequence[Checked]]  # of the fullest run, by step
    forms: Mapping[str, Form]  # of that too, for what spikes drive

    @classmethod
    def of(cls, spec: ImcSpec, network: Network, timesteps: int, runs: tuple[RunName, ...]) -> Layout:
        """That of a network for some runs.

        Raises ArchitectureError where the network does not fit the machine.
        """

        def plans(asked: ImcSpec) -> Plans:
            return Plans(plans_of(asked, network, timesteps, runs).under(real(spec)))

        made = kept(network, ("plans", timesteps, runs), spec, plans)
        fullest = runs[-1]

        def constant(asked: ImcSpec) -> Mapping[str, Sequence[Checked]]:
            return constant_postings(made.under(asked)[fullest])

        def forms(asked: ImcSpec) -> Mapping[str, Form]:
            return forms_of(made.under(asked)[fullest])

        return cls(
            spec=spec,
            made=made,
            plans=made.under(spec),
            constant=kept(made, "constant postings", spec, constant),
            forms=kept(made, "forms", spec, forms),
        )

    def shapes(self) -> Mapping[RunName, Schedules]:
        """What the schedules of all samples share, run by run (see `schedule.shape_of`)."""
        made = self.made

        def frames(asked: ImcSpec) -> Mapping[RunName, Frame]:
            return {run: frame_of(plan) for run, plan in made.under(asked).items()}

        def compute(asked: ImcSpec) -> Mapping[RunName, Schedules]:
            known = kept(made, "frames", asked, frames)
            return {run: shape_of(plan, known[run]) for run, plan in made.under(asked).items()}

        return kept(made, "shapes", self.spec, compute)

    def needed_bits(self) -> Mapping[str, int]:
        """Bits that one memory of each kind needs, by its key."""
        *_, fullest = self.plans

        def compute(asked: ImcSpec) -> Mapping[str, int]:
            return needed_bits(self.made.under(asked)[fullest])

        return kept(self.made, "needed bits", self.spec, compute)

    def hardware(self, parts: frozenset[str]) -> Hardware:
        """Instances, clock domains and memory footprint, of the parts that the machine has.

        Raises ArchitectureError when a chip of fixed size has too little memory.
        """
        *_, fullest = self.plans

        def compute(asked: ImcSpec) -> Hardware:
            return hardware(self.made.under(asked)[fullest], parts)

        return kept(self.made, ("hardware", parts), self.spec, compute)
