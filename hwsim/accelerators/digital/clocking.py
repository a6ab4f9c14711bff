"""Which registers of a digital machine run when."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from fractions import Fraction

from hwsim.accelerators.digital.plan import Plan, Task
from hwsim.accelerators.digital.timing import Role, roles_of, stage_name
from hwsim.contract.neuron_parts import ACTIONS


def clocked(plan: Plan, parts: Collection[str]) -> Mapping[str, Mapping[str, Fraction]]:
    """Stage -> component -> share of its flip-flops that run: all of what the stage works with.

    While the array multiplies the registers of its adders stand, and the other way round.
    """
    return {
        stage_name(task, role): dict.fromkeys((name for name in _used(task, role) if name in parts), Fraction(1))
        for task in plan.tasks
        for role in roles_of(plan, task)
    }


def _used(task: Task, role: Role) -> tuple[str, ...]:
    match role:
        case "array":
            return "ac" if task.unit == "ac" else "mac", "detector", "scratchpad"
        case "finish":
            return ("neuron", *ACTIONS) if task.finish == "neuron" else (str(task.finish),)
        case "buffer" | "store":
            return ("global_buffer",)
        case "dram" | "spill":
            return ("codec",)
    return ()
