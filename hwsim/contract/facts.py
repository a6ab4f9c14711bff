"""What a machine says about itself, so that the laws that hold for every machine can be tested on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Doings = frozenset[tuple[str, str]]
"""Pairs of a component and its action."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """How a machine decides, what only prices change, and what spikes cost it.

    Overrides are `KEY=VALUE`.  Laws about counts are tested with decisions frozen, as leaving early may lower them.
    """

    deciding: tuple[str, ...] = ()  # overrides that make it decide something on a trace of a few samples
    frozen: tuple[str, ...] = ()  # overrides that switch all decisions off
    prices_only: tuple[str, ...]  # overrides that change prices and nothing else
    spike_driven: Doings  # actions that only spikes cause, as its designs are set
    computed: Doings = frozenset()  # actions that follow from what its neurons do: spikes may lower their counts
    whole: str = ""  # why the first timesteps of a trace cannot be played by themselves; '' where they can
    by_design: Mapping[str, Facts] = field(default_factory=dict)  # of designs that differ, all facts by their name

    def for_design(self, name: str) -> Facts:
        """The facts of one design of the machine, by the name of its file without the ending."""
        return self.by_design.get(name, self)
