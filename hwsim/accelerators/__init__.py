"""The machines, one module or package each, found by name: an architecture file says `machine: NAME`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from hwsim.arch.schema import Spec
from hwsim.contract.machine import Accelerator
from hwsim.errors import ArchitectureError, guess


def names() -> list[str]:
    """Names of all machines."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def machine(name: str) -> type[Accelerator[Any, Any]]:
    """The machine of a name.

    Raises ArchitectureError with a guess for a name that none has.
    """
    if name not in names():
        raise ArchitectureError(f"unknown machine '{name}', known: {', '.join(names())}{guess(name, names())}")
    found: type[Accelerator[Any, Any]] = importlib.import_module(f"{__name__}.{name}").Machine
    return found


def spec_type(name: str) -> type[Spec]:
    """The specification that an architecture file of a machine is checked against."""
    return machine(name).spec_type
