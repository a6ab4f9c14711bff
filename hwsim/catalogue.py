"""What comes with hwsim; no design is checked and no machine imported for it."""

from __future__ import annotations

from dataclasses import dataclass

from hwsim import accelerators
from hwsim.arch.files import named, shipped


@dataclass(frozen=True, slots=True)
class Shipped:
    """A design that comes with hwsim."""

    name: str
    machine: str
    plays: tuple[str, ...]  # codings of traces
    description: str


def catalogue() -> list[Shipped]:
    """The designs that come with hwsim; none of them is checked for it."""
    described = [(name, *named(name)) for name in shipped()]
    return [Shipped(name, machine, accelerators.plays(machine), text) for name, machine, text in described]
